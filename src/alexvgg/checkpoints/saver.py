"""When a checkpoint is saved: every so often, and when somebody asks the process to end."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

from alexvgg.checkpoints.snapshot import Snapshot
from alexvgg.checkpoints.store import Checkpoints
from alexvgg.system import process
from alexvgg.system.errors import Interrupted

AGAIN = 3.0  # seconds in which one wish may arrive several times: by the terminal, a scheduler, whoever began this
EVERY = 50.0  # seconds; with the time that a write takes, less than a minute of work can be lost


class Saver:
    """Saves a computation of `total_steps` steps from being lost. `snapshot` makes its present state."""

    def __init__(self, checkpoints: Checkpoints, total_steps: int, snapshot: Callable[[], Snapshot]) -> None:
        self._checkpoints = checkpoints
        self._total_steps = total_steps
        self._snapshot = snapshot
        self._last = self._previous = time.monotonic()  # the last checkpoint, the last safe point
        self._asked_at: float | None = None  # when somebody asked for an end

    def safe_point(self) -> None:
        """Call where the state is exact. Raises Interrupted after one of `process.ENDINGS`, with the state saved."""
        if self._asked_at is not None:
            self._end()
        now = time.monotonic()
        step, self._previous = now - self._previous, now
        if now - self._last + step >= EVERY:  # the next chance may be too late
            self.save()

    def save(self) -> int:
        """Make a checkpoint now; it reaches the disk in the background. Returns its step."""
        self._report(self._checkpoints.wait())
        state = self._snapshot()
        self._checkpoints.save(state)
        self._last = time.monotonic()
        return state.step

    def _end(self) -> NoReturn:
        step = self.save()
        failure = self._checkpoints.wait()
        self._report(failure)
        advice = "its state could not be saved" if failure else "the same command goes on from there"
        raise Interrupted(f"interrupted at step {step} of {self._total_steps}; {advice}")

    def _report(self, failure: OSError | None) -> None:
        """A full disk costs the checkpoint, not the training."""
        if failure is not None:
            print(
                f"checkpoint: {failure.strerror or failure} ({self._checkpoints.folder}); the work goes on, and "
                f"saving is tried again in {EVERY:.0f} seconds; free some space there",
                file=sys.stderr,
                flush=True,
            )

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """While the block runs, Ctrl-C, SIGTERM and SIGHUP end it at the next safe point; a second one at once."""
        listened = process.ENDINGS - process.ignored() | {signal.SIGINT}  # a shell ignores it for what runs behind
        earlier = {number: signal.signal(number, self._on_signal) for number in listened}
        try:
            yield
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)

    def _on_signal(self, *_: object) -> None:
        if self._asked_at is not None:
            if time.monotonic() - self._asked_at > AGAIN:
                raise KeyboardInterrupt
            return
        self._asked_at = time.monotonic()
        # Not by `print`, which the signal may have interrupted.
        with contextlib.suppress(OSError):  # the terminal may be gone
            os.write(2, b"\nending after this step, with a checkpoint; once more ends at once\n")
