"""Read the published CIFAR-100 archive (Krizhevsky 2009), trusting nothing in it.

Only the three members that matter are read, at their published sizes, and they are unpickled with an
allow-list: a pickle that names anything but numpy's array constructors is refused.
"""

import io
import pickle
import tarfile
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from alexvgg.data.dataset import Dataset, Split
from alexvgg.data.source import Source, SourceSettings
from alexvgg.system.errors import DataError

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


def _latin1(text: str, encoding: str) -> bytes:
    """How a pickle of protocol 2 that Python 3 wrote spells bytes."""
    return text.encode({"latin1": "latin1"}[encoding])


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,  # type: ignore[attr-defined]
    ("numpy._core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,  # type: ignore[attr-defined]
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _latin1,
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise DataError(f"the pickle asks for {module}.{name}, which CIFAR-100 does not need; not opened")
        return _ALLOWED[module, name]


def read(archive: Path, images: dict[str, int] | None = None) -> Dataset:
    """The data set in a `cifar-100-python.tar.gz`.

    `images` says how many images each part has; the published numbers unless a test makes a smaller one.
    Raises DataError, saying what differs from the published format.
    """
    try:
        return _read(archive, images or IMAGES)
    except DataError as error:
        raise DataError(f"{error}; {REMEDY}") from None


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
    names = [_text(name) for name in _entry(meta, "meta", key)]
    if len(names) != count or len(set(names)) != count:
        raise DataError(f"the archive names {len(set(names))} different {what}, CIFAR-100 has {count}")
    return names


def _superclasses(members: dict[str, dict], classes: list[str], labels: np.ndarray) -> dict[str, list[str]]:
    """The classes of each superclass, by the two labels that every training image has."""
    names = _names(members["meta"], "coarse_label_names", SUPERCLASSES, "superclasses")
    coarse = np.asarray(_entry(members["train"], "train", "coarse_labels"))
    if coarse.shape != labels.shape or coarse.dtype.kind not in "iu":
        raise DataError(f"train coarse labels are {coarse.dtype} {coarse.shape}, expected integers {labels.shape}")
    pairs = np.unique(np.stack([coarse, labels]), axis=1).T.tolist()
    found = {name: [classes[label] for group, label in pairs if group == i] for i, name in enumerate(names)}
    if len(pairs) != CLASSES or any(len(group) != CLASSES // SUPERCLASSES for group in found.values()):
        raise DataError(f"the archive does not have {SUPERCLASSES} superclasses of {CLASSES // SUPERCLASSES} classes")
    return found


def _members(archive: Path) -> dict[str, dict]:
    wanted = {f"cifar-100-python/{name}": name for name in MAX_BYTES}
    found: dict[str, dict] = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = wanted.get(member.name)
                if name is None:
                    continue
                found[name] = _unpickle(_content(tar, member, name), name)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(f"damaged archive: {' '.join(str(error).split())}") from None
    missing = [name for name in wanted if wanted[name] not in found]
    if missing:
        raise DataError(f"not the CIFAR-100 archive (Python version): it has no {', '.join(missing)}")
    return found


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> bytes:
    file = tar.extractfile(member) if member.isfile() else None
    if file is None:
        raise DataError(f"{member.name} in the archive is not a plain file")
    if member.size > MAX_BYTES[name]:
        raise DataError(f"{member.name} is {member.size:,} bytes, more than the {MAX_BYTES[name]:,} allowed")
    return file.read()


def _unpickle(content: bytes, name: str) -> dict:
    try:
        value = _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged pickle can raise nearly anything
        raise DataError(f"{name} in the archive is damaged: {type(error).__name__}: {error}") from None
    if not isinstance(value, dict):
        raise DataError(f"{name} in the archive holds {type(value).__name__}, not a mapping")
    return value


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
    labels = np.asarray(_entry(member, name, "fine_labels"))
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise DataError(f"{name} labels are {labels.dtype} {labels.shape}, expected integers ({count},)")
    if labels.min() < 0 or labels.max() >= CLASSES:
        raise DataError(f"{name} labels run from {labels.min()} to {labels.max()}, allowed are 0 to {CLASSES - 1}")
    per_class = np.bincount(labels, minlength=CLASSES)
    if (per_class != count // CLASSES).any():
        raise DataError(f"{name} has {per_class.min()} to {per_class.max()} images a class, not {count // CLASSES}")
    images = data.reshape(count, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return Split(np.ascontiguousarray(images), labels.astype(np.int32))


def _text(value: Any) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


SOURCE = Source("CIFAR-100", Cifar100, lambda archive, _: read(archive), by_hand="ALEXVGG_CIFAR100_ARCHIVE")
