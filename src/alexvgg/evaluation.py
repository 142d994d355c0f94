"""A network's answers on a split, and what they are worth."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from alexvgg import metrics
from alexvgg.crops import Cropper
from alexvgg.data.arrays import Description

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
        starts = range(0, len(images), self._batch_size)
        return np.concatenate([self._compiled(images[i : i + self._batch_size]).numpy() for i in starts])


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
