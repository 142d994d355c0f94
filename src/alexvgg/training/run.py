"""One training, from arrays to weights, history and summary.

Imports TensorFlow: call `runtime.start` before importing this. Paths come from the caller.
"""

from typing import Any, Protocol

from alexvgg import __version__
from alexvgg.checkpoints.saver import Saver
from alexvgg.checkpoints.snapshot import Snapshot
from alexvgg.checkpoints.store import Checkpoints
from alexvgg.data import arrays
from alexvgg.data.arrays import TrainingData
from alexvgg.networks import checking, registry
from alexvgg.rows import history
from alexvgg.rows.history import Epoch
from alexvgg.rows.identity import Identity, Inputs
from alexvgg.rows.paths import RowFiles
from alexvgg.rows.summary import Summary
from alexvgg.system import files, hardware
from alexvgg.training.trainer import Trainer


class Observer(Protocol):
    """Who is told how a training goes."""

    def begin(self, trainer: Trainer) -> None:
        """Before the first step of this process. After an interruption the trainer has done some already."""

    def step(self, *, epoch: int, step: int, loss: float, acc: float) -> None:
        """After each step, with the running means of the epoch so far."""

    def epoch(self, row: Epoch) -> None:
        """After each epoch, validation included."""

    def before_writing(self) -> None:
        """Before the first output is written. May raise."""


def train(
    identity: Identity, inputs: Inputs, outputs: RowFiles, checkpoints: Checkpoints, observer: Observer
) -> Summary:
    """Train one network, from its last checkpoint if there is one, and write its outputs. Returns the summary."""
    environment = hardware.environment()
    snapshot = checkpoints.newest(environment)
    description = arrays.load_description(inputs.description)
    architecture = registry.named(identity.architecture)
    data = TrainingData(arrays.load(inputs.train, description), arrays.load(inputs.val, description), description)
    model = checking.build(architecture, identity.crop, len(description.classes), identity.options)
    checking.check_training(model, architecture.where)
    trainer = Trainer(model, data, identity)
    for crop in sorted(set(trainer.crops) - {identity.crop}):  # where `evaluate` counts its layers
        checking.build(architecture, crop, len(description.classes), identity.options)
    trainer.check_crops(architecture.where)
    if snapshot is not None:
        trainer.restore(snapshot.step, snapshot.arrays, snapshot.facts)
    del snapshot  # three times the memory of the weights

    saver = Saver(checkpoints, trainer.last_step, lambda: Snapshot(*trainer.state(), environment))
    observer.begin(trainer)
    with saver.listening():
        for row in trainer.epochs(observer.step, saver.safe_point):
            observer.epoch(row)
        saver.save()  # whatever happens from here on, nothing has to be computed again
        saver.safe_point()

    observer.before_writing()
    write_weights(model, outputs)
    summary = summarize(identity, data, trainer, model.count_params(), files.sha256(outputs.weights))
    history.write(outputs.history, trainer.rows)
    summary.write(outputs.summary)
    return summary


def write_weights(model: Any, outputs: RowFiles) -> None:
    """Replace the file of weights in one step."""
    # HDF5 crashes at the end of a process in which it could not write a file to its end.
    files.require_space(outputs.weights, 4 * model.count_params() + 2**20)
    with files.replacing(outputs.weights, suffix=".weights.h5") as temporary:
        model.save_weights(temporary)


def summarize(identity: Identity, data: TrainingData, trainer: Trainer, params: int, weights_sha256: str) -> Summary:
    """What a training was, the network that it made, and how it ended."""
    last, description = trainer.rows[-1], data.description
    return Summary(
        **{name: getattr(identity, name) for name in Identity.model_fields},
        version=__version__,
        source=description.source,
        title=description.title,
        archive_sha256=description.archive_sha256,
        images=description.images,
        resize=description.resize_for(identity.crop),
        hardware=hardware.title(),
        params=params,
        weights_sha256=weights_sha256,
        beginning=trainer.beginning,
        loss=last.loss,
        val_loss=last.val_loss,
        acc=last.acc,
        val_acc=last.val_acc,
    )
