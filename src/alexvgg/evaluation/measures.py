"""The test metrics of a trained network, from its logits; and the network, rebuilt from its weights.

Imports TensorFlow: call `runtime.start` before importing this.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alexvgg.data.arrays import Description
from alexvgg.evaluation import metrics
from alexvgg.evaluation.prediction import build
from alexvgg.rows.summary import Summary
from alexvgg.system import files
from alexvgg.system.errors import DataError

TOP_K = 5
BINS = 15  # of the calibration error, as in Guo et al. 2017


def test_metrics(logits: np.ndarray, labels: np.ndarray, description: Description) -> dict[str, float | None]:
    """The metrics of `rows.evaluation.Evaluation` of the test split, from its logits, float32 (n, classes).

    Loss in nats, without label smoothing; top-1 with its 95 % interval; top-5 where there are more than five classes;
    the calibration error; where the data has superclasses, the share of answers in the label's superclass.
    """
    accuracy = metrics.accuracy(logits, labels)
    low, high = metrics.accuracy_interval(accuracy, len(labels))
    measured: dict[str, float | None] = {
        "test_loss": metrics.cross_entropy(logits, labels),
        "test_acc": accuracy,
        "test_acc_low": low,
        "test_acc_high": high,
        "test_top5": metrics.top_k_accuracy(logits, labels, TOP_K) if logits.shape[1] > TOP_K else None,
        "test_ece": calibration_error(logits, labels),
        "test_superclass_acc": None,
    }
    if description.superclasses:
        group = {name: i for i, names in enumerate(description.superclasses.values()) for name in names}
        groups = np.array([group[name] for name in description.classes])
        measured["test_superclass_acc"] = float((groups[logits.argmax(axis=1)] == groups[labels]).mean())
    return measured


def calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    """The expected calibration error: the mean distance between confidence and accuracy (Guo et al. 2017, eq. 3).

    Images are sorted into bins of equal width by the probability of their answer.
    """
    confidence = np.exp(metrics.log_softmax(logits)).max(axis=1)
    right = logits.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    distance = np.bincount(bins, right, BINS) - np.bincount(bins, confidence, BINS)
    return float(np.abs(distance).sum() / len(labels))


def answers(logits: np.ndarray, labels: np.ndarray, classes: list[str]) -> pd.DataFrame:
    """The columns of `rows.answers`, a line an image."""
    names = np.array(classes)
    return pd.DataFrame({
        "label": names[labels],
        "answer": names[logits.argmax(axis=1)],
        "confidence": np.exp(metrics.log_softmax(logits)).max(axis=1),
        "rank": metrics.label_rank(logits, labels),
    })  # fmt: skip


def rebuild(summary: Summary, description: Description, weights: Path) -> Any:
    """The trained Keras model: built from code, with the weights from disk if they are the summary's to the bit.

    Raises DataError.
    """
    if files.sha256(weights) != summary.weights_sha256:
        raise DataError(
            f"{weights} is damaged, or not of this training (its sha256 is not the summary's); "
            "run `dvc checkout` or `dvc repro`"
        )
    model = build(summary, description)
    model.load_weights(weights)
    return model
