"""What a built network consists of and costs: layers, shapes, parameters, arithmetic. Reads Keras models.

Operations are counted as papers do: two a multiply-add, in convolutions and dense layers; the rest is below 1 %.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Layer:
    """One layer of a network."""

    layer: str  # its kind and what was chosen about it, in words
    output: list[int]  # shape, without the images
    parameters: int
    flop: int | None  # operations of one image's forward pass; None: it is of a kind that is not counted here


def layers(model: Any) -> list[Layer]:
    """The layers in order."""
    return [
        Layer(_in_words(layer), list(_output_shape(layer)[1:]), layer.count_params(), _flop(layer))
        for layer in model.layers
    ]


def forward_flop(model: Any) -> int | None:
    """Operations of one image's forward pass; None if a layer cannot be counted."""
    return total(_flop(layer) for layer in model.layers)


def training_flop(own: list[Layer], at_crop: list[Layer]) -> int | None:
    """Operations of one image's training step in a network of layers `own`, at crops for which they are `at_crop`.

    At smaller crops than its own the convolutions see less; the dense layers do not, since the last feature map is
    resampled for them. Forward, and the gradients of weights and of inputs, cost the same each; the gradient of the
    image is not computed. None if a layer cannot be counted.
    """
    pairs = zip(own, at_crop, strict=True)
    counted = [large.flop if large.layer.startswith("Dense") else small.flop for large, small in pairs]
    whole = total(counted)
    if whole is None:
        return None
    first = next((flop for flop in counted if flop), 0)
    return 3 * whole - first


def total(flop: Iterable[int | None]) -> int | None:
    """A sum; None if a part is not known."""
    parts = list(flop)
    return None if None in parts else sum(part for part in parts if part is not None)


def _flop(layer: Any) -> int | None:
    from keras import layers as kinds

    if hasattr(layer, "layers"):  # a network inside the network
        return forward_flop(layer)
    kernels = {
        kinds.SeparableConv2D: ("depthwise_kernel", "pointwise_kernel"),
        kinds.DepthwiseConv2D: ("kernel",),
        kinds.Conv2D: ("kernel",),
        kinds.Dense: ("kernel",),
    }
    names = next((names for kind, names in kernels.items() if isinstance(layer, kind)), None)
    if names is not None:
        weights = sum(int(getattr(layer, name).shape.num_elements()) for name in names)
        places = [int(side) for side in _output_shape(layer)[1:-1]]
        return 2 * math.prod(places) * weights
    # Of layers without weights, and of those with a few numbers a channel, nothing is counted.
    return 0 if layer.count_params() <= 4 * (_output_shape(layer)[-1] or 0) else None


def _output_shape(layer: Any) -> tuple[Any, ...]:
    """Of a layer that is used several times: where it is used first."""
    return tuple(layer._inbound_nodes[0].output_tensors[0].shape)


def _in_words(layer: Any) -> str:
    """The layer's kind and what was chosen about it, as the slides would write it."""
    kind = type(layer).__name__
    try:
        config = layer.get_config()
    except NotImplementedError:  # a layer of somebody's own that does not say
        return kind
    chosen = []
    if "filters" in config:
        chosen.append(str(config["filters"]))
    if "units" in config:
        chosen.append(str(config["units"]))
    for name in ("kernel_size", "pool_size"):
        if isinstance(config.get(name), list | tuple):
            chosen.append(" × ".join(map(str, config[name])))
    strides = config.get("strides") or 1
    if strides not in (1, (1, 1), [1, 1]):
        chosen.append(f"strides {strides if isinstance(strides, int) else strides[0]}")
    if kind == "Conv2D":
        chosen.append(config["padding"])
    if config.get("activation", "linear") != "linear":
        chosen.append(str(config["activation"]))
    if "rate" in config:
        chosen.append(str(config["rate"]))
    return " ".join([kind, ", ".join(chosen)]).strip()
