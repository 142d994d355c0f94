"""Read scikit-learn's bundled handwritten digits (Alpaydin and Kaynak 1998): 1,797 images of 8 × 8."""

import gzip
import importlib.util
import zlib
from pathlib import Path
from typing import Literal

import numpy as np

from alexvgg.data.dataset import Dataset, Split
from alexvgg.data.source import Source, SourceSettings
from alexvgg.system.errors import DataError
from alexvgg.system.lines import line

IMAGES = 1_797
SIDE = 8
DARKEST = 16  # grey values run from 0 to 16


class Digits(SourceSettings):
    """scikit-learn's 1,797 handwritten digits; no network."""

    source: Literal["digits"]


def bundled() -> Path:
    """Where scikit-learn keeps them. Raises DataError."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise DataError("scikit-learn, which brings the digits, is not installed; run `make setup`")
    return Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"


def read(archive: Path) -> Dataset:
    """The data set in a `digits.csv.gz`. Raises DataError.

    It is published in one part. The test part here is every fifth image of each class, in published order.
    """
    try:
        with gzip.open(archive, "rt") as file:
            rows = np.loadtxt(file, delimiter=",", dtype=np.int64)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataError(f"damaged digits archive: {line(str(error))}; install scikit-learn again") from None
    if rows.shape != (IMAGES, SIDE * SIDE + 1) or rows.min() < 0 or rows[:, :-1].max() > DARKEST:
        raise DataError(f"the digits archive holds {rows.shape} values, expected {(IMAGES, SIDE * SIDE + 1)}")
    if rows[:, -1].max() > 9:
        raise DataError(f"the digits archive has a digit {rows[:, -1].max()}")
    grey = np.rint(rows[:, :-1] * (255 / DARKEST)).astype(np.uint8).reshape(-1, SIDE, SIDE, 1)
    labels = rows[:, -1].astype(np.int32)
    everything = Split(np.repeat(grey, 3, axis=-1), labels)
    is_test = np.zeros(IMAGES, bool)
    for digit in range(10):
        is_test[np.flatnonzero(labels == digit)[::5]] = True
    return Dataset(
        train=everything.take(np.flatnonzero(~is_test)),
        test=everything.take(np.flatnonzero(is_test)),
        classes=[str(digit) for digit in range(10)],
        superclasses={},
    )


SOURCE = Source(
    "scikit-learn's handwritten digits (not CIFAR-100)", Digits, lambda archive, _: read(archive), bundled=bundled
)
