"""One training, from arrays to weights, history and summary.

Imports TensorFlow: call `runtime.start` before importing this. Paths come from the caller.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from alexvgg import __version__, anatomy, files, runtime
from alexvgg.checkpoint import Checkpoints
from alexvgg.data import arrays
from alexvgg.data.arrays import Description
from alexvgg.identity import Inputs, Outputs
from alexvgg.keeper import Keeper
from alexvgg.params import Params
from alexvgg.prediction import build
from alexvgg.progress import Progress
from alexvgg.snapshot import Snapshot
from alexvgg.training import Epoch, StepReport, Trainer


def train(
    params: Params,
    identity: dict[str, Any],
    inputs: Inputs,
    outputs: Outputs,
    checkpoints: Checkpoints,
    on_step: StepReport,
    on_epoch: Callable[[dict[str, Any]], None],
    before_writing: Callable[[], None],
) -> dict[str, Any]:
    """Train one network, from its last checkpoint if there is one, and write its outputs. Returns the summary.

    `on_step` gets the running means after every step; `on_epoch` a row of the history, again after an interruption;
    `before_writing` may raise.
    TensorFlow has to be started.
    """
    environment = runtime.versions()
    snapshot = checkpoints.newest(environment)
    description = arrays.load_description(inputs.description)
    recipe = params.recipe(identity["model"])
    model = build(identity, description)
    val_split = arrays.load(inputs.val, description)
    trainer = Trainer(
        model, arrays.load(inputs.train, description), description, identity["crop"], recipe, identity["seed"]
    )
    if snapshot is not None:
        trainer.restore(snapshot.step, snapshot.arrays, snapshot.facts)
    del snapshot  # three times the memory of the weights
    for row in trainer.rows:
        on_epoch(asdict(row))

    keeper = Keeper(checkpoints, trainer.last_step, lambda: Snapshot(*trainer.state(), environment))
    name = f"{identity['model']}-{identity['seed']}"
    progress = Progress(name, recipe, identity["crop"], trainer.steps_per_epoch, trainer.last_step, trainer.step)

    def report(**numbers: Any) -> None:
        progress.step(**numbers)
        on_step(**numbers)

    with keeper.listening(), progress:
        for row in trainer.epochs(val_split, params.evaluation.batch_size, report, keeper.safe_point):
            progress.epoch(row)
            on_epoch(asdict(row))
        keeper.keep()  # whatever happens from here on, nothing has to be computed again
        keeper.safe_point()

    before_writing()
    # HDF5 crashes at the end of a process in which it could not write a file to its end.
    files.require_space(outputs.weights, 4 * model.count_params() + 2**20)
    with files.replacing(outputs.weights, suffix=".weights.h5") as temporary:
        model.save_weights(temporary)
    made = {
        "params": model.count_params(),
        "layers": anatomy.layers(model),
        "weights_sha256": files.sha256(outputs.weights),
    }
    summary = summarize(identity, description, made, trainer.rows[-1])
    files.write_text(outputs.history, history_csv(trainer.rows))
    files.write_json(outputs.summary, summary)
    return summary


def summarize(identity: dict[str, Any], description: Description, made: dict[str, Any], last: Epoch) -> dict[str, Any]:
    """What a training was, the network that it made, and how it ended, without times, hosts and run ids."""
    return {
        "version": __version__,
        **identity,
        "resize": description.resize_for(identity["crop"]),
        "source": description.source,
        "archive_sha256": description.archive_sha256,
        "images": description.images,
        "hardware": runtime.hardware(),
        **made,
        "loss": last.loss,
        "val_loss": last.val_loss,
        "acc": last.acc,
        "val_acc": last.val_acc,
    }


def history_csv(rows: list[Epoch]) -> str:
    """A history as CSV, one line an epoch, in full precision."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()
