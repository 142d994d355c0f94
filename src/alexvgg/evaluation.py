"""A trained network, rebuilt from code; its answers on a split, and what they are worth.

Imports TensorFlow: call `runtime.start` before importing this.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from alexvgg import files, metrics, models
from alexvgg.crops import Cropper
from alexvgg.data.arrays import Description
from alexvgg.errors import DataError

TOP_K = 5


def logits_network(model: Any) -> Any:
    """The same network up to its logits, sharing its weights."""
    return keras.Model(model.inputs, model.get_layer("logits").output)


class Predictor:
    """Logits of a network for whole splits, in inference mode, on centre crops.

    `network` maps float32 (n, crop, crop, 3) to logits, float32 (n, classes). It is compiled once and can
    be called as its weights change.
    """

    def __init__(self, network: Any, cropper: Cropper, batch_size: int) -> None:
        self._batch_size = batch_size
        self._compiled = tf.function(lambda images: network(cropper.centre(images), training=False))

    @classmethod
    def of(cls, model: Any, description: Description, crop: int, batch_size: int) -> "Predictor":
        """The predictor of a Keras model that ends in a softmax."""
        return cls(logits_network(model), Cropper(description, crop), batch_size)

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Logits, float32 (n, classes), of images, uint8 (n, side, side, 3)."""
        return np.concatenate(list(self.batches(images)))

    def batches(self, images: np.ndarray, skip: int = 0) -> Iterator[np.ndarray]:
        """The same, batch by batch, but for the first `skip` batches."""
        for start in range(skip * self._batch_size, len(images), self._batch_size):
            yield self._compiled(images[start : start + self._batch_size]).numpy()


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


def build(identity: dict[str, Any], description: Description) -> Any:
    """The Keras model of a training or of its summary, with fresh weights."""
    classes = len(description.classes)
    return models.named(identity["architecture"]).build(identity["crop"], classes, identity["options"])


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
