"""A state as files, and back: what a checkpoint is made of.

It is a stream of bytes (a JSON header of one line, then every array), cut into files of about the same size,
`<number>.<index>.checkpoint`. Their manifest, `<number>.sha256`, is what `sha256sum` writes and checks.
"""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FORMAT = 2
FILES = 2  # each is hashed and written by a thread of its own


@dataclass(frozen=True)
class Snapshot:
    """A state: `arrays` by name, and in `facts` what JSON holds exactly. `environment` is what computed it."""

    step: int
    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]
    environment: dict[str, str]


def dump(state: Snapshot, paths: list[Path]) -> list[str]:
    """Give a state's bytes to the system; returns the sha256 of what was meant to be in each file. Raises OSError.

    The arrays are not copied for this: that would be memory for the whole of a computation
    (docs/decisions/0007-exact-resume.md).
    """
    header = {
        "format": FORMAT,
        "step": state.step,
        "environment": state.environment,
        "facts": state.facts,
        "arrays": [(name, array.dtype.str, array.shape) for name, array in state.arrays.items()],
    }
    stream = [memoryview(json.dumps(header).encode() + b"\n")]
    stream += [np.ascontiguousarray(array).reshape(-1).view(np.uint8).data for array in state.arrays.values()]
    with ThreadPoolExecutor(FILES) as threads:
        return list(threads.map(_write, paths, _cut(stream)))


def read(manifest: Path) -> Snapshot:
    """The checkpoint of a manifest. Raises OSError or ValueError if a bit of it is not as it was written."""
    with ThreadPoolExecutor(FILES) as threads:
        contents = list(threads.map(Path.read_bytes, files_of(manifest)))
        digests = list(threads.map(lambda content: hashlib.sha256(content).hexdigest(), contents))
    if manifest.read_bytes() != listed(manifest, digests).encode():
        raise ValueError("its sha256 is not the manifest's")
    content = b"".join(contents)
    del contents  # a large state is in memory no more than twice
    head, _, body = content.partition(b"\n")
    header = json.loads(head)
    if header["format"] != FORMAT:
        raise ValueError(f"its format is {header['format']}, this version reads {FORMAT}")
    arrays, offset = {}, 0
    for name, dtype, shape in header["arrays"]:
        array = np.frombuffer(body, dtype, int(np.prod(shape)), offset).reshape(shape)
        arrays[name] = array
        offset += array.nbytes
    return Snapshot(header["step"], arrays, header["facts"], header["environment"])


def files_of(manifest: Path) -> list[Path]:
    """The files that a manifest is about."""
    return [manifest.with_suffix(f".{index}.checkpoint") for index in range(FILES)]


def listed(manifest: Path, digests: list[str]) -> str:
    """The text of a manifest."""
    return "".join(f"{digest}  {path.name}\n" for digest, path in zip(digests, files_of(manifest), strict=True))


def _cut(stream: list[memoryview]) -> list[list[memoryview]]:
    """A stream of bytes as a piece for each file, nothing copied."""
    size = -(-sum(part.nbytes for part in stream) // FILES)
    pieces: list[list[memoryview]] = [[] for _ in range(FILES)]
    written = 0
    for part in stream:
        while part:
            index, before = divmod(written, size)
            taken, part = part[: size - before], part[size - before :]
            pieces[index].append(taken)
            written += len(taken)
    return pieces


def _write(path: Path, piece: list[memoryview]) -> str:
    """Write a file, over what is there; returns the sha256 of what was meant to be written."""
    digest = hashlib.sha256()
    with path.open("r+b" if path.exists() else "wb") as file:
        for part in piece:
            digest.update(part)
            file.write(part)
        file.truncate()
    return digest.hexdigest()
