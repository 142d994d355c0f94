"""Convolutions over small feature maps as products of matrices, which leave out what lies outside the map.

A kernel of 3 × 3 pixels lies on a map of 4 × 4 with 100 of its 144 pixels, on one of 2 × 2 with 16 of 36
(docs/decisions/0016-small-maps.md). Here are those with strides of 1 and padding "same": inputs (n, height, width,
channels), kernels (rows, columns, channels, filters), outputs (n, height, width, filters).
"""

from typing import Any

import tensorflow as tf

from alexvgg.networks.layers.products import Gradient, by_transposed

LARGEST = 6  # pixels, of a map's sides: up to there the products are faster


@tf.custom_gradient
def convolution(inputs: Any, kernel: Any) -> tuple[Any, Gradient]:
    """As `tf.nn.conv2d`. Height and width have to be known when it is compiled."""
    tiny = all(side <= (size + 1) // 2 for side, size in zip(inputs.shape[1:3], kernel.shape[:2], strict=True))
    return _as_dense(inputs, kernel) if tiny else _as_usual(inputs, kernel)


def _as_usual(inputs: Any, kernel: Any) -> tuple[Any, Gradient]:
    def gradient(upstream: Any) -> tuple[Any, Any]:
        by_inputs = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(inputs), filter=kernel, out_backprop=upstream, strides=[1] * 4, padding="SAME"
        )
        return by_inputs, _by_kernel(inputs, upstream, kernel.shape)

    return tf.nn.conv2d(inputs, kernel, strides=1, padding="SAME"), gradient


def _as_dense(inputs: Any, kernel: Any) -> tuple[Any, Gradient]:
    """On a map so small that each of its pixels reaches all others: a dense layer that shares its weights."""
    height, width = inputs.shape[1:3]
    matrix = _matrix(kernel, height, width)
    flat = tf.reshape(inputs, [-1, matrix.shape[0]])

    def gradient(upstream: Any) -> tuple[Any, Any]:
        flat_upstream = tf.reshape(upstream, [-1, matrix.shape[1]])
        by_inputs = tf.reshape(by_transposed(flat_upstream, matrix), tf.shape(inputs))
        return by_inputs, _by_kernel(inputs, upstream, kernel.shape)

    return tf.reshape(tf.matmul(flat, matrix), [-1, height, width, kernel.shape[3]]), gradient


def _matrix(kernel: Any, height: int, width: int) -> Any:
    """What a kernel multiplies a whole map with: (height · width · channels, height · width · filters)."""
    rows, columns, channels, filters = kernel.shape
    blocks = []  # by the pixel that is computed: that part of the kernel which lies on the map then
    for row in range((rows - 1) // 2, (rows - 1) // 2 - height, -1):
        for column in range((columns - 1) // 2, (columns - 1) // 2 - width, -1):
            part = kernel[row : row + height, column : column + width]
            blocks.append(tf.reshape(part, [height * width * channels, filters]))
    return tf.concat(blocks, axis=1)


def _by_kernel(inputs: Any, upstream: Any, shape: tuple[int, int, int, int]) -> Any:
    """The gradient by the kernel: for each of its pixels, the product of inputs that it meets and what they go to."""
    rows, columns, channels, filters = shape
    height, width = inputs.shape[1:3]
    products = []
    for row in range(rows):
        from_rows, to_rows = _met(height, row - (rows - 1) // 2)
        for column in range(columns):
            from_columns, to_columns = _met(width, column - (columns - 1) // 2)
            met = tf.reshape(inputs[:, from_rows, from_columns], [-1, channels])
            goes_to = tf.reshape(upstream[:, to_rows, to_columns], [-1, filters])
            products.append(tf.matmul(met, goes_to, transpose_a=True))
    return tf.reshape(tf.stack(products), shape)


def _met(side: int, shift: int) -> tuple[slice, slice]:
    """The inputs that a kernel's pixel meets, `shift` pixels beyond its middle, and the outputs that they go to."""
    length = max(side - abs(shift), 0)
    begin = max(shift, 0)
    return slice(begin, begin + length), slice(begin - shift, begin - shift + length)
