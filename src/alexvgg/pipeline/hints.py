"""A line for whoever trains a network that does not look right: what it may be, and the parameter to try."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from alexvgg.rows.history import Epoch

FEW_STEPS = 1000  # for the moving averages of batch normalisation, each of which changes by a hundredth a step
GAP = 0.3  # of training accuracy and validation accuracy
LESS = 0.98  # of the loss of guessing: below, something is learnt


@dataclass(frozen=True)
class Circumstances:
    """Of a training: the classes of its data, whether its network has batch normalisation, its steps."""

    classes: int
    batch_normalization: bool
    steps: int  # that are made
    steps_per_epoch: int
    warmup_steps: float


def after(last: Epoch, known: Circumstances) -> Iterator[str]:
    """Hints after an epoch: after the first that goes beyond half of the warm-up, and at the end."""
    before, done = (min(epochs * known.steps_per_epoch, known.steps) for epochs in (last.epoch - 1, last.epoch))
    enough = max(1.0, known.warmup_steps / 2)  # in the first half the learning rate is too low to tell
    at_the_end = done == known.steps
    if done < enough or (before >= enough and not at_the_end):
        return
    if _guesses(last, known.classes):
        when = "at all" if at_the_end else "in its first epoch" if last.epoch == 1 else f"in {last.epoch} epochs"
        yield (
            f"it has learnt nothing {when} (loss {last.loss:.2f}; guessing among {known.classes} classes gives "
            f"{math.log(known.classes):.2f}); try another learning_rate, a tenth first, or a longer warmup_fraction"
        )
    elif at_the_end and last.acc - last.val_acc > GAP:
        gap = f"accuracy is {last.acc:.2f} in training and {last.val_acc:.2f} in validation"
        if known.batch_normalization and known.steps < FEW_STEPS:
            yield (
                f"{gap}; after {known.steps} steps the moving averages of batch normalisation may lag behind; try the "
                "option batch_norm_momentum (or `momentum` of the layers) at 0.9, more epochs, or a smaller batch_size"
            )
        else:
            yield f"{gap}: it overfits; try more weight_decay, dropout, random_crop or flip"


def _guesses(last: Epoch, classes: int) -> bool:
    """Whether a network does no better than one that knows nothing, by each of its four numbers.

    One of them alone says little in a first epoch: the loss may be high by dropout, or of the first steps; validation
    lags behind where there is batch normalisation.
    """
    chance = 1 / classes
    by_luck = chance + min(chance / 2, 0.05)
    no_accuracy = max(last.acc, last.val_acc) <= by_luck
    return no_accuracy and min(last.loss, last.val_loss) > LESS * math.log(classes)
