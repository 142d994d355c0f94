"""What a recipe plans: the learning rate of each step, the crop of each epoch."""

import math

from alexvgg.params.schema import Recipe


def learning_rate(recipe: Recipe, step: int, total_steps: int) -> float:
    """The rate at `step`, 0 to `total_steps` - 1; the recipe's `learning_rate` is the highest.

    Every schedule climbs in a straight line over the first `warmup_fraction` of the steps. Then `constant`
    stays, `cosine` falls along half a cosine to 0, `one_cycle` falls in a straight line to 0.
    """
    warmup_steps = recipe.warmup_fraction * total_steps
    if step < warmup_steps:
        return recipe.learning_rate * (step + 1) / (warmup_steps + 1)
    done = (step - warmup_steps) / max(1.0, total_steps - warmup_steps)
    shape = {
        "constant": 1.0,
        "cosine": 0.5 * (1 + math.cos(math.pi * done)),
        "one_cycle": 1 - done,
    }[recipe.schedule]
    return recipe.learning_rate * shape


def crops(recipe: Recipe, crop: int) -> list[int]:
    """The side of the crops in each epoch, pixels, of a network whose own is `crop`."""
    early = [stage.crop for stage in recipe.early_crops for _ in range(stage.epochs)]
    return early + [crop] * (recipe.epochs - len(early))
