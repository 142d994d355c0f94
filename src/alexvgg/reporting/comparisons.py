"""Which models of a roster differ in one thing that a slide makes a claim about, and whether the claim held.

Nothing has to be declared: two entries that differ only in, say, `activation` are a comparison for
slide Fig 2.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from alexvgg.reporting import slide
from alexvgg.rows.row import Row

UNITS = {
    "epochs_to_error": "epochs to a training error of {target:.3f}",
    "val_error": "validation error",
    "gap": "accuracy on training images less accuracy on validation images, both without dropout and in centre crops",
}


@dataclass(frozen=True)
class Variant:
    """One side of a comparison: its model, and a number for each seed."""

    name: str
    model: str
    values: list[float]

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @property
    def deviation(self) -> float:
        """Standard deviation between seeds; nan for one."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else math.nan

    @property
    def spread(self) -> str:
        """Mean ± standard deviation, for a table."""
        return f"{self.mean:.4f}" + (f" ± {self.deviation:.4f}" if len(self.values) > 1 else "")


@dataclass(frozen=True)
class Difference:
    """A variant compared with the reference.

    `difference` is the variant's mean less the reference's, `interval` the half width of its 95 % interval (nan with
    one seed).
    """

    variant: Variant
    difference: float
    interval: float
    held: bool | None  # None: no significant difference

    @property
    def half_width(self) -> str:
        """The interval, for a table."""
        return "–" if math.isnan(self.interval) else f"± {self.interval:.4f}"

    @property
    def in_words(self) -> str:
        return {True: "held", False: "did not hold", None: "no significant difference"}[self.held]


@dataclass(frozen=True)
class Comparison:
    """One claim, measured: the reference first, then what was compared with it."""

    claim: slide.Claim
    reference: Variant
    differences: list[Difference]
    measured: str

    @property
    def name(self) -> str:
        """For a file."""
        return f"{self.claim.key}-{self.reference.model}"

    @property
    def variants(self) -> list[Variant]:
        return [self.reference, *(one.variant for one in self.differences)]


def comparisons(rows: list[Row]) -> list[Comparison]:
    """Every comparison that the roster allows, in the order of the slides."""
    found = []
    for claim in slide.CLAIMS:
        for group in _groups(claim, rows):
            if claim.reference in group and len(group) > 1:
                found.append(_compare(claim, group))
    return found


def _groups(claim: slide.Claim, rows: list[Row]) -> list[dict[Any, list[Row]]]:
    """Rows that are alike in everything but the claim's setting (and the seed), by their value of it."""
    groups: dict[str, dict[Any, list[Row]]] = {}
    for row in rows:
        summary = row.summary
        settings = {"architecture": summary.architecture, "crop": summary.crop, **summary.options}
        settings |= summary.recipe.model_dump()
        value = settings.pop(claim.setting, None)
        if value in claim.names:
            alike = json.dumps(settings, sort_keys=True)
            groups.setdefault(alike, {}).setdefault(value, []).append(row)
    return list(groups.values())


def _compare(claim: slide.Claim, group: dict[Any, list[Row]]) -> Comparison:
    numbers, target = _measure(claim.measure, group)
    variants = {
        value: Variant(claim.names[value], group[value][0].summary.model, numbers[value])
        for value in claim.names
        if value in group
    }
    reference = variants[claim.reference]
    differences = [
        difference(variant, reference, list(variants.values()), value in claim.no_better)
        for value, variant in variants.items()
        if value != claim.reference
    ]
    return Comparison(claim, reference, differences, UNITS[claim.measure].format(target=target))


def _measure(measure: str, group: dict[Any, list[Row]]) -> tuple[dict[Any, list[float]], float]:
    """A number for every row, the lower the better; and the training error that was to be reached."""
    if measure == "epochs_to_error":
        curves = {value: [1 - row.history["acc"].to_numpy() for row in rows] for value, rows in group.items()}
        target = max(float(errors.min()) for several in curves.values() for errors in several)
        return {value: [epochs_to(target, errors) for errors in several] for value, several in curves.items()}, target
    number = {
        "val_error": lambda row: 1 - row.summary.val_acc,
        "gap": lambda row: row.evaluation.train_acc - row.summary.val_acc,
    }[measure]
    return {value: [number(row) for row in rows] for value, rows in group.items()}, math.nan


def epochs_to(target: float, errors: np.ndarray) -> float:
    """Epochs until the error, one value an epoch, is at most `target`, with straight lines between the epochs.

    An epoch's error is the mean over its steps, so it stands for the epoch's middle.
    """
    first = int(np.argmax(errors <= target))
    if first == 0:
        return 0.5
    above, below = errors[first - 1], errors[first]
    return float(first - 0.5 + (above - target) / (above - below))


def difference(variant: Variant, reference: Variant, all_variants: list[Variant], no_better: bool) -> Difference:
    """The seeds' variance is taken to be the same for all variants of a comparison, and pooled."""
    found = variant.mean - reference.mean
    freedom = sum(len(one.values) - 1 for one in all_variants)
    if freedom == 0:
        return Difference(variant, found, math.nan, None)
    squares = sum(float(((np.array(one.values) - one.mean) ** 2).sum()) for one in all_variants)
    error = math.sqrt(squares / freedom * (1 / len(variant.values) + 1 / len(reference.values)))
    from scipy import stats  # takes half a second, and often nothing is compared

    interval = float(stats.t.ppf(0.975, freedom)) * error
    better = None if abs(found) <= interval else found < 0
    if no_better:
        return Difference(variant, found, interval, better is not True)
    return Difference(variant, found, interval, better)
