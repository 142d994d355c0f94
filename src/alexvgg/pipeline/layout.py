"""Where everything lies, relative to the project's folder. Rooms below this one are given paths."""

import os
from pathlib import Path
from typing import Any

from alexvgg.pipeline.guard import Guard
from alexvgg.rows.identity import Inputs
from alexvgg.rows.paths import RowFiles

PARAMS = Path("params.yaml")
PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")
PROFILES = Path("profiles")
ARCHIVE = Path("data/archive")
DESCRIPTION = Path("data/description.json")
SPLITS = {name: Path(f"data/{name}.npy") for name in ("train", "val", "test")}
PICTURES = Path("data/pictures")
NETWORKS = Path("data/networks.json")
CODE = Path("data/code")
PACKAGE = Path(__file__).parent.parent


def stages() -> list[Path]:
    """The program of each stage but the first, which writes down what the others are made of."""
    return [file for file in sorted(Path("stages").glob("[!_]*.py")) if file.stem != "check"]


def stage_code(stage: str) -> Path:
    """The source files of a stage, with their digests."""
    return CODE / "stages" / f"{stage}.json"


def network_code(model: str) -> Path:
    """The network of a roster entry, and its source files, with their digests."""
    return CODE / "networks" / f"{model}.json"


def source_code() -> Path:
    """The source files of the data set, with their digests."""
    return CODE / "source.json"


def weights(profile: str) -> Path:
    return Path("weights") / profile


def rows(profile: str) -> Path:
    return Path("rows") / profile


def row(profile: str, name: str) -> RowFiles:
    """The files of a row; `name` is `<model>-<seed>`."""
    folder = rows(profile) / name
    return RowFiles(
        weights=weights(profile) / f"{name}.weights.h5",
        summary=folder / "summary.json",
        history=folder / "history.csv",
        evaluation=folder / "evaluation.json",
        answers=folder / "answers.csv",
    )


def read_by_report(made: list[RowFiles]) -> list[Path]:
    """What the stage `report` reads of these rows and beside them."""
    of_rows = [path for one in made for path in (one.summary, one.history, one.evaluation, one.answers)]
    return [*of_rows, CODE, DESCRIPTION, NETWORKS, PICTURES, SPLITS["test"]]


def inputs(model: str) -> Inputs:
    """What a training of `model` reads."""
    return Inputs(SPLITS["train"], SPLITS["val"], DESCRIPTION, stage_code("train"), network_code(model))


def reports(profile: str) -> Path:
    return Path("reports") / profile


def locks() -> list[Path]:
    """DVC's lock, and those of the profiles that are not in use."""
    return [LOCK, *sorted(PROFILES.glob("*.lock"))]


def project_root() -> Path:
    """The folder of the project. DVC names it to stages, also when an experiment runs in a copy elsewhere."""
    return Path(os.environ.get("DVC_ROOT", ".")).resolve()


def journals() -> Path:
    return project_root() / ".alexvgg" / "journals"


def journals_travel() -> Path:
    """A file in a clone on a cluster, whose journals somebody else sends to MLflow."""
    return project_root() / ".alexvgg" / "journals-travel"


def checkpoints(name: str, key: str) -> Path:
    """The folder of the checkpoints of one computation; `key` is the digest of all that decides its result."""
    return all_checkpoints() / f"{name}-{key[:16]}"


def all_checkpoints() -> Path:
    return project_root() / ".alexvgg" / "checkpoints"


def process_locks() -> Path:
    """Files by which processes keep out of each other's way."""
    return project_root() / ".alexvgg" / "locks"


def default_tracking_uri() -> str:
    return f"sqlite:///{project_root() / 'mlflow.db'}"


def guard(stage: str, **item: Any) -> Guard:
    """Watches what a stage computes with; `item` has the values of its matrix."""
    return Guard(stage, PIPELINE, PARAMS, PACKAGE, **item)
