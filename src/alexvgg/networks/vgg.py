"""The VGG family (slide Fig 8 and 10, Table 2): configurations A to E as a table.

After Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014.
"""

from functools import partial

from alexvgg.networks.architecture import Architecture, Options

# Five blocks, each ended by a pooling layer. An entry is (kernel_size, filters) of a convolution, or "lrn".
_A = [[(3, 64)], [(3, 128)], [(3, 256)] * 2, [(3, 512)] * 2, [(3, 512)] * 2]
_B = [[(3, 64)] * 2, [(3, 128)] * 2, *_A[2:]]
CONFIGURATIONS: dict[str, list] = {
    "a": _A,
    "a_lrn": [[(3, 64), "lrn"], *_A[1:]],
    "b": _B,
    "c": [*_B[:2], *([*block, (1, block[0][1])] for block in _B[2:])],
    "d": [*_B[:2], *([*block, block[0]] for block in _B[2:])],
    "e": [*_B[:2], *([*block, block[0], block[0]] for block in _B[2:])],
}


class VGGOptions(Options):
    @property
    def min_crop(self) -> int:
        return 32


def build(configuration: str, input_shape: tuple[int, int, int], classes: int, options: VGGOptions):
    """See `Architecture.build`. Configuration D at 224 × 224 × 3, 100 classes: 134,670,244 parameters."""
    import keras
    from keras import layers

    from alexvgg.networks import blocks

    inputs = x = blocks.image_input(input_shape)
    for block in CONFIGURATIONS[configuration]:
        for layer in block:
            if layer == "lrn":
                x = blocks.LocalResponseNormalization()(x)
                continue
            kernel_size, filters = layer
            x = blocks.Conv2D(
                filters, kernel_size, padding="same",
                activation="relu", kernel_initializer=options.kernel_initializer,
            )(x)  # fmt: skip
        x = layers.MaxPooling2D(2)(x)

    outputs = blocks.classifier(x, classes, options)
    return keras.Model(inputs, outputs, name=f"vgg_{configuration}")


def _architecture(configuration: str, title: str, classes: int) -> Architecture:
    return Architecture(title, VGGOptions, partial(build, configuration), input_size=224, classes=classes)


VGG16 = _architecture("d", "VGG-16", classes=100)
# The family with the 1000 classes of the slide's Table 2.
FAMILY = {
    f"vgg_{configuration}": _architecture(configuration, f"VGG {configuration.upper().replace('_', '-')}", 1000)
    for configuration in CONFIGURATIONS
}
