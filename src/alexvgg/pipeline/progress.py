"""What a person sees while a network trains: a bar in a terminal, a plain line now and then elsewhere."""

import sys
import time
from typing import Protocol

from tqdm import tqdm

from alexvgg.rows.history import Epoch
from alexvgg.rows.identity import Identity

LINE_EVERY = 30.0  # seconds between plain lines inside an epoch
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"  # without tqdm's guess of the rest


class Plan(Protocol):
    """What a trainer knows of the work ahead."""

    steps_per_epoch: int
    last_step: int
    step: int  # steps done
    crops: list[int]  # by epoch, pixels


class Progress:
    """Reports steps and epochs of one training on standard error.

    The rate is that of the present epoch, without validation, since crops may grow from one epoch to another; the time
    left is estimated from it.
    """

    def __init__(self, identity: Identity, plan: Plan) -> None:
        self._name, self._recipe = identity.name, identity.recipe
        self._steps_per_epoch, self._last_step, self._crops = plan.steps_per_epoch, plan.last_step, plan.crops
        self._from = plan.step  # the first step that the rate is measured over
        self._began = self._now = self._last_line = time.monotonic()
        self._validation = 0.0  # seconds that the last one took
        self._bar = None
        if sys.stderr.isatty():
            self._bar = tqdm(total=plan.last_step, initial=plan.step, dynamic_ncols=True, bar_format=BAR)
        if plan.step:
            self.say(f"goes on from its checkpoint at step {plan.step} of {plan.last_step}")

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.close()

    def step(self, *, epoch: int, step: int, loss: float, acc: float) -> None:
        """After a step: the running means of the epoch so far."""
        self._now = time.monotonic()
        a_step = (self._now - self._began) / (step - self._from)
        rate = self._recipe.batch_size / max(a_step, 1e-9)
        left = a_step * self._steps_left(epoch, step) + self._validation * (self._epochs - epoch + 1)
        numbers = f"loss {loss:.4f} acc {acc:.4f} {rate:.0f} images/s {_minutes(left)} left"
        if self._bar is not None:
            self._bar.set_description_str(f"{self._name} epoch {epoch}/{self._recipe.epochs}", refresh=False)
            self._bar.set_postfix_str(numbers, refresh=False)
            self._bar.update(1)
        elif self._now - self._last_line > LINE_EVERY:
            self._last_line = self._now
            self.say(f"epoch {epoch}/{self._recipe.epochs} step {step}/{self._last_step} {numbers}")

    def epoch(self, row: Epoch) -> None:
        """After an epoch, validation included."""
        now = time.monotonic()
        self._validation = now - self._now
        self._from = min(row.epoch * self._steps_per_epoch, self._last_step)
        self._began = self._last_line = now
        self.say(
            f"epoch {row.epoch}/{self._recipe.epochs} loss {row.loss:.4f} acc {row.acc:.4f} "
            f"val_loss {row.val_loss:.4f} val_acc {row.val_acc:.4f}"
        )

    @property
    def _epochs(self) -> int:
        """Epochs that are trained: the schedule's, unless it is stopped before its end."""
        return -(-self._last_step // self._steps_per_epoch)

    def _steps_left(self, epoch: int, step: int) -> float:
        """What is left, as steps like the present one; their cost is taken to grow as the area of the crops."""
        area = self._crops[epoch - 1] ** 2
        left = 0.0
        for later in range(epoch, self._epochs + 1):
            end = min(later * self._steps_per_epoch, self._last_step)
            left += (end - step) * self._crops[later - 1] ** 2 / area
            step = end
        return left

    def say(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        tqdm.write(f"{self._name}: {text}", file=sys.stderr)


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
