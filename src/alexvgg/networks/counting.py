"""What a built network consists of and costs: layers, shapes, parameters, arithmetic. Reads Keras models.

Operations are counted as papers do: two a multiply-add, in convolutions and dense layers; the rest is below 1 %.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

PRODUCTS = re.compile("conv|dot|einsum|matmul|inner|outer|attention")  # in the name of what has no weights of its own


@dataclass(frozen=True)
class Layer:
    """One layer of a network."""

    layer: str  # its kind and what was chosen about it, in words
    output: list[int]  # shape, without the images; 0 for a side that is not known
    parameters: int
    flop: int | None  # operations of one image's forward pass; None: it is of a kind that is not counted here


def layers(model: Any) -> list[Layer]:
    """The layers in order, those of networks inside the network too; a layer that is used twice is one."""
    return list(_layers(model, 1))


def forward_flop(model: Any) -> int | None:
    """Operations of one image's forward pass; None if a layer cannot be counted."""
    return total(layer.flop for layer in layers(model))


def training_flop(own: list[Layer], at_crop: list[Layer]) -> int | None:
    """Operations of one image's training step in a network of layers `own`, at crops for which they are `at_crop`.

    At smaller crops than its own the convolutions see less; the dense layers do not, since the last feature map is
    resampled for them. Forward, and the gradients of weights and of inputs, cost the same each; the gradient of the
    image is not computed. None if a layer cannot be counted, or if the network has other layers at that crop.
    """
    if len(own) != len(at_crop):
        return None
    counted = [
        large.flop if _is_after_flatten(large) else small.flop for large, small in zip(own, at_crop, strict=True)
    ]
    whole = total(counted)
    if whole is None:
        return None
    first = next((flop for flop in counted if flop), 0)
    return 3 * whole - first


def total(flop: Iterable[int | None]) -> int | None:
    """A sum; None if a part is not known."""
    parts = list(flop)
    return None if None in parts else sum(part for part in parts if part is not None)


def _graph(model: Any) -> dict[Any, list[Any]]:
    """The layers and other operations of a network, in order, each with the nodes at which it is used, in order."""
    import keras

    graph = keras.Function(model.inputs, model.outputs)
    nodes = [node for _, several in sorted(graph._nodes_by_depth.items(), reverse=True) for node in several]
    return {one: [node for node in nodes if node.operation is one] for one in graph.operations}


def _layers(model: Any, times: int) -> Iterator[Layer]:
    import keras

    for layer, nodes in _graph(model).items():
        if isinstance(layer, keras.Model) and getattr(layer, "inputs", None):  # a network inside the network
            yield from (one for one in _layers(layer, times * len(nodes)) if one.layer != "InputLayer")
            continue
        shapes = [tuple(node.output_tensors[0].shape[1:]) for node in nodes]
        output = [side or 0 for side in shapes[0]]
        parameters = layer.count_params() if hasattr(layer, "count_params") else 0
        flop = total(_flop(layer, shape, parameters) for shape in shapes)
        yield Layer(_in_words(layer), output, parameters, None if flop is None else times * flop)


def _flop(layer: Any, output: tuple[int | None, ...], parameters: int) -> int | None:
    """Of one use of a layer that puts out images of this shape."""
    from keras import layers as kinds

    kernels = {
        kinds.SeparableConv2D: ("depthwise_kernel", "pointwise_kernel"),
        kinds.DepthwiseConv2D: ("kernel",),
        kinds.Conv2D: ("kernel",),
        kinds.Dense: ("kernel",),
    }
    names = next((names for kind, names in kernels.items() if isinstance(layer, kind)), None)
    if names is not None:
        places = output[1:] if getattr(layer, "data_format", None) == "channels_first" else output[:-1]
        weights = sum(math.prod(getattr(layer, name).shape) for name in names)
        return None if None in places else 2 * math.prod(side for side in places if side) * weights
    kind = type(layer).__name__.lower()
    if isinstance(layer, kinds.BatchNormalization | kinds.LayerNormalization | kinds.GroupNormalization | kinds.PReLU):
        return 0
    # Of layers without weights, and of those with a few numbers a channel, nothing is counted.
    few = parameters <= 4 * ((output or (0,))[-1] or 0)
    return 0 if few and not PRODUCTS.search(kind) else None


def _is_after_flatten(layer: Layer) -> bool:
    return len(layer.output) == 1 and "Dense" in layer.layer.split()[0]


def _in_words(layer: Any) -> str:
    """The layer's kind and what was chosen about it, as the slides would write it."""
    kind = type(layer).__name__
    try:
        config = layer.get_config()
    except Exception:  # noqa: BLE001 - a layer of somebody's own that does not say; training does not need it
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
        chosen.append(_name(config["activation"]))
    if "rate" in config:
        chosen.append(str(config["rate"]))
    return " ".join([kind, ", ".join(chosen)]).strip()


def _name(activation: Any) -> str:
    """Of an activation in a layer's configuration; one of somebody's own is written as a dictionary."""
    return str(activation.get("config", activation)) if isinstance(activation, dict) else str(activation)
