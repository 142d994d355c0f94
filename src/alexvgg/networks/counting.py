"""What a built network consists of and costs: layers, shapes, parameters, arithmetic. Reads Keras models.

Operations are counted as papers do: two a multiply-add, in convolutions and dense layers; the rest is below 1 %.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Layer:
    """One layer of a network."""

    layer: str  # its kind and what was chosen about it, in words
    output: list[int]  # shape, without the images
    parameters: int
    flop: int  # operations of one image's forward pass


def layers(model: Any) -> list[Layer]:
    """The layers in order."""
    return [
        Layer(_in_words(layer), list(layer.output.shape[1:]), layer.count_params(), _flop(layer))
        for layer in model.layers
    ]


def forward_flop(model: Any) -> int:
    """Operations of one image's forward pass."""
    return sum(_flop(layer) for layer in model.layers)


def training_flop(own: list[Layer], at_crop: list[Layer]) -> int:
    """Operations of one image's training step in a network of layers `own`, at crops for which they are `at_crop`.

    At smaller crops than its own the convolutions see less; the dense layers do not, since the last feature map is
    resampled for them. Forward, and the gradients of weights and of inputs, cost the same each; the gradient of the
    image is not computed.
    """
    pairs = zip(own, at_crop, strict=True)
    counted = [(small if small.layer.startswith("Conv2D") else large).flop for large, small in pairs]
    first, *rest = [flop for flop in counted if flop]
    return 2 * first + 3 * sum(rest)


def _flop(layer: Any) -> int:
    if type(layer).__name__ == "Conv2D":
        _, height, width, _ = layer.output.shape
        return 2 * int(height * width) * int(layer.kernel.shape.num_elements())
    if type(layer).__name__ == "Dense":
        return 2 * int(layer.kernel.shape.num_elements())
    return 0


def _in_words(layer: Any) -> str:
    """The layer's kind and what was chosen about it, as the slides would write it."""
    kind, config = type(layer).__name__, layer.get_config()
    chosen = []
    if "filters" in config:
        chosen.append(str(config["filters"]))
    if "units" in config:
        chosen.append(str(config["units"]))
    for name in ("kernel_size", "pool_size"):
        if name in config:
            chosen.append(" × ".join(map(str, config[name])))
    if config.get("strides", (1, 1)) != (1, 1):
        chosen.append(f"strides {config['strides'][0]}")
    if kind == "Conv2D":
        chosen.append(config["padding"])
    if config.get("activation", "linear") != "linear":
        chosen.append(config["activation"])
    if "rate" in config:
        chosen.append(str(config["rate"]))
    return " ".join([kind, ", ".join(chosen)]).strip()
