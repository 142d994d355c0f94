"""What a report is made from: the runs, what was found in them, and the pictures that show it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexvgg.data.arrays import Description
from alexvgg.reporting.ablations import Comparison
from alexvgg.reporting.effort import Effort
from alexvgg.reporting.results import Run, by_model


@dataclass(frozen=True)
class Pictures:
    """PNG files."""

    curves: Path
    crops: Path
    montage: Path
    architectures: Path  # a folder, `<model>.png`
    comparisons: Path  # a folder, `<comparison>.png`


@dataclass(frozen=True)
class Contents:
    """The same for the table of the talk, the page and the deck.

    `published` has each architecture as the slides write it, as stage `published` counts it.
    """

    profile: str
    runs: list[Run]
    comparisons: list[Comparison]
    efforts: list[Effort]
    published: dict[str, dict[str, Any]]
    description: Description
    pictures: Pictures

    @property
    def first_of_model(self) -> dict[str, Run]:
        """The run of each model with its first seed."""
        return {model: several[0] for model, several in by_model(self.runs).items()}
