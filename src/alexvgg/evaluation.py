"""What a trained network's answers are worth, and the network back from its weights.

Imports TensorFlow: call `runtime.start` before importing this.
"""

from pathlib import Path
from typing import Any

import numpy as np

from alexvgg import files, metrics
from alexvgg.data.arrays import Description
from alexvgg.errors import DataError
from alexvgg.prediction import build

TOP_K = 5


def test_metrics(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Loss (nats, no label smoothing), top-1 with its 95 % interval, and top-5, on the test split."""
    accuracy = metrics.accuracy(logits, labels)
    low, high = metrics.accuracy_interval(accuracy, len(labels))
    return {
        "test_loss": metrics.cross_entropy(logits, labels),
        "test_acc": accuracy,
        "test_acc_low": low,
        "test_acc_high": high,
        "test_top5": metrics.top_k_accuracy(logits, labels, TOP_K),
    }


def rebuild(summary: dict[str, Any], description: Description, weights: Path) -> Any:
    """The trained Keras model: built from code, weights from disk, which have to be its own to the bit.

    Raises DataError.
    """
    if files.sha256(weights) != summary["weights_sha256"]:
        raise DataError(
            f"{weights} is damaged, or not of this training (its sha256 is not the summary's); "
            "run `dvc checkout` or `dvc repro`"
        )
    model = build(summary, description)
    model.load_weights(weights)
    return model
