"""AlexNet as the talk writes it (slide Fig 7): convolution, ReLU, batch normalisation, pooling.

After Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks",
2012; unlike there, one column instead of two, batch instead of local response normalisation.
"""

from typing import Literal

from alexvgg.networks.architecture import Architecture, Momentum, Options


class AlexNetOptions(Options):
    """The parts that slides Fig 2, 3, 4 and 6 compare, and the momentum of batch normalisation."""

    activation: Literal["relu", "tanh"] = "relu"
    overlapping_pooling: bool = True
    normalization: Literal["batch", "lrn", "none"] = "batch"
    batch_norm_momentum: Momentum = 0.99

    @property
    def min_crop(self) -> int:
        return 67 if self.overlapping_pooling else 39


def build(input_shape: tuple[int, int, int], classes: int, options: AlexNetOptions):
    """See `Architecture.build`. At 227 × 227 × 3 and 100 classes: 58,696,548 parameters."""
    import keras
    from keras import layers

    from alexvgg.networks import blocks

    def convolution(x, filters, kernel_size, strides=1, padding="same"):
        return blocks.Conv2D(
            filters, kernel_size, strides=strides, padding=padding,
            activation=options.activation, kernel_initializer=options.kernel_initializer,
        )(x)  # fmt: skip

    def normalize(x, lrn_here=False):
        # Local response normalisation follows the first two layers only (paper, section 3.5).
        if options.normalization == "batch":
            return blocks.BatchNormalization(momentum=options.batch_norm_momentum)(x)
        if options.normalization == "lrn" and lrn_here:
            return blocks.LocalResponseNormalization()(x)
        return x

    def pool(x):
        return layers.MaxPooling2D(3 if options.overlapping_pooling else 2, strides=2)(x)

    inputs = blocks.image_input(input_shape)
    x = convolution(inputs, 96, 11, strides=4, padding="valid")
    x = pool(normalize(x, lrn_here=True))

    x = convolution(x, 256, 5)
    x = pool(normalize(x, lrn_here=True))

    x = normalize(convolution(x, 384, 3))
    x = normalize(convolution(x, 384, 3))
    x = pool(normalize(convolution(x, 256, 3)))

    outputs = blocks.classifier(x, classes, options, options.activation)
    return keras.Model(inputs, outputs, name="alexnet")


ARCHITECTURE = Architecture("AlexNet", AlexNetOptions, build, input_size=227, classes=100)
