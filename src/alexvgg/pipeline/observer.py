"""Who watches a training: the terminal, the journal, and the guard of its sources."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from alexvgg.pipeline import hints
from alexvgg.pipeline.guard import Guard
from alexvgg.pipeline.progress import Progress
from alexvgg.rows.history import Epoch
from alexvgg.rows.identity import Identity
from alexvgg.tracking import recording
from alexvgg.tracking.journal import Journal

if TYPE_CHECKING:
    from alexvgg.training.trainer import Trainer  # imports TensorFlow


class TrainingObserver:
    """Passes on what `training.run` reports."""

    def __init__(self, identity: Identity, journal: Journal, guard: Guard) -> None:
        self._identity, self._guard = identity, guard
        self._record_step, self._record_epoch = recording.steps_into(journal), recording.epochs_into(journal)
        self._progress: Progress | None = None
        self._known: hints.Circumstances | None = None

    def begin(self, trainer: "Trainer") -> None:
        for row in trainer.rows:
            self._record_epoch(row)
        self._known = hints.Circumstances(
            classes=trainer.network.output_shape[-1],
            batch_normalization=any(weight.name == "moving_mean" for weight in trainer.network.weights),
            steps=trainer.last_step,
            steps_per_epoch=trainer.steps_per_epoch,
            warmup_steps=self._identity.recipe.warmup_fraction * trainer.total_steps,
        )
        self._progress = Progress(self._identity, trainer)

    def step(self, *, epoch: int, step: int, loss: float, acc: float) -> None:
        assert self._progress is not None
        self._progress.step(epoch=epoch, step=step, loss=loss, acc=acc)
        self._record_step(epoch=epoch, step=step, loss=loss, acc=acc)

    def epoch(self, row: Epoch) -> None:
        assert self._progress is not None and self._known is not None
        self._progress.epoch(row)
        self._record_epoch(row)
        for hint in hints.after(row, self._known):
            self._progress.say(f"hint: {hint}")

    def before_writing(self) -> None:
        self._guard.check()


@contextmanager
def observing(identity: Identity, journal: Journal, guard: Guard) -> Iterator[TrainingObserver]:
    """An observer that leaves the terminal as it was."""
    observer = TrainingObserver(identity, journal, guard)
    try:
        yield observer
    finally:
        if observer._progress is not None:
            observer._progress.close()
