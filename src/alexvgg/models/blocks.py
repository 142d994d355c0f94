"""The pieces that the networks are made of. Imports Keras: import this inside `build` only."""

import keras
import tensorflow as tf
from keras import layers


class LocalResponseNormalization(layers.Layer):
    """b = a / (2 + 1e-4 · Σ a²)^0.75, the sum over five neighbouring channels.

    Constants: Krizhevsky et al. 2012, section 3.3. Input and output (n, height, width, channels).
    """

    def __init__(self, **kwargs):
        super().__init__(dtype="float32", **kwargs)

    def call(self, inputs):
        return tf.nn.local_response_normalization(inputs, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75)

    def compute_output_shape(self, input_shape):
        return input_shape


def classifier(x, classes: int, options, activation: str = "relu"):
    """The end that all networks of the talk share: two dense layers of 4096 with dropout, then the classes.

    The softmax is a layer of its own, so that training can work on the logits.
    """
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(4096, activation=activation, kernel_initializer=options.kernel_initializer)(x)
        x = layers.Dropout(options.dropout)(x)
    # In single precision whatever the rest computes in: losses are sums of small differences.
    x = layers.Dense(classes, kernel_initializer=options.kernel_initializer, dtype="float32", name="logits")(x)
    return layers.Activation("softmax", dtype="float32", name="softmax")(x)


def image_input(input_shape: tuple[int, int, int]):
    """The input tensor of a network: (n, height, width, channels)."""
    return keras.Input(input_shape, name="image")
