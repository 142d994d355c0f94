"""The arrays that training and evaluation read: one file a split, and a description of them all."""

import zipfile
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from alexvgg import files
from alexvgg.data.dataset import Split
from alexvgg.errors import DataError


class Description(BaseModel):
    """What `preprocess` found out about the data; `data/description.json`.

    `mean` and `std` are per channel, of the training split, pixel values from 0 to 1. `resize` and `crop`
    are the crop geometry: images of `side` pixels are resized to `resize`, of which `crop` is cut out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    archive_sha256: str
    classes: list[str]
    side: int
    mean: list[float]
    std: list[float]
    resize: int
    crop: int
    images: dict[str, int]

    def resize_for(self, crop: int) -> int:
        """The side, in pixels, to which images are resized before a square of `crop` is cut out."""
        return round(crop * self.resize / self.crop)


def save(path: Path, split: Split) -> None:
    """Write a split; the same arrays give the same bytes."""
    with files.replacing(path, suffix=".npz") as temporary:
        np.savez(temporary, images=split.images, labels=split.labels)


def load(path: Path) -> Split:
    """Read a split, every byte of it checked against its checksum. Raises DataError."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Split(arrays["images"], arrays["labels"])
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; run `dvc repro preprocess`") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is damaged ({error}); run `dvc checkout` or `dvc repro -f preprocess`") from None


def load_description(path: Path) -> Description:
    """Read `data/description.json`. Raises DataError."""
    try:
        return Description.model_validate(files.read_json(path))
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; run `dvc repro preprocess`") from None
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}); run `dvc checkout`") from None
