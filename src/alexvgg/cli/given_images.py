"""Image files that somebody named: which those are, and what is in them."""

import os
import stat
import sys
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from alexvgg.data.sources import images
from alexvgg.system.errors import DataError
from alexvgg.system.lines import line

LIST = "-"


def typed(name: str) -> list[str]:
    """What was typed, or, for `-`, what standard input lists. Raises DataError where that is nothing."""
    if name != LIST:
        return [name]
    listed = [each for each in map(os.fsdecode, sys.stdin.buffer.read().splitlines()) if each.strip()]
    if not listed:
        raise DataError("standard input names no image; write a path on each of its lines")
    return listed


def inside(name: str, here: Path) -> list[str]:
    """The images in a folder and in its folders, sorted; a name that is no folder stands for itself.

    Raises DataError where there is nothing, or nobody may look.
    """
    folder = here / name
    try:
        if not folder.exists():
            raise DataError(f"{line(name)} does not exist; name an image, a folder, or - for a list of paths")
        if not folder.is_dir():
            return [name]
        found = sorted(path for path in folder.rglob("*") if _is_image(path.relative_to(folder)) and path.is_file())
    except OSError as error:
        raise DataError(f"{line(name)} cannot be read: {error.strerror}") from None
    if not found:
        raise DataError(f"{line(name)} has no images, by the endings of its files; name the files themselves")
    return [str(Path(name) / path.relative_to(folder)) for path in found]


def _is_image(path: Path) -> bool:
    """By its ending; what is hidden is passed over."""
    kind = Image.registered_extensions().get(path.suffix.lower())
    return kind in Image.OPEN and not any(part.startswith(".") for part in path.parts)


def read(name: str, here: Path, side: int) -> np.ndarray:
    """An image as the pipeline has them, uint8 (side, side, 3). Raises DataError."""
    shown = line(name)
    try:
        _refuse_by_size((here / name).stat(), shown)
        content = (here / name).read_bytes()
    except OSError as error:
        raise DataError(f"{shown} cannot be read: {error.strerror}") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about what can be read all the same
        return images.decode(content, side, shown)


def _refuse_by_size(status: os.stat_result, shown: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{shown} is no file; name an image")
    if not status.st_size:
        raise DataError(f"{shown} is empty; remove it, or save it again")
    if status.st_size > images.LARGEST_FILE:
        raise DataError(f"{shown} has {status.st_size:,} bytes; at most {images.LARGEST_FILE:,} are allowed")
