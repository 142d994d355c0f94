"""A part of an image is hidden: under another image (CutMix), or under the mean colour (random erasing).

CutMix: Yun et al. 2019, arXiv 1905.04899. Random erasing: Zhong et al. 2017, arXiv 1708.04896.

Done to the images at their own size, where it costs next to nothing, and before a crop is cut: a label has the shares
of the whole image. Everything random is a function of (seed, step).
"""

from typing import Any

import numpy as np
import tensorflow as tf

# Apart from those of crops, (seed, step), of shuffles, (seed, -1 - epoch), and of flips.
CUTMIX_SEEDS, ERASING_SEEDS = -(2**30), -(2**29)
AREA = (0.02, 0.4)  # of an erased rectangle, as a share of the image's: the paper's
RATIO = (0.3, 1 / 0.3)  # of its height and width


def hide_parts(
    images: Any, labels: Any, counts: tuple[int, int], colour: np.ndarray, seed: int, step: Any
) -> tuple[Any, Any]:
    """A batch and its labels, after CutMix of the first images and erasing of the next, as many as `counts` says.

    Shapes as in `cutmix`, `colour` as in `erase`.
    """
    mixed, erased = counts
    if mixed:
        images, labels = cutmix(images, labels, mixed, seed, step)
    if erased:
        end = mixed + erased
        images = tf.concat([images[:mixed], erase(images[mixed:end], erased, colour, seed, step), images[end:]], axis=0)
    return images, labels


def cutmix(images: Any, labels: Any, count: int, seed: int, step: Any) -> tuple[Any, Any]:
    """The first `count` images get a box of the next image in the batch, their labels its share of the area.

    `images` are uint8 (n, side, side, 3), `labels` float32 (n, classes). The share of the box is uniform in 0 to 1
    (the paper's Beta(1, 1)), its centre anywhere; what lies outside is cut off.
    """
    side = images.shape[1]
    draws = tf.random.stateless_uniform([3, count], seed=tf.stack([seed, CUTMIX_SEEDS + tf.cast(step, tf.int32)]))
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


def erase(images: Any, count: int, colour: np.ndarray, seed: int, step: Any) -> Any:
    """`count` images, uint8 (count, side, side, 3), with a rectangle of each in `colour`, uint8 (3,).

    It lies within the image. Its area is uniform in `AREA`, its ratio in the logarithm of `RATIO`; sides are rounded,
    and no longer than the image's.
    """
    side = images.shape[1]
    draws = tf.random.stateless_uniform([4, count], seed=tf.stack([seed, ERASING_SEEDS + tf.cast(step, tf.int32)]))
    area = (AREA[0] + draws[0] * (AREA[1] - AREA[0])) * side**2
    ratio = RATIO[0] * (RATIO[1] / RATIO[0]) ** draws[1]
    sizes = (tf.minimum(tf.round(tf.sqrt(each)), side) for each in (area * ratio, area / ratio))
    pixels = tf.range(side, dtype=tf.float32)
    inside = []
    for size, draw in zip(sizes, tf.unstack(draws[2:]), strict=True):
        first = tf.floor(draw * (side - size + 1))[:, None]
        inside.append(tf.logical_and(pixels >= first, pixels < first + size[:, None]))
    rows, columns = inside
    box = tf.logical_and(rows[:, :, None], columns[:, None, :])  # (count, side, side)
    return tf.where(box[..., None], tf.constant(colour), images)
