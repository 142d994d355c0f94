"""A line for whoever trains a network that does not look right: what it may be, and the parameter to try."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from alexvgg.rows.history import Epoch

FEW_STEPS = 1000  # for the moving averages of batch normalisation, each of which changes by a hundredth a step
GAP = 0.3  # of training accuracy and validation accuracy
NOTHING_LEARNT = 0.02  # of the loss, beside that of guessing


@dataclass(frozen=True)
class Circumstances:
    """Of a training: the classes of its data, whether its network has batch normalisation, its steps and epochs."""

    classes: int
    batch_normalization: bool
    steps: int
    epochs: int


def after(last: Epoch, known: Circumstances) -> Iterator[str]:
    """Hints after an epoch: after the first, and at the end."""
    guessing, at_the_end = math.log(known.classes), last.epoch == known.epochs
    if last.epoch != 1 and not at_the_end:
        return
    if abs(last.loss / guessing - 1) < NOTHING_LEARNT or last.acc <= 1.2 / known.classes:
        when = "at all" if at_the_end else "in its first epoch"
        yield (
            f"it has learnt nothing {when} (loss {last.loss:.2f}; guessing among {known.classes} classes gives "
            f"{guessing:.2f}); try another learning_rate, a tenth first, or a longer warmup_fraction"
        )
    elif at_the_end and last.acc - last.val_acc > GAP:
        if known.batch_normalization and known.steps < FEW_STEPS:
            yield (
                f"accuracy is {last.acc:.2f} in training and {last.val_acc:.2f} in validation; after {known.steps} "
                "steps the moving averages of batch normalisation may lag behind; try more epochs or a smaller batch_size"
            )
        else:
            yield (
                f"accuracy is {last.acc:.2f} in training and {last.val_acc:.2f} in validation: it overfits; try more "
                "weight_decay, dropout, random_crop or flip"
            )
