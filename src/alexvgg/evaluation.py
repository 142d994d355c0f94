"""A trained network, rebuilt from code; its answers on a split, and what they are worth.

Imports TensorFlow: call `runtime.start` before importing this.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from alexvgg import metrics, models
from alexvgg.crops import Cropper
from alexvgg.data import arrays
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


def evaluate(
    summary: dict[str, Any], description_path: Path, test_path: Path, weights: Path, batch_size: int
) -> dict[str, Any]:
    """Measure a trained network on the test split. Returns its last epoch's numbers and the test metrics."""
    description = arrays.load_description(description_path)
    model = rebuild(summary, description, weights)
    test = arrays.load(test_path)
    predictor = Predictor.of(model, description, summary["crop"], batch_size)
    last_epoch = {name: summary[name] for name in ("loss", "acc", "val_loss", "val_acc")}
    return last_epoch | test_metrics(predictor.logits(test.images), test.labels)


def build(identity: dict[str, Any], description: Description) -> Any:
    """The Keras model of a training or of its summary, with fresh weights."""
    classes = len(description.classes)
    return models.named(identity["architecture"]).build(identity["crop"], classes, identity["options"])


def rebuild(summary: dict[str, Any], description: Description, weights: Path) -> Any:
    """The trained Keras model: built from code, weights from disk. Raises DataError."""
    model = build(summary, description)
    try:
        model.load_weights(weights)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{weights} does not fit {summary['model']}: {error}; run `dvc repro` or `dvc checkout`"
        ) from None
    return model
