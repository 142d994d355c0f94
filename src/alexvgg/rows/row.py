"""One row: what `train` and `evaluate` wrote of one model and seed."""

from dataclasses import dataclass

import pandas as pd

from alexvgg.rows import answers, history
from alexvgg.rows.evaluation import Evaluation
from alexvgg.rows.paths import RowFiles
from alexvgg.rows.summary import Summary


@dataclass(frozen=True)
class Row:
    """A row in memory. `history` has the columns of `history.Epoch`, `answers` those of `answers`."""

    summary: Summary
    evaluation: Evaluation
    history: pd.DataFrame
    answers: pd.DataFrame

    @classmethod
    def read(cls, files: RowFiles) -> "Row":
        """Raises DataError."""
        return cls(
            Summary.read(files.summary),
            Evaluation.read(files.evaluation),
            history.read(files.history),
            answers.read(files.answers),
        )

    @property
    def name(self) -> str:
        """`<model>-<seed>`."""
        return self.summary.name


def by_model(rows: list[Row]) -> dict[str, list[Row]]:
    """The rows of each model, in their order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.summary.model, []).append(row)
    return found
