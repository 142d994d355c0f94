"""Whether a run in MLflow has what was sent to it: a database may be older, and files are lost more easily."""

from typing import Any

from alexvgg.tracking import contents


def has_numbers(run: Any, records: list[dict[str, Any]]) -> bool:
    """Whether the numbers that a run shows are those of these records.

    Of a metric's points MLflow shows the last by step, time and value. That of the last record may be another one: a
    training that was killed goes on at an earlier step.
    """
    points = [metric for record in records for metric in contents.metrics(record)]
    points.sort(key=lambda point: (point.step, point.timestamp, point.value))
    expected = {point.key: point.value for point in points}
    return all(run.data.metrics.get(name) == value for name, value in expected.items())
