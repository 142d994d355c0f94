"""What a recipe plans: the learning rate of each step, the crop of each epoch."""

import math
from itertools import accumulate

from alexvgg.params.recipe import Recipe
from alexvgg.system.errors import ParamsError


def learning_rate(recipe: Recipe, step: int, total_steps: int) -> float:
    """The rate at `step`, 0 to `total_steps` - 1; the recipe's `learning_rate` is the highest.

    Every schedule climbs in a straight line over the first `warmup_fraction` of the steps. Then `constant`
    stays, `cosine` falls along half a cosine to 0, `one_cycle` falls in a straight line to 0. Where crops become
    larger and it is below `restart`, it falls to 0 from there (the warm restarts of Loshchilov and Hutter 2017, arXiv
    1608.03983, at those steps and to that height).
    """
    warmup_steps = recipe.warmup_fraction * total_steps
    if step < warmup_steps:
        return recipe.learning_rate * (step + 1) / (warmup_steps + 1)
    begin, height = warmup_steps, 1.0
    for change in (epoch * (total_steps // recipe.epochs) for epoch in changes(recipe)):
        if begin < change <= step and height * _fallen(recipe, change, begin, total_steps) < recipe.restart:
            begin, height = change, recipe.restart
    return recipe.learning_rate * height * _fallen(recipe, step, begin, total_steps)


def _fallen(recipe: Recipe, step: float, begin: float, end: int) -> float:
    """What is left at `step` of a rate that falls from `begin` to `end`, as a share."""
    done = (step - begin) / max(1.0, end - begin)
    return {
        "constant": 1.0,
        "cosine": 0.5 * (1 + math.cos(math.pi * done)),
        "one_cycle": 1 - done,
    }[recipe.schedule]


def changes(recipe: Recipe) -> list[int]:
    """The epochs, counted from 0, with which each of the early crops gives way to the next; the last is full size."""
    fractions = accumulate(stage.fraction for stage in recipe.early_crops)
    return [min(round(fraction * recipe.epochs), recipe.epochs - 1) for fraction in fractions]


def crops(recipe: Recipe, crop: int) -> list[int]:
    """The side of the crops in each epoch, pixels, of a network whose own is `crop`."""
    found: list[int] = []
    for stage, end in zip(recipe.early_crops, changes(recipe), strict=True):
        found += [stage.crop] * (end - len(found))
    return found + [crop] * (recipe.epochs - len(found))


def require_full_size(crops: list[int], last_step: int, steps_per_epoch: int) -> None:
    """Raises ParamsError if training stops at early crops: its accuracies would be those of smaller images."""
    last, full = crops[(last_step - 1) // steps_per_epoch], crops[-1]
    if last != full:
        raise ParamsError(
            f"stop_after {last_step} ends training at early crops of {last} pixels; make it more than "
            f"{crops.index(full) * steps_per_epoch}, with crops of {full}, or set early_crops: []"
        )
