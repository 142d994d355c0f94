"""What a built network costs: parameters and arithmetic."""

from typing import Any


def forward_flops(model: Any) -> int:
    """Floating-point operations of one image's forward pass: two per multiply-add.

    Counted in convolutions and dense layers, as papers do; the rest is below one percent.
    """
    return sum(_by_layer(model))


def training_flops(model: Any) -> int:
    """Of one image's step in training: forward, and the gradients of weights and of inputs, which cost the same each.

    The first layer's input is the image, whose gradient nobody needs.
    """
    by_layer = _by_layer(model)
    return 3 * sum(by_layer) - by_layer[0]


def _by_layer(model: Any) -> list[int]:
    flops = []
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "Conv2D":
            _, height, width, _ = layer.output.shape
            flops.append(2 * height * width * int(layer.kernel.shape.num_elements()))
        elif kind == "Dense":
            flops.append(2 * int(layer.kernel.shape.num_elements()))
    return flops
