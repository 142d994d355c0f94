"""A trained network in MLflow's model registry, and the alias `best` on the best one by validation."""

import io
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

from alexvgg.system import files
from alexvgg.tracking import journal, runs
from alexvgg.tracking.connection import once
from alexvgg.tracking.experiments import name_of

MODEL_TAG = "alexvgg.model_version"
VAL_ACC_TAG = "val_acc"
ALIAS = "best"
ABOUT = (
    f"Trained networks of this profile. `{ALIAS}` is the one with the highest accuracy in validation (val_acc) of "
    "those that are in the project's results table, in anybody's clone; of equals, the oldest. `alexvgg sync` chooses "
    "it again."
)


def register(client: Any, run_id: str, path: Path, package: Path) -> bool:
    """Log and register the model of the training that the journal at `path` records, once. Whether it did.

    A training whose files are no longer on disk is left alone.
    """
    records = journal.read(path)
    run = client.get_run(run_id)
    if MODEL_TAG in run.data.tags:
        return False
    artifacts = _files(records)
    if artifacts is None:
        return False
    start, end = records[0], _finished(records)[-1]
    name = name_of(start["profile"])
    try:
        version = _version_of(client, name, run_id) or _create_version(client, name, run_id, artifacts, package)
    finally:  # an upload changes both, also one that fails
        runs.set_status(client, run, records)
    client.set_registered_model_tag(name, "alexvgg.profile", start["profile"])
    if not client.get_registered_model(name).description:
        client.update_registered_model(name, ABOUT)
    client.update_model_version(name, version, _about(start, end))
    client.set_model_version_tag(name, version, runs.KEY_TAG, start["key"])
    client.set_model_version_tag(name, version, VAL_ACC_TAG, repr(end["val_acc"]))
    client.set_tag(run_id, MODEL_TAG, version)  # last: until then it is done again
    return True


def is_waiting(run: Any, records: list[dict[str, Any]]) -> bool:
    """Whether a run lacks the model of the training that these records tell of, and its files are on disk."""
    return MODEL_TAG not in run.data.tags and _files(records) is not None


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


def _create_version(client: Any, name: str, run_id: str, artifacts: dict[str, Path], package: Path) -> str:
    """In two steps, so that after an interruption what was uploaded whole is used."""
    import mlflow

    experiment = client.get_run(run_id).info.experiment_id
    logged = client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
    whole = [model.model_uri for model in logged if str(model.status) == "READY"]
    # What MLflow has to say here (hints, progress bars) would end up in the middle of a training's output.
    with redirect_stderr(io.StringIO()):
        address = whole[0] if whole else _log(run_id, artifacts, package)
        with once():
            return str(mlflow.register_model(address, name).version)


def _log(run_id: str, artifacts: dict[str, Path], package: Path) -> str:
    """Log the model to its run; its address. Requirements are given: MLflow would import everything to find them."""
    import mlflow
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    description = files.read_json(artifacts["description"])
    side, classes = description["side"], len(description["classes"])
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, side, side, 3))]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, classes))]),
    )
    with mlflow.start_run(run_id=run_id, log_system_metrics=False):
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(package / "tracking" / "served_model.py"),
            artifacts={key: str(file) for key, file in artifacts.items()},
            code_paths=[str(package)],
            signature=signature,
            pip_requirements=_requirements(),
        )
    return str(info.model_uri)


def _requirements() -> list[str]:
    from importlib.metadata import version

    names = ("mlflow", "numpy", "pydantic", "ruamel.yaml", "scikit-learn", "scipy", "tensorflow", "tqdm")
    return [f"{name}=={version(name)}" for name in names]
