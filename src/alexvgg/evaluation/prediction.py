"""A network built from code, and its answers.

Imports TensorFlow: call `runtime.start` before importing this.
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from alexvgg.augmentation.crops import Cropper
from alexvgg.data.arrays import Description
from alexvgg.networks import registry
from alexvgg.rows.identity import Identity


def logits_network(model: Any) -> Any:
    """The same network up to its logits, sharing its weights."""
    return keras.Model(model.inputs, model.get_layer("logits").output)


class Predictor:
    """Logits of a network for whole splits, in inference mode, on centre crops.

    `network` maps float32 (n, crop, crop, 3) to logits, float32 (n, classes). It is compiled once for each
    size of batch, and can be called as its weights change.
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


def build(identity: Identity, description: Description, crop: int | None = None) -> Any:
    """The Keras model of a training, with fresh weights; `crop` is another input size than its own, in pixels."""
    architecture = registry.named(identity.architecture)
    return architecture.build(crop or identity.crop, len(description.classes), identity.options)
