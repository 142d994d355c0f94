"""Steps and arithmetic of a training, by epoch.

Counted as papers do: two operations a multiply-add, in convolutions and dense layers.
"""

from collections.abc import Iterable
from itertools import accumulate

from alexvgg.params.recipe import Recipe
from alexvgg.rows.summary import Summary


def steps(recipe: Recipe, images: int) -> tuple[int, int]:
    """Steps that are made with so many training images, and steps of the whole schedule."""
    planned = _per_epoch(recipe, images) * recipe.epochs
    return min(planned, recipe.stop_after or planned), planned


def finished(summary: Summary) -> bool:
    """Whether the training went to the end of its schedule."""
    made, planned = steps(summary.recipe, summary.images["train"])
    return made == planned


def petaflop_by_epoch(summary: Summary, crops: Iterable[int], flop: dict[str, int | None]) -> list[float] | None:
    """10¹⁵ operations of training up to the end of each epoch; None if they cannot be counted.

    `crops` has the side of each epoch's crops in pixels; `flop` is of one image's step, by crop.
    """
    recipe, images = summary.recipe, summary.images["train"]
    left, _ = steps(recipe, images)
    costs = []
    for crop in crops:
        made = min(_per_epoch(recipe, images), left)
        of_image = flop[str(crop)]
        if of_image is None:
            return None
        costs.append(of_image * made * recipe.batch_size / 1e15)
        left -= made
    return list(accumulate(costs))


def _per_epoch(recipe: Recipe, images: int) -> int:
    """Steps; an incomplete last batch is left out."""
    return images // recipe.batch_size
