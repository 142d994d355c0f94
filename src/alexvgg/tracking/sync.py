"""Send journals to one tracking server or database."""

import os
from pathlib import Path
from typing import Any

from alexvgg import journal
from alexvgg.tracking import connection, registration
from alexvgg.tracking.follow import close_if_killed
from alexvgg.tracking.push import push


class Target:
    """Where journals are sent. Connects when first used.

    `root` is the project's folder, `package` the source folder that goes with a model.
    """

    def __init__(self, default_uri: str, root: Path, package: Path) -> None:
        self._uri, self._package = default_uri, package
        self._lock, self._artifacts = connection.lock_of(root), root / "mlruns"
        self._client: Any = None

    def send(self, path: Path) -> str:
        """Send what is new in a journal. Returns the run's id. Raises TrackingError or what MLflow raises."""
        if self._client is None:
            self._client = connection.connect(self._uri, self._lock)
        profile = journal.read(path)[0]["profile"]
        experiment = connection.experiment_id(self._client, profile, self._lock, self._artifacts)
        return push(self._client, experiment, path)

    def register(self, path: Path) -> None:
        """Send a journal, and register the model of the training if it is finished."""
        run_id = self.send(path)
        registration.register(self._client, run_id, path, self._package)


def everything(target: Target, folder: Path) -> str:
    """Send every journal in `folder`; those of trainings that were killed are closed. Returns a summary."""
    found = journal.starts(folder)
    for path, _ in found:
        if not _is_running(journal.status(journal.read(path))[1]):
            close_if_killed(path)
        target.register(path)
    return f"{len(found)} runs are in MLflow"


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
