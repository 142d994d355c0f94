"""Where a row lies on disk."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RowFiles:
    """Where a row lies. The weights are apart, so that the others can be fetched without them."""

    weights: Path
    summary: Path
    history: Path
    evaluation: Path
    answers: Path

    @property
    def trained(self) -> bool:
        """Whether everything is there that `train` writes, except the weights."""
        return self.summary.is_file() and self.history.is_file()

    @property
    def whole(self) -> bool:
        """Whether everything is there except the weights."""
        return self.trained and self.evaluation.is_file() and self.answers.is_file()
