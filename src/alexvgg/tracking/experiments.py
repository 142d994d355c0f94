"""The MLflow experiment of a profile: `alexvgg-<profile>`, or whatever somebody renamed it to."""

from pathlib import Path
from typing import Any

from filelock import FileLock

from alexvgg.system.errors import TrackingError

PROFILE_TAG = "alexvgg.profile"  # finds it again under another name
EXISTS = "RESOURCE_ALREADY_EXISTS"
KIND = {"mlflow.experimentKind": "custom_model_development"}


class ExperimentDeleted(TrackingError):
    """Somebody deleted the experiment of a profile in MLflow."""


def name_of(profile: str) -> str:
    """The name of the experiment, and of the registered model, unless somebody renames it."""
    return f"alexvgg-{profile}"


def find(client: Any, profile: str) -> Any | None:
    """The experiment of a profile. Raises ExperimentDeleted."""
    found = _search(client, profile)
    if found is not None and found.lifecycle_stage == "deleted":
        raise ExperimentDeleted(
            f"the experiment {found.name!r} was deleted in MLflow: `alexvgg sync --restore` brings it back with its "
            "runs; removed for good (`mlflow gc`), it is made anew"
        )
    return found


def find_or_create(client: Any, profile: str, lock: Path, artifacts: Path | None) -> str:
    """The id of the experiment of a profile. Raises ExperimentDeleted.

    A database has no server to keep files for it: they go to the folder `artifacts`, not to wherever this process
    happens to run. A server keeps them itself. `lock` is a file: one process at a time makes an experiment.
    """
    with FileLock(lock, timeout=60):
        found = find(client, profile)
        if found is None:
            return _create(client, profile, artifacts)
    if PROFILE_TAG not in found.tags:
        client.set_experiment_tag(found.experiment_id, PROFILE_TAG, profile)
    return str(found.experiment_id)


def _create(client: Any, profile: str, artifacts: Path | None) -> str:
    from mlflow.exceptions import MlflowException

    name = name_of(profile)
    location = (artifacts / name).as_uri() if artifacts else None
    try:
        return str(client.create_experiment(name, location, KIND | {PROFILE_TAG: profile}))
    except MlflowException as error:
        made = find(client, profile) if error.error_code == EXISTS else None
        if made is None:
            raise
        return str(made.experiment_id)  # another clone was quicker


def restore(client: Any, profile: str) -> str | None:
    """Bring back the experiment of a profile and its runs, as far as somebody deleted them. Its id, if there is one."""
    from mlflow.entities import ViewType

    found = _search(client, profile)
    if found is None:
        return None
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    while runs := client.search_runs([found.experiment_id], "", ViewType.DELETED_ONLY, max_results=100):
        for run in runs:
            client.restore_run(run.info.run_id)
    return str(found.experiment_id)


def _search(client: Any, profile: str) -> Any | None:
    from mlflow.entities import ViewType

    tagged = client.search_experiments(ViewType.ALL, filter_string=f"tags.`{PROFILE_TAG}` = '{profile}'")
    active = [one for one in tagged if one.lifecycle_stage == "active"]
    return next(iter([*active, *tagged]), None) or client.get_experiment_by_name(name_of(profile))
