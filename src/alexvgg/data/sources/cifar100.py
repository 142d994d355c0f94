"""Read the published CIFAR-100 archive (Krizhevsky 2009), trusting nothing in it.

Only the three members that matter are read, at their published sizes. `unpacking` bounds what the archive may be,
`unpickling` what its members may be.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from alexvgg.data.dataset import Dataset, Split
from alexvgg.data.source import Source, SourceSettings
from alexvgg.data.sources.unpacking import plain_files
from alexvgg.data.sources.unpickling import text, unpickled
from alexvgg.system.errors import DataError
from alexvgg.system.lines import line

CLASSES = 100
SUPERCLASSES = 20  # of five classes each
IMAGES = {"train": 50_000, "test": 10_000}
SIDE = 32
MAX_BYTES = {"train": 200_000_000, "test": 40_000_000, "meta": 100_000}

REMEDY = "get the published archive again (`dvc repro -f download`), or name it: ALEXVGG_CIFAR100_ARCHIVE=/path/to/it"


class Cifar100(SourceSettings):
    """The published CIFAR-100 archive, Python version."""

    source: Literal["cifar100"]
    urls: list[str] = Field(min_length=1)

    @property
    def addresses(self) -> list[str]:
        return self.urls


def read(archive: Path, images: dict[str, int] | None = None) -> Dataset:
    """The data set in a `cifar-100-python.tar.gz`.

    `images` says how many images each part has; the published numbers unless a test makes a smaller one.
    Raises DataError, saying what differs from the published format.
    """
    try:
        return _read(archive, images or IMAGES)
    except DataError as error:
        raise DataError(f"{line(str(error))}; {REMEDY}") from None


def _read(archive: Path, counts: dict[str, int]) -> Dataset:
    members = _members(archive)
    names = _names(members["meta"], "fine_label_names", CLASSES, "classes")
    train = _split(members["train"], "train", counts["train"])
    return Dataset(
        train=train,
        test=_split(members["test"], "test", counts["test"]),
        classes=names,
        superclasses=_superclasses(members, names, train.labels),
    )


def _names(meta: dict, key: str, count: int, what: str) -> list[str]:
    names = _entry(meta, "meta", key)
    if not isinstance(names, list | tuple) or not all(isinstance(name, bytes | str) for name in names):
        raise DataError(f"{key} in the archive is not a list of names")
    if len(names) == count:  # else one long name may be there a million times
        names = [text(name) for name in names]
    if len(names) != count or len(set(names)) != count:
        raise DataError(f"the archive names {len(set(names))} different {what}, CIFAR-100 has {count}")
    if strange := [name for name in names if not name or not name.isprintable()]:
        raise DataError(f"{key} in the archive has the name {strange[0]!r}")
    return names


def _superclasses(members: dict[str, dict], classes: list[str], labels: np.ndarray) -> dict[str, list[str]]:
    """The classes of each superclass, by the two labels that every training image has."""
    names = _names(members["meta"], "coarse_label_names", SUPERCLASSES, "superclasses")
    coarse = _labels(members["train"], "train", "coarse_labels", len(labels))
    pairs = np.unique(np.stack([coarse, labels]), axis=1).T.tolist()
    found = {name: [classes[label] for group, label in pairs if group == i] for i, name in enumerate(names)}
    if len(pairs) != CLASSES or any(len(group) != CLASSES // SUPERCLASSES for group in found.values()):
        raise DataError(f"the archive does not have {SUPERCLASSES} superclasses of {CLASSES // SUPERCLASSES} classes")
    return found


def _members(archive: Path) -> dict[str, dict]:
    wanted = {f"cifar-100-python/{name}": name for name in MAX_BYTES}
    allowed = {path: MAX_BYTES[name] for path, name in wanted.items()}
    found: dict[str, dict] = {}
    for path, content in plain_files(archive, allowed.get, sum(MAX_BYTES.values())):
        found[wanted[path]] = unpickled(content, wanted[path])
    missing = [path for path, name in wanted.items() if name not in found]
    if missing:
        raise DataError(f"not the CIFAR-100 archive (Python version): it has no {', '.join(missing)}")
    return found


def _entry(member: dict, name: str, key: str) -> Any:
    if key.encode() not in member:
        raise DataError(f"{name} in the archive has no {key!r}; it is not a CIFAR-100 archive")
    return member[key.encode()]


def _split(member: dict, name: str, count: int) -> Split:
    """Rows of 3,072 bytes, channel by channel, into images; every class has to come equally often."""
    data = _entry(member, name, "data")
    shape = (count, 3 * SIDE * SIDE)
    if not isinstance(data, np.ndarray) or data.shape != shape or data.dtype != np.uint8:
        what = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        raise DataError(f"{name} images are {what}, CIFAR-100's are uint8 {shape}")
    labels = _labels(member, name, "fine_labels", count)
    if labels.min() < 0 or labels.max() >= CLASSES:
        raise DataError(f"{name} labels run from {labels.min()} to {labels.max()}, allowed are 0 to {CLASSES - 1}")
    labels = labels.astype(np.int32)
    per_class = np.bincount(labels, minlength=CLASSES)
    if (per_class != count // CLASSES).any():
        raise DataError(f"{name} has {per_class.min()} to {per_class.max()} images a class, not {count // CLASSES}")
    images = data.reshape(count, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return Split(np.ascontiguousarray(images), labels)


def _labels(member: dict, name: str, key: str, count: int) -> np.ndarray:
    found = _entry(member, name, key)
    if not isinstance(found, np.ndarray):
        # Not left to numpy, which makes an array of anything, of any size.
        plain = isinstance(found, list | tuple) and all(type(label) is int for label in found)
        found = np.array(found if plain else None)
    if found.shape != (count,) or found.dtype.kind not in "iu":
        what = f"{name} {key.removeprefix('fine_').replace('_', ' ')}"
        raise DataError(f"{what} are {found.dtype} {found.shape}, expected integers ({count},)")
    return found


SOURCE = Source("CIFAR-100", Cifar100, lambda archive, _: read(archive), by_hand="ALEXVGG_CIFAR100_ARCHIVE")
