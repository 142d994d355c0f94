"""The pieces that the networks are made of. Imports Keras: import this inside `build` only."""

import keras
import tensorflow as tf
from keras import layers

from alexvgg.networks.layers import products, small_maps


class BatchNormalization(layers.BatchNormalization):
    """Keras's layer, in training by TensorFlow's fused kernel: the same numbers, a fifth of the time on two cores.

    Keras makes a dozen passes over its input, in single precision (docs/decisions/0013-fused-batch-normalization.md).
    Input and output (n, height, width, channels); of another rank, without scale or centre, or with Keras's other
    options, it is Keras's own.
    """

    def call(self, inputs, training=None, mask=None):
        plain = len(inputs.shape) == 4 and self.axis in (-1, 3) and self.scale and self.center
        plain = plain and not (self.renorm or self.synchronized)
        if not (training and self.trainable and plain) or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma.value, self.beta.value, epsilon=self.epsilon, is_training=True
        )
        # The kernel divides by n - 1, Keras by n.
        samples = tf.cast(tf.size(inputs) // inputs.shape[-1], variance.dtype)
        self._follow(self.moving_mean, mean)
        self._follow(self.moving_variance, variance * (samples - 1) / samples)
        return outputs

    def _follow(self, average, value):
        average.assign(average * self.momentum + value * (1 - self.momentum))


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


class Conv2D(layers.Conv2D):
    """Keras's layer, on a CPU by products of matrices where its input is small and stays as large as it is.

    The gradient by the bias is such a product at every size. Input (n, height, width, channels), output (n, height,
    width, filters).
    """

    def call(self, inputs):
        if not self.use_bias or self.data_format != "channels_last" or tf.config.list_physical_devices("GPU"):
            return super().call(inputs)
        outputs = self.convolution_op(inputs, self.kernel)
        return self.activation(products.plus_bias(outputs, tf.convert_to_tensor(self.bias)))

    def convolution_op(self, inputs, kernel):
        settings = (self.strides, self.dilation_rate, self.groups, self.padding, self.data_format)
        plain = settings == ((1, 1), (1, 1), 1, "same", "channels_last")
        small = all(side and side <= small_maps.LARGEST for side in inputs.shape[1:3])
        if not plain or not small or tf.config.list_physical_devices("GPU"):
            return super().convolution_op(inputs, kernel)
        return small_maps.convolution(inputs, tf.convert_to_tensor(kernel))


class Dense(layers.Dense):
    """Keras's layer, whose gradient with respect to its input takes half the time on AVX-512 in single precision.

    Input (n, features), output (n, units); of another rank it is Keras's own.
    """

    def call(self, inputs):
        if len(inputs.shape) != 2:
            return super().call(inputs)
        outputs = products.product(inputs, tf.convert_to_tensor(self.kernel))
        if self.use_bias:
            outputs = products.plus_bias(outputs, tf.convert_to_tensor(self.bias))
        return self.activation(outputs)


def classifier(x, classes: int, options, activation: str = "relu"):
    """The end that all networks of the talk share: two dense layers of 4096 with dropout, then the classes.

    The softmax is a layer of its own, so that training can work on the logits.
    """
    x = layers.Flatten()(x)
    for _ in range(2):
        x = Dense(4096, activation=activation, kernel_initializer=options.kernel_initializer)(x)
        x = layers.Dropout(options.dropout)(x)
    # In single precision whatever the rest computes in: losses are sums of small differences.
    x = Dense(classes, kernel_initializer=options.kernel_initializer, dtype="float32", name="logits")(x)
    return layers.Activation("softmax", dtype="float32", name="softmax")(x)


def image_input(input_shape: tuple[int, int, int]):
    """The input tensor of a network: (n, height, width, channels)."""
    return keras.Input(input_shape, name="image")
