"""AlexNet+VGG, the talk's own network (slide Fig 11): VGG's 3 × 3 convolutions in AlexNet's five layers.

Pooling comes before batch normalisation here, as on the slide.
"""

from alexvgg.networks.architecture import Architecture, Momentum, Options


class AlexNetVGGOptions(Options):
    batch_norm_momentum: Momentum = 0.99

    @property
    def min_crop(self) -> int:
        return 65


def build(input_shape: tuple[int, int, int], classes: int, options: AlexNetVGGOptions):
    """See `Architecture.build`. At 227 × 227 × 3 and 100 classes: 45,295,844 parameters."""
    import keras
    from keras import layers

    from alexvgg.networks import blocks

    def convolution(x, filters, strides=1, padding="same"):
        return blocks.Conv2D(
            filters, 3, strides=strides, padding=padding,
            activation="relu", kernel_initializer=options.kernel_initializer,
        )(x)  # fmt: skip

    def pool(x):
        x = layers.MaxPooling2D(2, strides=2)(x)
        return blocks.BatchNormalization(momentum=options.batch_norm_momentum)(x)

    inputs = blocks.image_input(input_shape)
    x = pool(convolution(inputs, 64, strides=2, padding="valid"))
    x = pool(convolution(x, 128))
    x = pool(convolution(convolution(x, 256), 256))
    x = pool(convolution(convolution(x, 512), 512))
    x = pool(convolution(convolution(x, 512), 512))

    outputs = blocks.classifier(x, classes, options)
    return keras.Model(inputs, outputs, name="alexnet_vgg")


ARCHITECTURE = Architecture("AlexNet+VGG", AlexNetVGGOptions, build, input_size=227, classes=100)
