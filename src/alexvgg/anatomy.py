"""What a built network consists of and costs: layers, shapes, parameters, arithmetic. Reads a Keras model."""

from typing import Any


def layers(model: Any) -> list[dict[str, Any]]:
    """The layers in order: `layer` in words, `output` shape without the images, `parameters`, `flop` of one image."""
    return [
        {
            "layer": _in_words(layer),
            "output": list(layer.output.shape[1:]),
            "parameters": layer.count_params(),
            "flop": _flop(layer),
        }
        for layer in model.layers
    ]


def forward_flops(model: Any) -> int:
    """Floating-point operations of one image's forward pass: two per multiply-add.

    Counted in convolutions and dense layers, as papers do; the rest is below one percent.
    """
    return sum(_flop(layer) for layer in model.layers)


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
