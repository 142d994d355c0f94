"""Batches of crops, made on the device while it trains: normalise, resize, crop, mirror.

Everything random is a function of (seed, step), so that training can start at any step.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from alexvgg.augmentation.geometry import centre_offset, resize_matrix
from alexvgg.data.arrays import Description


class Cropper:
    """Crops of one size from images of one data set.

    For random crops images get a border of `padding` pixels of the mean colour, at their own size.
    """

    def __init__(self, description: Description, crop: int, padding: int = 0) -> None:
        self.crop = crop
        self.resize = description.resize_for(crop)
        self._border = round(padding * self.resize / description.side)  # pixels of the resized image
        matrix = resize_matrix(description.side, self.resize)
        self._matrix = tf.constant(np.pad(matrix, ((self._border, self._border), (0, 0))))  # normalised, the mean is 0
        # Of a whole image: an operation on a last axis of three channels is slow.
        self._mean, self._std = (
            tf.tile(tf.constant(values, tf.float32), [description.side**2])
            for values in (description.mean, description.std)
        )

    def random(self, images: Any, seed: int, step: Any, random_crop: bool, mirrored: Any) -> Any:
        """Crops for training: uint8 (n, side, side, 3) to float32 (n, crop, crop, 3), normalised.

        With `random_crop` off it is the centre. `mirrored`, bool (n,), is what `flips.mirrored` chose.
        """
        n = tf.shape(images)[0]
        draws = tf.random.stateless_uniform([2, n], seed=tf.stack([seed, tf.cast(step, tf.int32)]))
        choices = self.resize + 2 * self._border - self.crop + 1
        centre = tf.fill([n], self._centre)
        top, left = (
            tf.cast(draws[axis] * choices, tf.int32) if random_crop else centre for axis in (0, 1)
        )  # fmt: skip
        return crop_batch(self._normalize(images), self._matrix, top, left, mirrored, self.crop)

    def centre(self, images: Any) -> Any:
        """Centre crops for validation and test: shapes as in `random`."""
        n = tf.shape(images)[0]
        offset = tf.fill([n], self._centre)
        return crop_batch(self._normalize(images), self._matrix, offset, offset, tf.zeros([n], tf.bool), self.crop)

    @property
    def _centre(self) -> int:
        return self._border + centre_offset(self.resize, self.crop)

    def _normalize(self, images: Any) -> Any:
        # Before the resize, where there are fewer pixels: the rows of the matrix sum to one.
        flat = tf.reshape(tf.cast(images, tf.float32), [-1, self._mean.shape[0]])
        return tf.reshape((flat / 255.0 - self._mean) / self._std, [-1, *images.shape[1:]])


def crop_batch(images: Any, matrix: Any, top: Any, left: Any, mirrored: Any, crop: int) -> Any:
    """Crops by matrix products: float32 (n, side, side, channels) to (n, crop, crop, channels).

    `matrix` is `geometry.resize_matrix`; `top` and `left`, int32 (n,), are pixels of the resized image.
    """
    n, side, channels = tf.shape(images)[0], images.shape[1], images.shape[3]
    window = tf.range(crop)
    rows = tf.gather(matrix, top[:, None] + window)  # (n, crop, side)
    columns = tf.gather(matrix, left[:, None] + tf.where(mirrored[:, None], crop - 1 - window, window))
    # Both products have a long last axis: columns first, on the transposed image, then rows.
    by_column = tf.reshape(tf.transpose(images, [0, 2, 1, 3]), [n, side, side * channels])
    wide = tf.reshape(tf.matmul(columns, by_column), [n, crop, side, channels])
    by_row = tf.reshape(tf.transpose(wide, [0, 2, 1, 3]), [n, side, crop * channels])
    return tf.reshape(tf.matmul(rows, by_row), [n, crop, crop, channels])
