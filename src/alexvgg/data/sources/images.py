"""Read images of one's own from an archive that `alexvgg pack` makes of a directory with a folder a class.

`<class>/<image>`, or the same in `train/` and `test/`. Images are decoded here, so that `side` stays a parameter.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from PIL import Image, ImageOps
from pydantic import Field, model_validator

from alexvgg.data.dataset import Dataset, Split
from alexvgg.data.source import Source, SourceSettings
from alexvgg.data.sources.unpacking import plain_files
from alexvgg.system.errors import DataError
from alexvgg.system.lines import line

PARTS = ("train", "test")
NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,255}")  # of a class: what UTF-8 and a line of text can hold
LARGEST = 100_000_000  # pixels; more is refused before it is decoded
LARGEST_FILE = 8 * LARGEST  # bytes
RATIO = 100  # to which an archive's size may grow when it is unpacked, beside one large file
SHOWN = 5  # names in a message
LEAST = 3  # images a class: to train, to validate, to test


class Images(SourceSettings):
    """Images of one's own."""

    source: Literal["images"]
    title: str = Field(min_length=1)  # for tables and the page
    archive: str = Field(min_length=1)  # a path or an address
    side: int = Field(ge=8, le=512)  # pixels: the middle square of each image is resized to it
    test_fraction: float | None = Field(gt=0, lt=1)  # of each class; null where the archive has train/ and test/
    superclasses: dict[str, list[str]]  # groups of classes; {} for none

    @property
    def addresses(self) -> list[str]:
        return [self.archive]

    @model_validator(mode="after")
    def _a_class_is_in_one_superclass(self) -> "Images":
        counts = Counter(name for members in self.superclasses.values() for name in members)
        if twice := sorted(name for name, count in counts.items() if count > 1):
            raise ValueError(f"superclasses name {', '.join(twice)} more than once")
        return self


@dataclass(frozen=True)
class Member:
    """One image in an archive. `part` is train, test or, where there is one part only, empty."""

    part: str
    label: str
    name: str
    content: bytes

    @property
    def path(self) -> str:
        return "/".join(filter(None, (self.part, self.label, self.name)))


def read(archive: Path, settings: Images) -> Dataset:
    """The data set in an archive. Raises DataError."""
    members = sorted(_members(archive), key=lambda one: (one.part, one.name, one.label))
    classes = class_names(members)
    split = any(one.part for one in members)
    if split != (settings.test_fraction is None):
        found = "has a test/; set data.test_fraction: null" if split else "has no test/; set data.test_fraction"
        raise DataError(f"the archive {found}")
    _check_superclasses(settings.superclasses, classes)
    if split:
        train, test = (_arrays([one for one in members if one.part == part], classes, settings.side) for part in PARTS)
    else:
        train, test = _every_so_often(_arrays(members, classes, settings.side), settings.test_fraction or 0.0)
    return Dataset(train, test, classes, settings.superclasses)


def class_names(members: list[Member]) -> list[str]:
    """The classes of an archive, sorted. Raises DataError where nothing could be learnt from them."""
    classes = sorted({one.label for one in members})
    if not classes:
        raise DataError("there are no images in the archive")
    if strange := [name for name in classes if name in ("/", "..") or not NAME.fullmatch(name)]:
        raise DataError(f"the class {line(repr(strange[0]))} has a name that cannot be in a table; rename it")
    if len(classes) < 2:
        raise DataError(f"there is only the class {', '.join(classes)}; make a folder each of at least 2")
    parts = {one.part for one in members}
    if parts not in ({""}, set(PARTS)):
        raise DataError("images have to lie in <class>/, or in both train/<class>/ and test/<class>/")
    by_lower: dict[str, str] = {}
    for name in classes:
        if (other := by_lower.setdefault(name.lower(), name)) != name:
            raise DataError(f"the classes {other!r} and {name!r} differ only in case; rename one, or merge them")
    counts = Counter((one.part, one.label) for one in members)
    for part in sorted(parts):
        least = {"": LEAST, "train": LEAST - 1, "test": 1}[part]
        few = [f"{name} ({counts[part, name]})" for name in classes if counts[part, name] < least]
        if few:
            where = f" in {part}/" if part else ""
            listed = ", ".join(few[:SHOWN]) + (", …" if len(few) > SHOWN else "")
            raise DataError(f"too few images{where} of {listed}; each class needs at least {least}")
    return classes


def decode(content: bytes, side: int, path: str) -> np.ndarray:
    """An image as uint8 (side, side, 3): turned as its EXIF says, on white where it is transparent, its middle square.

    Raises DataError.
    """
    try:
        with Image.open(io.BytesIO(content)) as opened:
            if opened.format == "EPS":  # Pillow would have another program run it
                raise DataError(f"{path} is PostScript, a program; save it as an image")
            if opened.width * opened.height > LARGEST:
                raise DataError(f"{path} has {opened.width} × {opened.height} pixels; at most {LARGEST:,} are allowed")
            square = ImageOps.fit(_rgb(ImageOps.exif_transpose(opened)), (side, side), Image.Resampling.BICUBIC)
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged image makes Pillow raise nearly anything
        what = line(str(error).partition(" <_io")[0] or type(error).__name__)
        raise DataError(f"{path} is not an image that can be read ({what}); remove it, or save it again") from None
    return np.asarray(square, np.uint8)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would cut off at 255
        return Image.fromarray((np.asarray(image) / 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        above = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
    return image.convert("RGB")


def _members(archive: Path) -> Iterator[Member]:
    """The images in an archive, not decoded. Raises DataError."""
    try:
        total = LARGEST_FILE + RATIO * archive.stat().st_size
        for path, content in plain_files(archive, _allowed, total):
            *folders, name = PurePosixPath(path).parts
            yield Member(folders[0] if len(folders) == 2 else "", folders[-1], name, content)
    except (DataError, OSError) as error:
        raise DataError(f"{error}; make it again by `alexvgg pack`") from None


def _allowed(path: str) -> int:
    """How many bytes a file may have. Raises DataError where it may not be."""
    folders = PurePosixPath(path).parts[:-1]
    if len(folders) not in (1, 2) or (len(folders) == 2 and folders[0] not in PARTS):
        raise DataError(f"{line(path)} in the archive is no <class>/<image>")
    return LARGEST_FILE


def _arrays(members: list[Member], classes: list[str], side: int) -> Split:
    try:
        images = np.empty((len(members), side, side, 3), np.uint8)
    except MemoryError:
        what = f"{len(members):,} images of {side} pixels"
        raise DataError(f"there is no memory for {what}; choose a smaller data.side") from None
    for i, member in enumerate(members):
        images[i] = decode(member.content, side, line(member.path))
    index = {name: i for i, name in enumerate(classes)}
    return Split(images, np.array([index[one.label] for one in members], np.int32))


def _every_so_often(everything: Split, fraction: float) -> tuple[Split, Split]:
    """Training and test part: of each class about that share of the images, at even distances, is to test."""
    is_test = np.zeros(len(everything), bool)
    for label in range(everything.labels.max() + 1):
        of_class = np.flatnonzero(everything.labels == label)
        count = min(max(1, round(fraction * len(of_class))), len(of_class) - LEAST + 1)
        is_test[of_class[np.linspace(0, len(of_class) - 1, count + 2).round().astype(int)[1:-1]]] = True
    return everything.take(np.flatnonzero(~is_test)), everything.take(np.flatnonzero(is_test))


def _check_superclasses(superclasses: dict[str, list[str]], classes: list[str]) -> None:
    named = {name for members in superclasses.values() for name in members}
    if superclasses and named != set(classes):
        wrong = ", ".join(sorted(named ^ set(classes))[:SHOWN])
        raise DataError(f"data.superclasses and the classes of the archive differ in {wrong}; name every class once")


SOURCE = Source("images", Images, read)
