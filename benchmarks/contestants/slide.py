"""The slide's layers as Keras trains them by itself: `fit`, Adam at a constant rate, nothing set up.

    python slide.py <architecture> <crop> <batch_size> <float32|mixed_bfloat16>

It is fed one constant batch, so that its input costs nothing. Layers are Keras's own.
"""

import sys
from contextlib import suppress

import keras
import numpy as np
import tensorflow as tf
from windows import Windows

from alexvgg.networks import blocks, registry


def main(architecture: str, crop: int, batch_size: int, precision: str) -> None:
    keras.config.set_dtype_policy(precision)
    blocks.BatchNormalization = keras.layers.BatchNormalization  # type: ignore[misc, assignment]
    blocks.Conv2D = keras.layers.Conv2D  # type: ignore[misc, assignment]
    blocks.Dense = keras.layers.Dense  # type: ignore[misc, assignment]
    model = registry.named(architecture).build(crop, 100, {})
    model.compile(optimizer=keras.optimizers.Adam(), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    random = np.random.default_rng(0)
    images = random.normal(size=(batch_size, crop, crop, 3)).astype(np.float32)
    labels = random.integers(0, 100, batch_size).astype(np.int32)
    windows = Windows(batch_size, params=model.count_params())
    each_step = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: windows.after_step())  # noqa: ARG005
    batches = tf.data.Dataset.from_tensors((images, labels)).repeat()
    with suppress(KeyboardInterrupt):
        model.fit(batches, steps_per_epoch=10**9, verbose=0, callbacks=[each_step])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
