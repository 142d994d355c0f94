"""Send journals to one tracking server or database."""

import os
from pathlib import Path
from typing import Any

from alexvgg.system.errors import TrackingError
from alexvgg.tracking import connection, journal, registration, runs
from alexvgg.tracking.sender import close_if_killed, in_a_line


class Target:
    """Where journals are sent. Connects when first used.

    `root` is the project's folder, `package` the source folder that goes with a model.
    """

    def __init__(self, default_uri: str, root: Path, package: Path) -> None:
        self._uri, self._package = default_uri, package
        self._lock, self._artifacts = connection.lock_of(root), root / "mlruns"
        self._client: Any = None

    def _connected(self) -> Any:
        if self._client is None:
            self._client = connection.connect(self._uri, self._lock)
        return self._client

    def send(self, path: Path) -> str:
        """Send what is new in a journal. Returns the run's id. Raises TrackingError or what MLflow raises."""
        client = self._connected()
        profile = journal.read(path)[0]["profile"]
        experiment = connection.experiment_id(client, profile, self._lock, self._artifacts)
        return runs.push(client, experiment, path)

    def unsent(self, path: Path) -> int:
        """How many records of a journal are not in its run. Raises TrackingError or what MLflow raises."""
        client = self._connected()
        records = journal.read(path)
        experiment = client.get_experiment_by_name(connection.experiment_name(records[0]["profile"]))
        run = runs.find_run(client, experiment.experiment_id, records[0]) if experiment else None
        return len(records) - (runs.sent(run) if run else 0)

    def register(self, path: Path) -> None:
        """Send a journal, and register the model of the training if it is finished."""
        run_id = self.send(path)
        registration.register(self._client, run_id, path, self._package)


def everything(target: Target, folder: Path) -> str:
    """Send every journal in `folder`; those of trainings that were killed are closed. Returns a summary.

    Raises TrackingError if MLflow cannot be used, or, when all were tried, if it did not take one of them.
    """
    found = journal.starts(folder)
    refused = []
    for path, _ in found:
        if not is_running(path):
            close_if_killed(path)
        try:
            target.register(path)
        except TrackingError:
            raise
        except Exception as error:  # noqa: BLE001 - MLflow and what it builds on raise their own
            refused.append(f"{path.name}: {in_a_line(error)}")
    if refused:
        raise TrackingError(
            f"{len(refused)} of {len(found)} runs could not be sent whole ({refused[0]}); they are safe on disk, "
            "send them later: alexvgg sync"
        )
    return f"{len(found)} runs are in MLflow"


def unsent(target: Target, folder: Path) -> list[Path]:
    """The journals that MLflow does not have completely, or whose process is gone without an end record."""
    return [
        path
        for path, _ in journal.starts(folder)
        if target.unsent(path) or (journal.status(journal.read(path))[0] == "RUNNING" and not is_running(path))
    ]


def is_running(path: Path) -> bool:
    """Whether the process that writes a journal is there."""
    return _is_alive(journal.status(journal.read(path))[1])


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
