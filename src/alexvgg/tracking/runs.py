"""A journal into its MLflow run. Doing it again changes nothing: what was sent is counted on the run."""

from pathlib import Path
from typing import Any

from filelock import FileLock

from alexvgg.tracking import contents, journal, wholeness
from alexvgg.tracking.connection import once

UID_TAG = "alexvgg.journal"
KEY_TAG = "alexvgg.key"
SENT_TAG = "alexvgg.records_sent"
NOTE_TAG = "mlflow.note.content"
REBUILT = "Made again from DVC's files, which hold no times, no system metrics and not the commit of the training."
BATCH = 500  # metrics in one request; servers allow 1000


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
    first = sent(client, run, records)
    if first == len(records) and not has_status(run, records):
        set_status(client, run, records)  # an upload of the model was killed
    if not first:
        _describe(client, run_id, start)
    new = records[first:]
    metrics = [metric for record in new for metric in contents.metrics(record)]
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
    others = find_all(client, experiment, f"tags.`{KEY_TAG}` = '{start['key']}'", deleted_too=True)
    return min((run for run in others if _says_the_same(run, records)), key=deleted, default=None)


def _says_the_same(run: Any, records: list[dict[str, Any]]) -> bool:
    """Whether it is the run of a finished training with the same weights and numbers. It may be at work again: it is
    while its model is uploaded."""
    made = journal.weights(records)
    same = run.data.tags.get(contents.WEIGHTS_TAG, made) == made  # version 0.1 noted none
    return same and contents.PARAMETERS in run.data.params and wholeness.has_numbers(run, records)


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


def sent(client: Any, run: Any, records: list[dict[str, Any]]) -> int:
    """How many records of its journal a run has; none of them, if something of them is missing or another one.

    Where records are to be sent anyway, as all the time during a training, only the numbers are looked at.
    """
    if not is_of(run, records[0]):
        return len(records)
    count = int(run.data.tags.get(SENT_TAG, "0"))
    if count > len(records):  # the journal lost lines: they are nowhere else now
        return len(records)
    right = wholeness.has_numbers(run, records[:count])
    return count if right and (count < len(records) or wholeness.is_whole(client, run, records)) else 0


def has_status(run: Any, records: list[dict[str, Any]]) -> bool:
    """Whether the run of a journal stands as its training does. One of another journal has its own to say so.

    A finished run whose journal does not say so stays finished: the journal lost lines.
    """
    lost = contents.PARAMETERS in run.data.params and not any(record.get("params") for record in records)
    return not is_of(run, records[0]) or lost or bool(run.info.status == journal.status(records))


def set_status(client: Any, run: Any, records: list[dict[str, Any]]) -> None:
    """Let a run stand as the training of a journal does; `run` as it was before somebody changed it."""
    status, end = journal.status(records), run.info.end_time
    if is_of(run, records[0]):
        end = next((record["time"] for record in reversed(records) if record["kind"] == "end"), None)
    if status == "RUNNING":
        client.update_run(run.info.run_id, status=status)
    else:
        client.set_terminated(run.info.run_id, status, end)


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

    client.log_batch(run_id, params=[Param(name, value) for name, value in contents.headline(start).items()])
    client.log_inputs(run_id, [contents.dataset(start["dataset"])])
    client.log_dict(run_id, contents.all_params(start), contents.PARAMS_FILE)


def _send_rest(client: Any, run_id: str, record: dict[str, Any]) -> None:
    """What a record holds beside metrics."""
    if record["kind"] == "environment":
        client.log_batch(run_id, tags=_tags({f"env.{k}": v for k, v in record["versions"].items()}))
    if record["kind"] == "resume":
        client.update_run(run_id, status="RUNNING")
    if record["kind"] == "end":
        if "params" in record:
            client.log_param(run_id, contents.PARAMETERS, record["params"])
            client.set_tag(run_id, contents.WEIGHTS_TAG, record["weights_sha256"])
        client.set_terminated(run_id, record["status"], record["time"])
    if record["kind"] == "evaluation":
        client.log_dict(run_id, contents.by_class(record), contents.CLASSES_FILE)


def _tags(values: dict[str, str]) -> list[Any]:
    from mlflow.entities import RunTag

    return [RunTag(name, value) for name, value in values.items()]
