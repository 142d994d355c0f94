"""What a training is: everything that decides its result, and a key made of that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from alexvgg.params.recipe import Recipe
from alexvgg.params.schema import Params
from alexvgg.rows.record import Record
from alexvgg.system import files


@dataclass(frozen=True)
class Inputs:
    """The files that a training reads."""

    train: Path
    val: Path
    description: Path
    code: Path  # the source files of the stage, with their digests
    network: Path  # the network, and its source files with their digests


class Identity(Record):
    """One training: `<model>-<seed>` of a roster."""

    model: str  # the roster entry's name
    seed: int
    architecture: str
    options: dict[str, Any]  # the architecture's, complete
    crop: int  # pixels: the side of the network's input
    recipe: Recipe
    data: dict[str, str]  # sha256 of each of `Inputs`, by its name

    @property
    def name(self) -> str:
        """`<model>-<seed>`."""
        return f"{self.model}-{self.seed}"

    @property
    def key(self) -> str:
        """The sha256 of all that decides the result: parameters, code and data."""
        return files.digest(self.model_dump(include=set(Identity.model_fields)))


def name_of(row: Mapping[str, Any]) -> str:
    """`<model>-<seed>` of a row as files have it."""
    return f"{row['model']}-{row['seed']}"


def identify(params: Params, model: str, seed: int, inputs: Inputs) -> Identity:
    """What is about to be trained. Raises ParamsError, or DataError if an input is missing."""
    entry = params.entry(model)
    return Identity(
        model=model,
        seed=seed,
        architecture=entry.architecture,
        options=entry.complete_options,
        crop=entry.crop,
        recipe=params.recipe(model),
        data={field.name: files.sha256(getattr(inputs, field.name)) for field in fields(inputs)},
    )


def evaluation_key(read: Iterable[Path], batch_size: int) -> str:
    """The digest of all that decides the test metrics of a trained network; `read` are the files that it reads."""
    data = {path.as_posix(): files.sha256(path) for path in read}
    return files.digest({"data": data, "batch_size": batch_size})
