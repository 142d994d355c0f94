"""One training, from arrays to weights, history and summary; and its evaluation.

Imports TensorFlow: call `runtime.start` before importing this. Paths come from the caller.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from alexvgg import __version__, evaluation, files, models, runtime
from alexvgg.data import arrays
from alexvgg.data.arrays import Description
from alexvgg.errors import DataError
from alexvgg.identity import Inputs, Outputs
from alexvgg.params import Params
from alexvgg.progress import Progress
from alexvgg.training import Epoch, Trainer


def train(
    params: Params,
    identity: dict[str, Any],
    inputs: Inputs,
    outputs: Outputs,
    on_epoch: Callable[[Epoch], None],
) -> dict[str, Any]:
    """Train one network and write its outputs. Returns the summary. TensorFlow has to be started."""
    description = arrays.load_description(inputs.description)
    recipe = params.recipe(identity["model"])
    model = build(identity, description)
    train_split, val_split = arrays.load(inputs.train), arrays.load(inputs.val)
    trainer = Trainer(model, train_split, description, identity["crop"], recipe, identity["seed"])
    name = f"{identity['model']}-{identity['seed']}"
    progress = Progress(name, recipe.epochs, trainer.total_steps, recipe.batch_size)
    rows = []
    try:
        for row in trainer.epochs(val_split, params.evaluation.batch_size, progress.step):
            rows.append(row)
            progress.epoch(row)
            on_epoch(row)
    finally:
        progress.close()
    summary = summarize(identity, description, model.count_params(), rows[-1])
    with files.replacing(outputs.weights, suffix=".weights.h5") as temporary:
        model.save_weights(temporary)
    files.write_text(outputs.history, history_csv(rows))
    files.write_json(outputs.summary, summary)
    return summary


def evaluate(
    summary: dict[str, Any], description_path: Path, test_path: Path, weights: Path, batch_size: int
) -> dict[str, Any]:
    """Measure a trained network on the test split. Returns its last epoch's numbers and the test metrics."""
    description = arrays.load_description(description_path)
    model = rebuild(summary, description, weights)
    test = arrays.load(test_path)
    predictor = evaluation.Predictor.of(model, description, summary["crop"], batch_size)
    last_epoch = {name: summary[name] for name in ("loss", "acc", "val_loss", "val_acc")}
    return last_epoch | evaluation.test_metrics(predictor.logits(test.images), test.labels)


def build(identity: dict[str, Any], description: Description) -> Any:
    """The Keras model of a training or of its summary, with fresh weights."""
    classes = len(description.classes)
    return models.build(identity["architecture"], identity["crop"], 3, classes, identity["options"])


def rebuild(summary: dict[str, Any], description: Description, weights: Path) -> Any:
    """The trained Keras model: built from code, weights from disk. Raises DataError."""
    model = build(summary, description)
    try:
        model.load_weights(weights)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{weights} does not fit {summary['model']}: {error}; run `dvc repro` or `dvc checkout`") from None
    return model


def summarize(identity: dict[str, Any], description: Description, parameters: int, last: Epoch) -> dict[str, Any]:
    """What a training was and how it ended, without times, hosts and run ids."""
    return {
        "version": __version__,
        **identity,
        "resize": description.resize_for(identity["crop"]),
        "source": description.source,
        "archive_sha256": description.archive_sha256,
        "images": description.images,
        "hardware": runtime.hardware(),
        "params": parameters,
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
