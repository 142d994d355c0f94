"""A trained network in MLflow's model registry, and the alias `best` on the best one by validation."""

import io
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

from alexvgg.system import files
from alexvgg.tracking import journal

MODEL_TAG = "alexvgg.model_version"
ALIAS = "best"


def register(client: Any, run_id: str, path: Path, package: Path) -> None:
    """Log and register the model of the training that the journal at `path` records, once.

    A training whose weights are no longer on disk is left alone.
    """
    records = journal.read(path)
    ends = [record for record in records if record["kind"] == "end" and record["status"] == "FINISHED"]
    if not ends or MODEL_TAG in client.get_run(run_id).data.tags:
        return
    end = ends[-1]
    artifacts = {name: Path(file) for name, file in end["artifacts"].items()}
    if not all(file.is_file() for file in artifacts.values()):
        return
    if files.sha256(artifacts["weights"]) != end["weights_sha256"]:
        return
    name = f"alexvgg-{records[0]['profile']}"
    version = _log(run_id, name, artifacts, package)
    client.set_model_version_tag(name, version, "val_acc", repr(end["val_acc"]))
    client.set_terminated(run_id, end["status"], end["time"])
    _move_alias(client, name)
    client.set_tag(run_id, MODEL_TAG, str(version))  # last: until then it is done again


def _log(run_id: str, name: str, artifacts: dict[str, Path], package: Path) -> str:
    """Log the model to its run. Requirements are given; otherwise MLflow would import everything to find them."""
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
    # What MLflow has to say here (hints, progress bars) would end up in the middle of a training's output.
    with redirect_stderr(io.StringIO()), mlflow.start_run(run_id=run_id, log_system_metrics=False):
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(package / "tracking" / "served_model.py"),
            artifacts={key: str(file) for key, file in artifacts.items()},
            code_paths=[str(package)],
            signature=signature,
            pip_requirements=_requirements(),
            registered_model_name=name,
        )
    return str(info.registered_model_version)


def _requirements() -> list[str]:
    from importlib.metadata import version

    names = ("mlflow", "numpy", "pydantic", "ruamel.yaml", "scikit-learn", "scipy", "tensorflow", "tqdm")
    return [f"{name}=={version(name)}" for name in names]


def _move_alias(client: Any, name: str) -> None:
    """Put the alias on the version with the highest validation accuracy; of equals, on the oldest."""
    versions = client.search_model_versions(f"name = '{name}'")
    measured = [v for v in versions if "val_acc" in v.tags]
    best = max(measured, key=lambda v: (float(v.tags["val_acc"]), -int(v.version)))
    client.set_registered_model_alias(name, ALIAS, best.version)
