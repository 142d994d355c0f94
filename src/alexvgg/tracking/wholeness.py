"""Whether a run in MLflow has what was sent to it: a database may be older, and files are lost more easily."""

from typing import Any

from alexvgg.tracking import contents, journal


def has_numbers(run: Any, records: list[dict[str, Any]]) -> bool:
    """Whether the numbers that a run shows are those of these records.

    Of a metric's points MLflow shows the last by step, time and value. That of the last record may be another one: a
    training that was killed goes on at an earlier step.
    """
    points = [metric for record in records for metric in contents.metrics(record)]
    points.sort(key=lambda point: (point.step, point.timestamp, point.value))
    expected = {point.key: point.value for point in points}
    return all(run.data.metrics.get(name) == value for name, value in expected.items())


def is_whole(client: Any, run: Any, records: list[dict[str, Any]]) -> bool:
    """Whether a run has all that these records of its journal hold beside the numbers that it shows."""
    return (
        _is_described(run, records)
        and contents.files(records) <= {file.path for file in client.list_artifacts(run.info.run_id)}
        and _has_epochs(client, run, records)
    )


def _is_described(run: Any, records: list[dict[str, Any]]) -> bool:
    """Parameters, which weights it made, and the data set."""
    expected = set(contents.headline(records[0]))
    made = journal.weights(records)
    if made is not None:
        expected.add(contents.PARAMETERS)
    same = made is None or run.data.tags.get(contents.WEIGHTS_TAG) == made
    return same and expected <= set(run.data.params) and bool(run.inputs.dataset_inputs)


def _has_epochs(client: Any, run: Any, records: list[dict[str, Any]]) -> bool:
    """Whether each curve has a point for every epoch."""
    epochs = {record["epoch"] for record in records if record["kind"] == "epoch"}
    curves = contents.EPOCH if epochs else ()
    return all(epochs <= {point.step for point in client.get_metric_history(run.info.run_id, name)} for name in curves)
