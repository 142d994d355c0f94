"""What a person sees while a network trains: a bar in a terminal, a plain line an epoch elsewhere."""

import sys
import time

from tqdm import tqdm

from alexvgg.training import Epoch

LINE_EVERY = 30.0  # seconds between plain lines inside an epoch


class Progress:
    """Reports steps and epochs of one training on standard error; `done` steps were made before."""

    def __init__(self, name: str, epochs: int, total_steps: int, batch_size: int, done: int) -> None:
        self._name, self._epochs, self._total, self._batch_size = name, epochs, total_steps, batch_size
        self._done = done
        self._began = self._last_line = time.monotonic()
        terminal = sys.stderr.isatty()
        self._bar = tqdm(total=total_steps, initial=done, unit="step", dynamic_ncols=True) if terminal else None
        if done:
            self._line(f"goes on from its checkpoint at step {done} of {total_steps}")

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.close()

    def step(self, *, epoch: int, step: int, loss: float, acc: float) -> None:
        """After a step: the running means of the epoch so far."""
        now = time.monotonic()
        made = step - self._done
        rate = made * self._batch_size / max(now - self._began, 1e-9)
        numbers = f"loss {loss:.4f} acc {acc:.4f} {rate:.0f} images/s"
        if self._bar is not None:
            self._bar.set_description_str(f"{self._name} epoch {epoch}/{self._epochs}", refresh=False)
            self._bar.set_postfix_str(numbers, refresh=False)
            self._bar.update(1)
        elif now - self._last_line > LINE_EVERY:
            self._last_line = now
            left = (self._total - step) * (now - self._began) / made
            self._line(f"epoch {epoch}/{self._epochs} step {step}/{self._total} {numbers} {_minutes(left)} left")

    def epoch(self, row: Epoch) -> None:
        """After an epoch, validation included."""
        self._last_line = time.monotonic()
        self._line(
            f"epoch {row.epoch}/{self._epochs} loss {row.loss:.4f} acc {row.acc:.4f} "
            f"val_loss {row.val_loss:.4f} val_acc {row.val_acc:.4f}"
        )

    def _line(self, text: str) -> None:
        tqdm.write(f"{self._name}: {text}", file=sys.stderr)


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
