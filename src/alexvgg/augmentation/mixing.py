"""CutMix (Yun et al. 2019, arXiv 1905.04899): a part of an image is another image's, and its label in proportion.

Made of the images at their own size, where it costs next to nothing. Everything random is a function of (seed, step).
"""

from typing import Any

import tensorflow as tf

SEEDS = -(2**30)  # apart from those of crops, (seed, step), of shuffles, (seed, -1 - epoch), and of flips


def mixed_in(batch_size: int, share: float) -> int:
    """How many images of each batch are mixed: the first ones. The rest stay as they are, to be measured."""
    return round(share * batch_size)


def cutmix(images: Any, labels: Any, count: int, seed: int, step: Any) -> tuple[Any, Any]:
    """The first `count` images get a box of the next image in the batch, their labels its share of the area.

    `images` are uint8 (n, side, side, 3), `labels` float32 (n, classes). The share of the box is uniform in 0 to 1
    (the paper's Beta(1, 1)), its centre anywhere; what lies outside is cut off.
    """
    side = images.shape[1]
    draws = tf.random.stateless_uniform([3, count], seed=tf.stack([seed, SEEDS + tf.cast(step, tf.int32)]))
    half = tf.sqrt(draws[0]) * side / 2
    pixels = tf.range(side, dtype=tf.float32) + 0.5
    rows, columns = (tf.abs(pixels - draws[axis, :, None] * side) < half[:, None] for axis in (1, 2))
    box = tf.logical_and(rows[:, :, None], columns[:, None, :])  # (count, side, side)
    other = tf.reduce_mean(tf.cast(box, tf.float32), axis=[1, 2])[:, None]
    following = (tf.roll(each, -1, axis=0)[:count] for each in (images, labels))
    their_images, their_labels = following
    mixed_images = tf.where(box[..., None], their_images, images[:count])
    mixed_labels = labels[:count] * (1 - other) + their_labels * other
    return tf.concat([mixed_images, images[count:]], axis=0), tf.concat([mixed_labels, labels[count:]], axis=0)
