"""A journal into its MLflow run. Doing it again changes nothing: what was sent is counted on the run."""

import json
from pathlib import Path
from typing import Any

from alexvgg.tracking import journal

UID_TAG = "alexvgg.journal"
KEY_TAG = "alexvgg.key"
SENT_TAG = "alexvgg.records_sent"
BATCH = 500  # metrics in one request; servers allow 1000
HEADLINE = (
    "epochs", "batch_size", "optimizer", "learning_rate", "schedule", "weight_decay", "label_smoothing",
    "precision", "random_crop", "flip", "early_crops", "stop_after",
)  # fmt: skip


def push(client: Any, experiment: str, path: Path) -> str:
    """Send what the journal at `path` holds and the run does not have yet. Returns the run's id."""
    records = journal.read(path)
    start = records[0]
    run = find_run(client, experiment, start) or _create(client, experiment, start)
    run_id = run.info.run_id
    if not sent(run):
        _describe(client, run_id, start)
    new = records[sent(run) :]
    metrics = [metric for record in new for metric in _metrics(record)]
    for i in range(0, len(metrics), BATCH):
        client.log_batch(run_id, metrics=metrics[i : i + BATCH])
    for record in new:
        if record["kind"] == "environment":
            client.log_batch(run_id, tags=_tags({f"env.{k}": v for k, v in record["versions"].items()}))
        if record["kind"] == "resume":
            client.update_run(run_id, status="RUNNING")
        if record["kind"] == "end":
            if "params" in record:
                client.log_param(run_id, "parameters", record["params"])
            client.set_terminated(run_id, record["status"], record["time"])
    if new:
        client.set_tag(run_id, SENT_TAG, str(len(records)))
    return run_id


def find_run(client: Any, experiment: str, start: dict[str, Any]) -> Any | None:
    """The run of the journal that begins with `start`, if there is one."""
    runs = client.search_runs([experiment], f"tags.`{UID_TAG}` = '{start['uid']}'", max_results=1)
    return runs[0] if runs else None


def sent(run: Any) -> int:
    """How many records of its journal a run has."""
    return int(run.data.tags.get(SENT_TAG, "0"))


def _create(client: Any, experiment: str, start: dict[str, Any]) -> Any:
    return client.create_run(
        experiment,
        start_time=start["time"],
        run_name=f"{start['model']}-{start['seed']}",
        tags={UID_TAG: start["uid"], KEY_TAG: start["key"], **start["tags"]},
    )


def _describe(client: Any, run_id: str, start: dict[str, Any]) -> None:
    """Parameters and data set; sent twice, they are there once."""
    from mlflow.entities import Param

    recipe = start["recipe"]
    headline = {name: start[name] for name in ("model", "architecture", "seed", "crop")}
    headline |= {name: recipe.get(name) for name in HEADLINE}
    headline |= {f"option.{name}": value for name, value in start["options"].items()}
    params = [Param(name, str(value)) for name, value in headline.items()]
    client.log_batch(run_id, params=params)
    client.log_inputs(run_id, [_dataset(start["dataset"])])
    client.log_dict(run_id, {k: v for k, v in start.items() if k not in ("uid", "process")}, "params.json")


def _dataset(dataset: dict[str, Any]) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    entity = Dataset(
        name=dataset["name"],
        digest=dataset["digest"][:36],  # the longest that MLflow keeps
        source_type="dvc",
        source=json.dumps({"path": dataset["path"]}),
        profile=json.dumps(dataset["images"]),
    )
    return DatasetInput(entity, [InputTag("mlflow.data.context", "training")])


def _metrics(record: dict[str, Any]) -> list[Any]:
    """The metrics of a record, each with the journal's own time: sent twice, they are still there once."""
    from mlflow.entities import Metric

    values: dict[str, float] = {}
    step = 0
    if record["kind"] == "epoch":
        values = {name: record[name] for name in ("loss", "acc", "val_loss", "val_acc", "learning_rate", "crop")}
        step = record["epoch"]
    elif record["kind"] == "step":  # means over the epoch so far
        values = {f"step/{name}": record[name] for name in ("loss", "acc")}
        step = record["step"]
    elif record["kind"] == "system":
        values = {f"system/{name}": value for name, value in record["values"].items()}
        step = record["step"]
    elif record["kind"] == "evaluation":
        values = record["metrics"]
    return [Metric(name, float(value), record["time"], step) for name, value in values.items()]


def _tags(values: dict[str, str]) -> list[Any]:
    from mlflow.entities import RunTag

    return [RunTag(name, value) for name, value in values.items()]
