"""What a training or evaluation is: what it reads and writes, and the key of all that decides its result."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexvgg import files, models, sources
from alexvgg.params import Params


@dataclass(frozen=True)
class Inputs:
    """What a training reads."""

    train: Path
    val: Path
    description: Path
    network: Path


@dataclass(frozen=True)
class Outputs:
    """What a training writes."""

    weights: Path
    history: Path
    summary: Path


def identify(params: Params, model: str, seed: int, inputs: Inputs, package: Path) -> dict[str, Any]:
    """What is about to be trained, and its key: the digest of parameters, code and data."""
    entry = params.entry(model)
    identity = {
        "model": model,
        "seed": seed,
        "architecture": entry.architecture,
        "options": models.named(entry.architecture).parse(entry.options).model_dump(),
        "crop": entry.crop,
        "recipe": params.recipe(model).model_dump(),
        "evaluation_batch_size": params.evaluation.batch_size,
    }
    data = {name: files.sha256(getattr(inputs, name)) for name in ("train", "val", "description", "network")}
    return {
        **identity,
        "data": data,
        "key": files.digest({**identity, "data": data, "code": _code("training.py", package)}),
    }


def evaluation_key(outputs: Outputs, test: Path, batch_size: int, package: Path) -> str:
    """The digest of all that decides the test metrics of a trained network."""
    data = {path.name: files.sha256(path) for path in (outputs.weights, outputs.summary, test)}
    return files.digest({"data": data, "batch_size": batch_size, "code": _code("measurement.py", package)})


def _code(entry: str, package: Path) -> dict[str, str]:
    """Digests of the sources behind a module. A network's own come with its file of digests, or its weights."""
    found = sources.digests(package / entry, package)
    return {name: digest for name, digest in found.items() if not name.startswith("models/")}
