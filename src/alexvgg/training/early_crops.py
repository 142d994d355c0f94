"""A network at smaller crops than its own, for the first epochs of a training, which cost less so.

Imports TensorFlow: call `runtime.start` before importing this.
"""

from typing import Any

import keras


def at_crop(network: Any, crop: int) -> Any:
    """The same network, weight for weight, for images of `crop` pixels: float32 (n, crop, crop, 3).

    Convolutions take any size; dense layers do not. So before `Flatten` the last feature map is resampled,
    bilinearly, to the size that it has at the network's own crop.
    """

    def call(layer: Any, *inputs: Any, **arguments: Any) -> Any:
        if isinstance(layer, keras.layers.Flatten) and len(layer.input.shape) == 4:
            _, height, width, _ = layer.input.shape
            if inputs[0].shape[1:3] != (height, width):
                inputs = (keras.layers.Resizing(height, width, dtype=layer.dtype_policy)(inputs[0]),)
        return layer(*inputs, **arguments)

    small = keras.Input((crop, crop, 3), name="small_image")
    return keras.models.clone_model(
        network, input_tensors=[small], clone_function=lambda layer: layer, call_function=call
    )  # fmt: skip
