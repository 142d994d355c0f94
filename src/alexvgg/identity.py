"""What a training is: the files it reads and writes, and the key of all that decides its result."""

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
    # The network's own sources are among the inputs (`network`); those of other networks do not matter.
    code = {
        name: digest
        for name, digest in sources.digests(package / "training.py", package).items()
        if not name.startswith("models/")
    }
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
    return {**identity, "data": data, "key": files.digest({**identity, "data": data, "code": code})}
