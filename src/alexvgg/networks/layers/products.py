"""Products of matrices whose gradients are not computed as TensorFlow would: faster, and no less exact."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Gradient = Callable[[Any], tuple[Any, Any]]  # of what comes from above: by either argument


@tf.custom_gradient
def product(inputs: Any, kernel: Any) -> tuple[Any, Gradient]:
    """As `tf.matmul`: (n, features) by (features, units)."""

    def gradient(upstream: Any) -> tuple[Any, Any]:
        return by_transposed(upstream, kernel), tf.matmul(inputs, upstream, transpose_a=True)

    return tf.matmul(inputs, kernel), gradient


def by_transposed(upstream: Any, kernel: Any) -> Any:
    """(n, units) by the transpose of (features, units), as a product of stacks of one matrix.

    TensorFlow gives those to another of oneDNN's routines, which does not slow down when it reads a large kernel
    transposed (docs/decisions/0015-dense-gradient.md).
    """
    return tf.matmul(upstream[tf.newaxis], kernel[tf.newaxis], transpose_b=True)[0]


@tf.custom_gradient
def plus_bias(inputs: Any, bias: Any) -> tuple[Any, Gradient]:
    """As `tf.nn.bias_add`: (n, height, width, filters) and (filters,), or (n, units) and (units,).

    The gradient by the bias, a sum over all pixels or images, is a product with a row of ones. Left to
    TensorFlow it slows down the gradient by the kernel, or is added up in bfloat16
    (docs/decisions/0017-bias-gradient.md).
    """

    def gradient(upstream: Any) -> tuple[Any, Any]:
        pixels = tf.reshape(upstream, [-1, upstream.shape[-1]])
        ones = tf.ones([1, tf.shape(pixels)[0]], pixels.dtype)
        return upstream, tf.matmul(ones, pixels)[0]

    return tf.nn.bias_add(inputs, bias), gradient
