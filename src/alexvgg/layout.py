"""Where everything lies, relative to the project's folder. Only stages and the command line use this."""

import os
from pathlib import Path
from typing import Any

from alexvgg.guard import Guard
from alexvgg.identity import Inputs, Outputs

PARAMS = Path("params.yaml")
PIPELINE = Path("dvc.yaml")
ARCHIVE = Path("data/archive.gz")
DESCRIPTION = Path("data/description.json")
SPLITS = {name: Path(f"data/{name}.npy") for name in ("train", "val", "test")}
PACKAGE = Path(__file__).parent
SOURCES = Path("data/sources")
NETWORKS = Path("data/networks")


def stages() -> list[Path]:
    """The program of each stage, but for the one that writes down what the others are made of."""
    return [file for file in sorted(Path("stages").glob("[!_]*.py")) if file.stem != "sources"]


def sources(stage: str) -> Path:
    return SOURCES / f"{stage}.json"


def network(model: str) -> Path:
    return NETWORKS / f"{model}.json"


def weights(profile: str, run: str) -> Path:
    """`run` is `<model>-<seed>`, here and below."""
    return Path(f"weights/{profile}/{run}.weights.h5")


def reports(profile: str) -> Path:
    return Path("reports") / profile


def history(profile: str, run: str) -> Path:
    return reports(profile) / "history" / f"{run}.csv"


def summary(profile: str, run: str) -> Path:
    return reports(profile) / "train" / f"{run}.json"


def metrics(profile: str, run: str) -> Path:
    return reports(profile) / "metrics" / f"{run}.json"


def by_class(profile: str, run: str) -> Path:
    return reports(profile) / "by_class" / f"{run}.json"


def answers(profile: str, run: str) -> Path:
    return reports(profile) / "answers" / f"{run}.csv"


def published(profile: str) -> Path:
    return reports(profile) / "published.json"


def project_root() -> Path:
    """The folder of the project. DVC names it to stages, also when an experiment runs in a copy elsewhere."""
    return Path(os.environ.get("DVC_ROOT", ".")).resolve()


def journals() -> Path:
    return project_root() / ".alexvgg" / "journals"


def checkpoints(run: str, key: str) -> Path:
    """The folder of the checkpoints of one computation; `key` is the digest of all that decides its result."""
    return all_checkpoints() / f"{run}-{key[:16]}"


def all_checkpoints() -> Path:
    return project_root() / ".alexvgg" / "checkpoints"


def locks() -> Path:
    """Files by which processes keep out of each other's way."""
    return project_root() / ".alexvgg" / "locks"


def default_tracking_uri() -> str:
    return f"sqlite:///{project_root() / 'mlflow.db'}"


def training(profile: str, model: str, seed: int) -> tuple[Inputs, Outputs]:
    """What one training reads and writes."""
    run = f"{model}-{seed}"
    inputs = Inputs(SPLITS["train"], SPLITS["val"], DESCRIPTION, sources("train"), network(model))
    return inputs, Outputs(weights(profile, run), history(profile, run), summary(profile, run))


def guard(stage: str, **item: Any) -> Guard:
    """Watches what a stage computes with; `item` has the values of its matrix."""
    return Guard(stage, PIPELINE, PARAMS, PACKAGE, **item)
