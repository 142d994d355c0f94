"""What a built network costs: parameters and arithmetic."""

from typing import Any


def forward_flops(model: Any) -> int:
    """Floating-point operations of one image's forward pass: two per multiply-add.

    Counted in convolutions and dense layers, as papers do; the rest is below one percent.
    """
    flops = 0
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "Conv2D":
            _, height, width, _ = layer.output.shape
            flops += 2 * height * width * int(layer.kernel.shape.num_elements())
        elif kind == "Dense":
            flops += 2 * int(layer.kernel.shape.num_elements())
    return flops
