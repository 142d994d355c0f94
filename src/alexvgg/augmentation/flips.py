"""Which images are mirrored: a function of (seed, step)."""

from typing import Any

import tensorflow as tf

INT32_MIN = -(2**31)


def mirrored(flip: str, seed: int, step: Any, epoch: Any, indices: Any, count: int) -> Any:
    """Which images of a batch are mirrored, bool (n,): the training images at `indices`, int32 (n,), of `count`.

    `random` tosses a coin each time. `alternating` tosses it once for each image, which is mirrored in every other
    epoch from then on: two epochs in a row show it from both sides (Jordan 2024, "94% on CIFAR-10 in 3.29 seconds",
    arXiv 2404.00498).
    """
    if flip == "random":
        # Apart from the seeds of crops, (seed, step), and of shuffles, (seed, -1 - epoch).
        draws = tf.random.stateless_uniform(tf.shape(indices), seed=tf.stack([seed, INT32_MIN + step]))
        return draws < 0.5
    if flip == "alternating":
        first = tf.random.stateless_uniform([count], seed=[seed, INT32_MIN]) < 0.5
        return tf.not_equal(tf.gather(first, indices), epoch % 2 == 1)
    return tf.zeros(tf.shape(indices), tf.bool)
