"""A journal into its MLflow run. Doing it again changes nothing: what was sent is counted on the run."""

import json
from pathlib import Path
from typing import Any

from filelock import FileLock

from alexvgg.tracking import journal
from alexvgg.tracking.connection import once

UID_TAG = "alexvgg.journal"
KEY_TAG = "alexvgg.key"
SENT_TAG = "alexvgg.records_sent"
NOTE_TAG = "mlflow.note.content"
REBUILT = "Made again from DVC's files, which hold no times, no system metrics and not the commit of the training."
BATCH = 500  # metrics in one request; servers allow 1000
HEADLINE = (
    "epochs", "batch_size", "optimizer", "learning_rate", "schedule", "weight_decay", "label_smoothing",
    "precision", "random_crop", "padding", "flip", "cutmix", "early_crops", "stop_after",
)  # fmt: skip
BY_CLASS = "by_class/"  # how journals of version 0.1 name accuracies by class among the metrics


def push(client: Any, experiment: str, path: Path, lock: Path) -> str | None:
    """Send what the journal at `path` holds and the run does not have yet. Returns the run's id.

    A run that somebody deleted in MLflow is left alone, and None is returned. `lock` is a file: one process at a time
    begins a run.
    """
    records = journal.read(path)
    start = records[0]
    run = find_run(client, experiment, records) or _begin(client, experiment, records, lock)
    if deleted(run):
        return None
    run_id = run.info.run_id
    first = sent(run, records)
    if not first:
        _describe(client, run_id, start)
    new = records[first:]
    metrics = [metric for record in new for metric in _metrics(record)]
    for i in range(0, len(metrics), BATCH):
        client.log_batch(run_id, metrics=metrics[i : i + BATCH])
    for record in new:
        _send_rest(client, run_id, record)
    if new:
        client.set_tag(run_id, SENT_TAG, str(len(records)))
    return str(run_id)


def find_run(client: Any, experiment: str, records: list[dict[str, Any]]) -> Any | None:
    """The run of a journal with these records, if there is one; a deleted one, too.

    A journal that was made from DVC's files has no run of its own where that of whoever trained says the same.
    """
    start = records[0]
    own = find_all(client, experiment, f"tags.`{UID_TAG}` = '{start['uid']}'", deleted_too=True)
    if own or not start.get("rebuilt"):
        return own[0] if own else None
    same = f"tags.`{KEY_TAG}` = '{start['key']}' AND attributes.status = 'FINISHED'"
    others = [run for run in find_all(client, experiment, same, deleted_too=True) if _has(run, records)]
    return min(others, key=deleted, default=None)


def find_all(client: Any, experiment: str, which: str = "", deleted_too: bool = False) -> list[Any]:
    """The runs of an experiment that a filter leaves, newest first."""
    from mlflow.entities import ViewType

    kind = ViewType.ALL if deleted_too else ViewType.ACTIVE_ONLY
    page = client.search_runs([experiment], which, kind, max_results=1000)
    found = list(page)
    while page.token:
        page = client.search_runs([experiment], which, kind, max_results=1000, page_token=page.token)
        found += page
    return found


def is_of(run: Any, start: dict[str, Any]) -> bool:
    """Whether it is the run of the journal that begins with `start`, not of another with the same numbers."""
    return bool(run.data.tags.get(UID_TAG) == start["uid"])


def deleted(run: Any) -> bool:
    """Whether somebody deleted it in MLflow."""
    return bool(run.info.lifecycle_stage == "deleted")


def sent(run: Any, records: list[dict[str, Any]]) -> int:
    """How many records of its journal a run has; none of them, if a number is missing or another one."""
    if not is_of(run, records[0]):
        return len(records)
    count = int(run.data.tags.get(SENT_TAG, "0"))
    return count if _has(run, records[:count]) else 0


def _has(run: Any, records: list[dict[str, Any]]) -> bool:
    """Whether the numbers that a run shows are those of these records."""
    expected = {metric.key: metric.value for record in records for metric in _metrics(record)}
    found = run.data.metrics
    return all(found.get(name) == value for name, value in expected.items())


def _begin(client: Any, experiment: str, records: list[dict[str, Any]], lock: Path) -> Any:
    with FileLock(lock, timeout=60):
        return find_run(client, experiment, records) or _create(client, experiment, records[0])


def _create(client: Any, experiment: str, start: dict[str, Any]) -> Any:
    exp_name = start["tags"].get("dvc.exp_name")
    rebuilt = {"alexvgg.rebuilt": "true", NOTE_TAG: REBUILT} if start.get("rebuilt") else {}
    with once():
        return client.create_run(
            experiment,
            start_time=start["time"],
            run_name=f"{start['model']}-{start['seed']}" + (f" ({exp_name})" if exp_name else ""),
            tags={UID_TAG: start["uid"], KEY_TAG: start["key"], **rebuilt, **start["tags"]},
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
    client.log_dict(run_id, {k: v for k, v in start.items() if k not in {"uid", *journal.ABOUT_PROCESS}}, "params.json")


def _send_rest(client: Any, run_id: str, record: dict[str, Any]) -> None:
    """What a record holds beside metrics."""
    if record["kind"] == "environment":
        client.log_batch(run_id, tags=_tags({f"env.{k}": v for k, v in record["versions"].items()}))
    if record["kind"] == "resume":
        client.update_run(run_id, status="RUNNING")
    if record["kind"] == "end":
        if "params" in record:
            client.log_param(run_id, "parameters", record["params"])
        client.set_terminated(run_id, record["status"], record["time"])
    if record["kind"] == "evaluation":
        older = {k.removeprefix(BY_CLASS): v for k, v in record["metrics"].items() if k.startswith(BY_CLASS)}
        client.log_dict(run_id, record.get("by_class", older), "accuracy_by_class.json")


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
    elif record["kind"] == "evaluation":  # accuracies by class, up to a hundred curves of a point, are a file
        values = {name: value for name, value in record["metrics"].items() if not name.startswith(BY_CLASS)}
    return [Metric(name, float(value), record["time"], step) for name, value in values.items()]


def _tags(values: dict[str, str]) -> list[Any]:
    from mlflow.entities import RunTag

    return [RunTag(name, value) for name, value in values.items()]
