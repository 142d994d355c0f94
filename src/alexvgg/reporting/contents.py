"""What a report is made from: the rows, what was found in them, and the pictures that show it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexvgg.data.arrays import Description
from alexvgg.reporting.comparisons import Comparison
from alexvgg.reporting.effort import Effort
from alexvgg.rows.row import Row, by_model


@dataclass(frozen=True)
class Pictures:
    """PNG files."""

    curves: Path
    crops: Path
    montage: Path
    networks: Path  # a folder, `<model>.png`
    comparisons: Path  # a folder, `<comparison>.png`


@dataclass(frozen=True)
class Contents:
    """The same for the table of the talk, the page and the deck.

    `drawn` has each architecture as the slides draw it, as the stage `networks` counts it.
    """

    profile: str
    rows: list[Row]
    comparisons: list[Comparison]
    efforts: list[Effort]
    drawn: dict[str, dict[str, Any]]
    description: Description
    pictures: Pictures

    @property
    def first_of_model(self) -> dict[str, Row]:
        """The row of each model with its first seed."""
        return {model: several[0] for model, several in by_model(self.rows).items()}
