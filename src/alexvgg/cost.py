"""What a training cost in arithmetic, and what reaching an accuracy cost.

Counted as papers do: two operations a multiply-add, in convolutions and dense layers. Reads summaries, as `train`
writes them, and lists of layers, as `anatomy.layers` gives them.
"""

from itertools import accumulate
from typing import Any

Layers = list[dict[str, Any]]


def crop_by_epoch(summary: dict[str, Any]) -> list[int]:
    """The side of the crops in each epoch, pixels."""
    recipe = summary["recipe"]
    early = [stage["crop"] for stage in recipe["early_crops"] for _ in range(stage["epochs"])]
    return early + [summary["crop"]] * (recipe["epochs"] - len(early))


def training_flop(layers: Layers, at_crop: Layers) -> int:
    """Operations of one image's step in training a network of `layers`, at crops for which they are `at_crop`.

    At smaller crops than its own the convolutions see less; the dense layers do not, since the last feature map is
    resampled for them. Forward, and the gradients of weights and of inputs, cost the same each; the gradient of the
    image is not computed.
    """
    pairs = zip(layers, at_crop, strict=True)
    counted = [(small if small["layer"].startswith("Conv2D") else own)["flop"] for own, small in pairs]
    first, *rest = [flop for flop in counted if flop]
    return 2 * first + 3 * sum(rest)


def petaflop_by_epoch(summary: dict[str, Any], flop: dict[str, int]) -> list[float]:
    """10¹⁵ operations of training up to the end of each epoch; `flop` is of one image's step, by crop."""
    left, _ = steps(summary)
    costs = []
    for crop in crop_by_epoch(summary):
        made = min(_per_epoch(summary), left)
        if made:
            costs.append(flop[str(crop)] * made * summary["recipe"]["batch_size"] / 1e15)
        left -= made
    return list(accumulate(costs))


def steps(summary: dict[str, Any]) -> tuple[int, int]:
    """Steps that were made, and steps of the whole schedule."""
    recipe = summary["recipe"]
    planned = _per_epoch(summary) * recipe["epochs"]
    return min(planned, recipe.get("stop_after") or planned), planned


def _per_epoch(summary: dict[str, Any]) -> int:
    """Steps; an incomplete last batch is left out."""
    return int(summary["images"]["train"]) // int(summary["recipe"]["batch_size"])
