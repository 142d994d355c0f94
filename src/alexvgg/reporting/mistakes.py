"""Which classes a network confuses, and its most confident mistakes: from its answers, as `rows.answers` has them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from alexvgg.data.arrays import Description
from alexvgg.data.dataset import Split
from alexvgg.evaluation.by_class import accuracy_by_class
from alexvgg.rows.row import Row
from alexvgg.system.errors import DataError


@dataclass(frozen=True)
class Mistake:
    """A test image with a wrong answer, by its index; `confidence` is the answer's probability."""

    index: int
    label: str
    answer: str
    confidence: float


def check(row: Row, test: Split, classes: list[str]) -> None:
    """Raises DataError if a row's answers are not on this test split."""
    if list(row.answers["label"]) != [classes[label] for label in test.labels]:
        raise DataError(f"the answers of {row.name} are on another test split; run `dvc repro`")


def confusion(given: pd.DataFrame, description: Description) -> np.ndarray:
    """Shares, float (groups, groups): of the images of a row's group, how many were answered with a column's."""
    group_of = {name: i for i, members in enumerate(description.groups.values()) for name in members}
    return _shares(given["label"].map(group_of), given["answer"].map(group_of), len(description.groups))


def confused_pairs(given: pd.DataFrame, classes: list[str], count: int) -> list[tuple[str, str, float]]:
    """Label, wrong answer, and the share of the label's images with that answer; the most frequent first."""
    index = {name: i for i, name in enumerate(classes)}
    shares = _shares(given["label"].map(index), given["answer"].map(index), len(classes))
    np.fill_diagonal(shares, 0)
    order = np.argsort(-shares, axis=None, kind="stable")[:count]
    pairs = [divmod(int(place), len(classes)) for place in order]
    return [(classes[a], classes[b], float(shares[a, b])) for a, b in pairs if shares[a, b] > 0]


def mistakes(given: pd.DataFrame, count: int) -> list[Mistake]:
    """The wrong answers that the network was surest of."""
    wrong = given[given["label"] != given["answer"]].sort_values("confidence", ascending=False, kind="stable")
    columns = zip(wrong.index, wrong["label"], wrong["answer"], wrong["confidence"], strict=True)
    return [Mistake(int(i), str(label), str(answer), float(sure)) for i, label, answer, sure in columns][:count]


def by_class(given: pd.DataFrame) -> list[tuple[str, float]]:
    """Classes and the share of their images that are answered rightly, the best first."""
    return sorted(accuracy_by_class(given).items(), key=lambda item: (-item[1], item[0]))


def _shares(rows: pd.Series, columns: pd.Series, size: int) -> np.ndarray:
    counts = np.zeros((size, size))
    np.add.at(counts, (rows.to_numpy(), columns.to_numpy()), 1)
    return counts / counts.sum(axis=1, keepdims=True)
