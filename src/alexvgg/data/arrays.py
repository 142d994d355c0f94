"""The arrays that training and evaluation read: one file a split, and a description of them all."""

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from alexvgg.data import aligned
from alexvgg.data.dataset import Split
from alexvgg.system import files
from alexvgg.system.errors import DataError

REMEDY = "run `dvc checkout` or `dvc repro -f preprocess`"


class Description(BaseModel):
    """What `preprocess` found in the data: `data/description.json`.

    `superclasses` groups the names in `classes`; for data without such groups it is empty.
    `mean` and `std` are per channel, of the training split, pixel values from 0 to 1. `resize` and `crop`
    are the crop geometry: images of `side` pixels are resized to `resize`, of which `crop` is cut out.
    `source` is the data set's name, `title` the one that people read.
    `images` and `sha256` are, by split, the number of images and the digest of the file of arrays.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    title: str
    archive_sha256: str
    classes: list[str]
    superclasses: dict[str, list[str]]
    side: int
    mean: list[float]
    std: list[float]
    resize: int
    crop: int
    images: dict[str, int]
    sha256: dict[str, str]

    @property
    def groups(self) -> dict[str, list[str]]:
        """The superclasses; where the data has none, every class by itself."""
        return self.superclasses or {name: [name] for name in self.classes}

    def resize_for(self, crop: int) -> int:
        """The side, in pixels, to which images are resized before a square of `crop` is cut out."""
        return round(crop * self.resize / self.crop)


@dataclass(frozen=True)
class TrainingData:
    """What a training reads."""

    train: Split
    val: Split
    description: Description


def save(path: Path, split: Split) -> str:
    """Write a split; the same arrays give the same bytes. Returns their sha256.

    Two arrays one after the other, and not `.npz`: what a zip archive looks like depends on the version of Python.
    """
    with files.replacing(path, suffix=".npy") as temporary:
        with temporary.open("wb") as file:
            for array in (split.images, split.labels):
                np.save(file, array)
        return files.sha256(temporary)


def load(path: Path, description: Description) -> Split:
    """Read a split whose file is, to the bit, the one described, into `aligned` memory. Raises DataError."""
    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != description.sha256[path.stem]:
                raise DataError(f"{path} is damaged (its sha256 is not the one in data/description.json); {REMEDY}")
            file.seek(0)
            return Split(_read(file), _read(file))
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; run `dvc repro preprocess`") from None


def _read(file: io.BufferedReader) -> np.ndarray:
    """What `np.save` wrote, as `np.load` reads it but for where it starts in memory."""
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    array = aligned.empty(shape, dtype)
    file.readinto(array.data.cast("B"))
    return array


def save_description(path: Path, description: Description) -> None:
    """Write a description, with a digest of itself."""
    value = description.model_dump()
    files.write_json(path, value | {"digest": files.digest(value)})


def load_description(path: Path) -> Description:
    """Read a description that is, to the bit, as it was written. Raises DataError."""
    try:
        text = path.read_bytes().decode()
        value = json.loads(text)
        written = dict(value)
        if value.pop("digest") != files.digest(value) or files.json_text(written) != text:
            raise ValueError("it is not as it was written")
        return Description.model_validate(value)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; run `dvc repro preprocess`") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged ({error}); {REMEDY}") from None
