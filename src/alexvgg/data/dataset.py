"""A data set in memory, before it is split."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Split:
    """Images, uint8 (n, side, side, 3), and their labels, int32 (n,)."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> "Split":
        return Split(self.images[indices], self.labels[indices])


@dataclass(frozen=True)
class Dataset:
    """A data set as published: a part to train with, a part to test with, the names of the classes.

    `superclasses` groups the classes, by name; it is empty where the data set has no such groups.
    """

    train: Split
    test: Split
    classes: list[str]
    superclasses: dict[str, list[str]]
