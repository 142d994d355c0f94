"""What the records of a journal are in MLflow: parameters, metrics, a data set, files."""

import json
from typing import Any

from alexvgg.tracking.journal import ABOUT_PROCESS

WEIGHTS_TAG = "alexvgg.weights_sha256"
PARAMS_FILE = "params.json"
CLASSES_FILE = "accuracy_by_class.json"
PARAMETERS = "parameters"  # of MLflow's parameters the one that only a finished training has: the network's size
HEADLINE = (
    "epochs", "batch_size", "optimizer", "learning_rate", "schedule", "weight_decay", "label_smoothing",
    "precision", "random_crop", "padding", "flip", "cutmix", "erasing", "early_crops", "restart", "stop_after",
)  # fmt: skip
EPOCH = ("loss", "acc", "val_loss", "val_acc", "learning_rate", "crop")  # metrics with a point an epoch
BY_CLASS = "by_class/"  # how journals of version 0.1 name accuracies by class among the metrics


def headline(start: dict[str, Any]) -> dict[str, str]:
    """The parameters that MLflow shows in columns."""
    recipe = start["recipe"]
    found = {name: start[name] for name in ("model", "architecture", "seed", "crop")}
    found |= {name: recipe.get(name) for name in HEADLINE}
    found |= {f"option.{name}": value for name, value in start["options"].items()}
    return {name: str(value) for name, value in found.items()}


def all_params(start: dict[str, Any]) -> dict[str, Any]:
    """All that was known when the training began."""
    return {name: value for name, value in start.items() if name not in {"uid", *ABOUT_PROCESS}}


def files(records: list[dict[str, Any]]) -> set[str]:
    """The files that a run has."""
    return {PARAMS_FILE} | {CLASSES_FILE for record in records if record["kind"] == "evaluation"}


def by_class(evaluation: dict[str, Any]) -> dict[str, float]:
    """The accuracy of each class."""
    older = {k.removeprefix(BY_CLASS): v for k, v in evaluation["metrics"].items() if k.startswith(BY_CLASS)}
    found: dict[str, float] = evaluation.get("by_class", older)
    return found


def dataset(of_start: dict[str, Any]) -> Any:
    """What was trained on."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    entity = Dataset(
        name=of_start["name"],
        digest=of_start["digest"][:36],  # the longest that MLflow keeps
        source_type="dvc",
        source=json.dumps({"path": of_start["path"]}),
        profile=json.dumps(of_start["images"]),
    )
    return DatasetInput(entity, [InputTag("mlflow.data.context", "training")])


def metrics(record: dict[str, Any]) -> list[Any]:
    """The metrics of a record, each with the journal's own time: sent twice, they are still there once."""
    from mlflow.entities import Metric

    values: dict[str, float] = {}
    step = 0
    if record["kind"] == "epoch":
        values = {name: record[name] for name in EPOCH}
        step = record["epoch"]
    elif record["kind"] == "step":  # means over the epoch so far
        values = {f"step/{name}": record[name] for name in ("loss", "acc")}
        step = record["step"]
    elif record["kind"] == "system":
        values = {f"system/{name}": value for name, value in record["values"].items()}
        step = record["step"]
    elif record["kind"] == "evaluation":  # accuracies by class, up to a hundred curves of a point, are a file
        values = {name: value for name, value in record["metrics"].items() if not name.startswith(BY_CLASS)}
    return [Metric(name, float(value), record["time"], step) for name, value in values.items()]
