"""What a network answered on the test split: which classes it confuses, and its most confident mistakes."""

from dataclasses import dataclass

import numpy as np

from alexvgg.data.arrays import Description
from alexvgg.data.dataset import Split
from alexvgg.metrics import log_softmax


@dataclass(frozen=True)
class Mistake:
    """A test image with a wrong answer, by its index; `confidence` is the answer's probability."""

    index: int
    label: str
    answer: str
    confidence: float


def confusion(logits: np.ndarray, test: Split, description: Description) -> np.ndarray:
    """Shares, float (groups, groups): of the images of a row's group, how many were answered with a column's."""
    names = description.groups
    group_of = {name: i for i, members in enumerate(names.values()) for name in members}
    index = np.array([group_of[name] for name in description.classes])
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, (index[test.labels], index[logits.argmax(axis=1)]), 1)
    return counts / counts.sum(axis=1, keepdims=True)


def confused_pairs(logits: np.ndarray, test: Split, classes: list[str], count: int) -> list[tuple[str, str, float]]:
    """Label, wrong answer, and the share of the label's images with that answer; the most frequent first."""
    counts = np.zeros((len(classes), len(classes)))
    np.add.at(counts, (test.labels, logits.argmax(axis=1)), 1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    np.fill_diagonal(shares, 0)
    order = np.argsort(-shares, axis=None, kind="stable")[:count]
    pairs = [divmod(int(place), len(classes)) for place in order]
    return [(classes[a], classes[b], float(shares[a, b])) for a, b in pairs if shares[a, b] > 0]


def mistakes(logits: np.ndarray, test: Split, classes: list[str], count: int) -> list[Mistake]:
    """The wrong answers that the network was surest of."""
    answer, confidence = logits.argmax(axis=1), np.exp(log_softmax(logits)).max(axis=1)
    wrong = np.flatnonzero(answer != test.labels)
    chosen = wrong[np.argsort(-confidence[wrong], kind="stable")][:count]
    return [Mistake(int(i), classes[test.labels[i]], classes[answer[i]], float(confidence[i])) for i in chosen]
