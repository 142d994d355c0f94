"""A connection to the tracking server or its database, made quickly or refused quickly."""

import logging
import os
from pathlib import Path
from typing import Any

import requests
from filelock import FileLock

from alexvgg.system.errors import TrackingError

SECONDS = 5
KIND = {"mlflow.experimentKind": "custom_model_development"}  # opens as model training, not as generative AI
REBUILD = "move it away, and `alexvgg sync` makes a new one from the journals and DVC's files"

# Read by MLflow when it is imported; its own values wait for minutes on a server that is gone.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(SECONDS))
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")


def lock_of(root: Path) -> Path:
    """The lock that guards the database of the project in `root`."""
    return root / ".alexvgg" / "mlflow.lock"


def connect(default_uri: str, lock: Path) -> Any:
    """An MLflow client for `MLFLOW_TRACKING_URI`, or for `default_uri`. Raises TrackingError.

    A URI that starts with http is asked for its health first, with a short time-out.

    `lock` is a file: one process at a time may create or upgrade a database.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or default_uri
    if uri.startswith(("http://", "https://")):
        _knock(uri)
    import mlflow

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    mlflow.set_tracking_uri(uri)
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=60):
            client = mlflow.MlflowClient(uri)
            client.search_experiments(max_results=1)
    except Exception as error:  # noqa: BLE001 - MLflow, SQLAlchemy, urllib3 and others raise their own
        if uri.startswith(("http://", "https://")):
            raise TrackingError(f"the tracking server {uri} cannot be used: {_first_line(error)}") from None
        if "database schema" in str(error):
            what = f"{uri} was made by another version of MLflow than {mlflow.__version__}"
        else:
            what = f"the tracking database {uri} cannot be used: {_first_line(error)}"
        raise TrackingError(f"{what}; {REBUILD}") from None
    return client


def experiment_name(profile: str) -> str:
    return f"alexvgg-{profile}"


def experiment_id(client: Any, profile: str, lock: Path, artifacts: Path) -> str:
    """The experiment of a profile, made if need be: `alexvgg-<profile>`.

    A database has no server to keep files for it: they go to the folder `artifacts`, not to wherever this
    process happens to run.
    """
    name = experiment_name(profile)
    location = None if client.tracking_uri.startswith(("http://", "https://")) else (artifacts / name).as_uri()
    with FileLock(lock, timeout=60):
        found = client.get_experiment_by_name(name)
        return found.experiment_id if found else client.create_experiment(name, location, KIND)


def _knock(uri: str) -> None:
    try:
        requests.get(f"{uri.rstrip('/')}/health", timeout=SECONDS).raise_for_status()
    except requests.RequestException as error:
        raise TrackingError(
            f"the tracking server {uri} does not answer ({type(error).__name__}); start it, or unset "
            "MLFLOW_TRACKING_URI to use mlflow.db"
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
