"""What a training or evaluation is: what it reads and writes, and the key of all that decides its result."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from alexvgg import files, models
from alexvgg.params import Params


@dataclass(frozen=True)
class Inputs:
    """What a training reads."""

    train: Path
    val: Path
    description: Path
    sources: Path
    network: Path


@dataclass(frozen=True)
class Outputs:
    """What a training writes."""

    weights: Path
    history: Path
    summary: Path


def identify(params: Params, model: str, seed: int, inputs: Inputs) -> dict[str, Any]:
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
        "data": {field.name: files.sha256(getattr(inputs, field.name)) for field in fields(inputs)},
    }
    return {**identity, "key": files.digest(identity)}


def evaluation_key(outputs: Outputs, test: Path, sources: Path, batch_size: int) -> str:
    """The digest of all that decides the test metrics of a trained network."""
    data = {path.name: files.sha256(path) for path in (outputs.weights, outputs.summary, test, sources)}
    return files.digest({"data": data, "batch_size": batch_size})
