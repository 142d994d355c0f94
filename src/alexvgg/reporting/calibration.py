"""Whether a network is as often right as it is sure, from its answers, as `rows.answers` has them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

BINS = 15  # as many as the calibration error in `evaluation/measures.py` is made of


@dataclass(frozen=True)
class Bin:
    """Answers of about the same confidence: its mean, the share of them that is right, and their share of all."""

    confidence: float
    accuracy: float
    share: float


def bins(given: pd.DataFrame) -> list[Bin]:
    """The bins that have answers in them, by confidence."""
    sure = given["confidence"].to_numpy(dtype=float)
    right = (given["label"] == given["answer"]).to_numpy(dtype=float)
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    counts, sums, hits = (np.bincount(place, weights, BINS) for weights in (None, sure, right))
    return [
        Bin(float(total / count), float(hit / count), float(count / len(given)))
        for count, total, hit in zip(counts, sums, hits, strict=True)
        if count
    ]


def error(found: list[Bin]) -> float:
    """The expected calibration error: the mean distance between confidence and accuracy."""
    return sum(one.share * abs(one.accuracy - one.confidence) for one in found)
