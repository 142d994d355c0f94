"""A trained network in MLflow's model registry, and the alias `best` on the best one by validation."""

import io
from contextlib import nullcontext, redirect_stderr
from pathlib import Path
from typing import Any

from alexvgg.system import files
from alexvgg.tracking import journal, runs
from alexvgg.tracking.connection import once
from alexvgg.tracking.experiments import name_of

MODEL_TAG = "alexvgg.model_version"
VAL_ACC_TAG = "val_acc"
ALIAS = "best"
ABSENT = "RESOURCE_DOES_NOT_EXIST"
LOGGED = "models:/"  # before the number of a logged model, as the source of a version
FILES = {"MLmodel", "artifacts"}  # of a logged model, at least
ABOUT = (
    f"Trained networks of this profile. `{ALIAS}` is the one with the highest accuracy in validation (val_acc) of "
    "those that are in the project's results table, in anybody's clone; of equals, the oldest. `alexvgg sync` chooses "
    "it again."
)


def register(client: Any, run_id: str, path: Path, package: Path) -> bool:
    """Log and register the model of the training that the journal at `path` records, once. Whether it did.

    A training whose files are no longer on disk is left alone.
    """
    records, run = journal.read(path), client.get_run(run_id)
    artifacts = _to_be_uploaded(client, run, records)
    if artifacts is None:
        return False
    name = name_of(records[0]["profile"])
    try:
        lost = _lost(client, run, name)
        if lost is not None:
            _log(run_id, artifacts, package, lost)
            return True
        version = _version_of(client, name, run_id) or _create_version(client, name, run, artifacts, package)
    finally:  # an upload changes both, also one that fails
        runs.set_status(client, run, records)
    _describe(client, name, version, records)
    client.set_tag(run_id, MODEL_TAG, version)  # last: until then it is done again
    return True


def is_waiting(client: Any, run: Any, records: list[dict[str, Any]]) -> bool:
    """Whether MLflow lacks the model of the training that these records tell of, and its files are on disk."""
    return _to_be_uploaded(client, run, records) is not None


def _to_be_uploaded(client: Any, run: Any, records: list[dict[str, Any]]) -> dict[str, Path] | None:
    """The files of a model that is not registered, or is without files there."""
    if MODEL_TAG in run.data.tags and _lost(client, run, name_of(records[0]["profile"])) is None:
        return None
    return _files(records)


def _lost(client: Any, run: Any, name: str) -> str | None:
    """The logged model of the version that was made of a run, if its files are gone.

    A version or a model that somebody deleted stays so.
    """
    from mlflow.exceptions import MlflowException

    if MODEL_TAG not in run.data.tags:
        return None
    try:
        source = str(client.get_model_version(name, run.data.tags[MODEL_TAG]).source)
        model = source.removeprefix(LOGGED)
        return model if source.startswith(LOGGED) and not _has_files(client, model) else None
    except MlflowException as error:
        if error.error_code == ABSENT:
            return None
        raise


def _has_files(client: Any, model: str) -> bool:
    return {file.path for file in client.list_logged_model_artifacts(model)} >= FILES


def _describe(client: Any, name: str, version: str, records: list[dict[str, Any]]) -> None:
    """What is said of a version, and of the model that it is one of."""
    start, end = records[0], _finished(records)[-1]
    client.set_registered_model_tag(name, "alexvgg.profile", start["profile"])
    if not client.get_registered_model(name).description:
        client.update_registered_model(name, ABOUT)
    client.update_model_version(name, version, _about(start, end))
    client.set_model_version_tag(name, version, runs.KEY_TAG, start["key"])
    client.set_model_version_tag(name, version, VAL_ACC_TAG, repr(end["val_acc"]))


def _finished(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if record["kind"] == "end" and record["status"] == "FINISHED"]


def _files(records: list[dict[str, Any]]) -> dict[str, Path] | None:
    """The files of a training's model, if it is finished and they are still its own.

    The description is that of whichever profile was preprocessed last, and the others those of the last training.
    """
    ends = _finished(records)
    if not ends:
        return None
    digest, artifacts = ends[-1]["weights_sha256"], {name: Path(file) for name, file in ends[-1]["artifacts"].items()}
    if not all(file.is_file() for file in artifacts.values()):
        return None
    own = (
        files.sha256(artifacts["description"]) == records[0]["data"].get("description")
        and digest in artifacts["summary"].read_text(encoding="utf-8", errors="replace")
        and files.sha256(artifacts["weights"]) == digest  # last: it is large
    )
    return artifacts if own else None


def choose_best(client: Any, name: str, of_table: set[str]) -> bool:
    """Put the alias on the version with the highest validation accuracy of those whose run is in `of_table`.

    Without any it stays where it is. Returns whether it was moved.
    """
    known = client.search_model_versions(f"name = '{name}'")
    table = [one for one in known if one.run_id in of_table and VAL_ACC_TAG in one.tags]
    best = max(table, key=lambda one: (float(one.tags[VAL_ACC_TAG]), -int(one.version)), default=None)
    # A search does not tell the aliases of what it finds.
    if best is None or str(client.get_registered_model(name).aliases.get(ALIAS)) == str(best.version):
        return False
    client.set_registered_model_alias(name, ALIAS, best.version)
    return True


def forget_deleted(client: Any, experiment: str, name: str) -> None:
    """Let models be registered again whose version somebody deleted."""
    there = {str(one.version) for one in client.search_model_versions(f"name = '{name}'")}
    for run in runs.find_all(client, experiment):
        if run.data.tags.get(MODEL_TAG, "") not in ("", *there):
            client.delete_tag(run.info.run_id, MODEL_TAG)


def _about(start: dict[str, Any], end: dict[str, Any]) -> str:
    commit = start["tags"].get("mlflow.source.git.commit", "unknown")
    edited = " with uncommitted changes" if start["tags"].get("git.dirty") == "true" else ""
    return (
        f"{start['model']}, seed {start['seed']}, learning rate {start['recipe']['learning_rate']:g}, "
        f"val_acc {end['val_acc']:.4f}, commit {commit[:10]}{edited}"
    )


def _version_of(client: Any, name: str, run_id: str) -> str | None:
    """The version that was made of this run before somebody interrupted it; not a copy under another name."""
    found = client.search_model_versions(f"name = '{name}' AND run_id = '{run_id}'")
    return str(found[0].version) if found else None


def _create_version(client: Any, name: str, run: Any, artifacts: dict[str, Path], package: Path) -> str:
    """In two steps, so that after an interruption what was uploaded whole is used."""
    import mlflow

    logged = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    ready = [model for model in logged if str(model.status) == "READY"]
    whole = [model.model_uri for model in ready if _has_files(client, model.model_id)]
    address = whole[0] if whole else _log(run.info.run_id, artifacts, package, ready[0].model_id if ready else None)
    with redirect_stderr(io.StringIO()), once():
        return str(mlflow.register_model(address, name).version)


def _log(run_id: str, artifacts: dict[str, Path], package: Path, again: str | None = None) -> str:
    """Log the model to its run; its address. Requirements are given: MLflow would import everything to find them.

    `again` is the model that was logged before, and has lost its files; the run knows of it already.
    """
    import mlflow

    # What MLflow has to say here (hints, progress bars) would end up in the middle of a training's output.
    with (
        redirect_stderr(io.StringIO()),
        nullcontext() if again else mlflow.start_run(run_id=run_id, log_system_metrics=False),
    ):
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(package / "tracking" / "served_model.py"),
            artifacts={key: str(file) for key, file in artifacts.items()},
            code_paths=[str(package)],
            signature=_signature(artifacts["description"]),
            pip_requirements=_requirements(),
            model_id=again,
        )
    return str(info.model_uri)


def _signature(description: Path) -> Any:
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    known = files.read_json(description)
    side, classes = known["side"], len(known["classes"])
    return ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, side, side, 3))]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, classes))]),
    )


def _requirements() -> list[str]:
    from importlib.metadata import version

    names = ("mlflow", "numpy", "pydantic", "ruamel.yaml", "scikit-learn", "scipy", "tensorflow", "tqdm")
    return [f"{name}=={version(name)}" for name in names]
