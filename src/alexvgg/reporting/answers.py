"""What a network answered on the test split: which classes it confuses, and its most confident mistakes.

Answers are a table of `label` and `answer`, names of classes, and `confidence`, the answer's probability: a line an
image, in the order of the split.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from alexvgg.data.arrays import Description
from alexvgg.data.dataset import Split
from alexvgg.errors import DataError


@dataclass(frozen=True)
class Mistake:
    """A test image with a wrong answer, by its index; `confidence` is the answer's probability."""

    index: int
    label: str
    answer: str
    confidence: float


def load(path: Path, test: Split, classes: list[str]) -> pd.DataFrame:
    """The answers in a file of the stage `evaluate`, which have to be on this test split. Raises DataError."""
    given = pd.read_csv(path, dtype={"label": str, "answer": str}, keep_default_na=False)
    if list(given["label"]) != [classes[label] for label in test.labels]:
        raise DataError(f"{path} has the answers on another test split; run `dvc repro`")
    return given


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


def accuracy_by_class(given: pd.DataFrame) -> list[tuple[str, float]]:
    """Classes and the share of their images that are answered rightly, the best first."""
    right = (given["label"] == given["answer"]).groupby(given["label"]).mean()
    shares = [(str(name), float(share)) for name, share in right.items()]
    return sorted(shares, key=lambda item: (-item[1], item[0]))


def _shares(rows: pd.Series, columns: pd.Series, size: int) -> np.ndarray:
    counts = np.zeros((size, size))
    np.add.at(counts, (rows.to_numpy(), columns.to_numpy()), 1)
    return counts / counts.sum(axis=1, keepdims=True)
