"""Unpickle what anybody may have pickled: plain values and numpy's arrays of numbers, in bounded memory.

A pickle calls what it names. Here it can name three things, and gets a stand-in for each: numpy's own types believe
what a pickle says about memory, and a pickle that lies reads or writes anywhere.
"""

import io
import pickle
import pickletools
import re
from typing import Any

import numpy as np

from alexvgg.system.errors import DataError
from alexvgg.system.lines import line

MOST = 2_000_000  # steps of a pickle; each makes at most one value
LOOSE = 1_000  # tuples that are not a call's arguments; Python fails at some more of them, each in the next


class _Type:
    """Stands for a dtype: its name, and what it is told later, the order of bytes."""

    order: Any = "|"

    def __init__(self, name: Any, *_: Any) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]

    def numpy(self) -> np.dtype:
        name = text(self.order) + text(self.name)
        if not re.fullmatch(r"[|<>=][biuf][1248]", name):
            raise ValueError(f"an array of {name}")
        return np.dtype(name)


class _Array:
    """Stands for an array, which is there as `values` when its pickle is read."""

    values: np.ndarray | None = None

    def __init__(self, *_: Any) -> None:
        """What an array is made with is a size of nothing."""

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, content = state
        if not isinstance(kind, _Type) or not isinstance(content, bytes):
            raise ValueError("an array without type or content")
        self.values = np.frombuffer(content, kind.numpy()).reshape(shape, order="F" if fortran else "C")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): None,  # only ever handed to `_reconstruct`
    ("numpy", "dtype"): _Type,
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), encoding="bytes")
        self._left = len(content)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return self._latin1
        if (module, name) not in _ALLOWED:
            asked = line(f"{module}.{name}")
            raise DataError(f"the pickle asks for {asked}, which CIFAR-100 does not need; not opened")
        return _ALLOWED[module, name]

    def _latin1(self, text: str, encoding: str) -> bytes:
        """How a pickle of protocol 2 that Python 3 wrote spells bytes; it spells none of them twice."""
        self._left -= len(text)
        if encoding != "latin1" or self._left < 0:
            raise ValueError("bytes that are not spelt as Python does")
        return text.encode("latin1")


def unpickled(content: bytes, what: str) -> dict:
    """The mapping in a pickle, its arrays as numpy's. Raises DataError."""
    try:
        _require_small(content)
        value = _Unpickler(content).load()
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged pickle can raise nearly anything
        raise DataError(f"{what} in the archive is damaged: {type(error).__name__}: {line(str(error))}") from None
    if not isinstance(value, dict):
        raise DataError(f"{what} in the archive holds {type(value).__name__}, not a mapping")
    return {key: one.values if isinstance(one, _Array) else one for key, one in value.items()}


def text(value: Any) -> str:
    """A string that may have been pickled as bytes. Raises ValueError."""
    if not isinstance(value, bytes | str):
        raise ValueError(f"{type(value).__name__} where there should be text")
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value


def _require_small(content: bytes) -> None:
    """Raise ValueError for a pickle that makes more, numbers higher or nests deeper than an archive's needs to."""
    before, loose = "", 0  # the step before, unless it numbers a value; tuples
    for count, (step, argument, _) in enumerate(pickletools.genops(content)):
        numbers = step.name.endswith("PUT")
        if count > MOST or (numbers and int(argument or 0) > MOST):
            raise ValueError(f"it takes more than {MOST:,} steps")
        loose += before.startswith("TUPLE") and step.name != "REDUCE" and not numbers
        if loose > LOOSE:
            raise ValueError(f"it has more than {LOOSE:,} tuples")
        before = before if numbers else step.name
