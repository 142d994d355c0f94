"""The best registered network of a profile, fetched from MLflow's model registry."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexvgg.system.errors import TrackingError
from alexvgg.tracking.experiments import name_of
from alexvgg.tracking.registration import ALIAS
from alexvgg.tracking.sender import in_a_line

ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # the model, or the alias


@dataclass(frozen=True)
class Registered:
    """A version in the registry, and its files."""

    name: str
    version: str
    summary: Path
    description: Path
    weights: Path


@contextmanager
def best(client: Any, profile: str) -> Iterator[Registered]:
    """The version with the alias `best`; its files are there for the block. Raises TrackingError."""
    name = name_of(profile)
    version = _version(client, name, profile)
    with tempfile.TemporaryDirectory() as folder:
        try:
            artifacts = _fetched(name, version, folder)
            found = Registered(name, version, *(artifacts[key] for key in ("summary", "description", "weights")))
        except Exception as error:  # noqa: BLE001 - MLflow and each kind of store raise their own
            raise TrackingError(
                f"version {version} of {name} cannot be fetched from MLflow: {in_a_line(error)}; see where its files "
                "are in `make ui`"
            ) from None
        yield found


def none_yet(profile: str) -> TrackingError:
    """What is said where there is none."""
    return TrackingError(
        f"MLflow has no model {name_of(profile)} with the alias `{ALIAS}`; `make repro` trains and registers it, "
        "`alexvgg sync` registers what is trained already"
    )


def _version(client: Any, name: str, profile: str) -> str:
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_model_version_by_alias(name, ALIAS).version)
    except MlflowException as error:
        if error.error_code in ABSENT:
            raise none_yet(profile) from None
        raise TrackingError(f"MLflow cannot be read: {in_a_line(error)}") from None


def _fetched(name: str, version: str, folder: str) -> dict[str, Path]:
    """The files that a version was registered with, by their names in `registration`."""
    from mlflow.artifacts import download_artifacts
    from mlflow.models import Model

    top = Path(download_artifacts(artifact_uri=f"models:/{name}/{version}", dst_path=folder))
    listed = Model.load(str(top)).flavors["python_function"]["artifacts"]
    return {key: top / entry["path"] for key, entry in listed.items()}
