"""Checkpoints: the exact state of an unfinished computation on disk, verified before it is used.

A checkpoint is `<number>.checkpoint` (a JSON header of one line, then the bytes of every array) and its manifest
`<number>.sha256` (what `sha256sum` writes and checks). Numbers grow, and the manifest comes last: without it there
is no checkpoint. Both are written beside their place, synced and renamed; the last two are kept.
"""

import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from alexvgg import files
from alexvgg.errors import TrainingError

FORMAT = 1
KEPT = 2
# A write in one go takes a processor from the computation for as long as it lasts; spread, it uses idle moments
# (docs/decisions/0007-exact-resume.md).
SPREAD = 5.0  # seconds
PIECE = 2**20  # bytes between two pauses


@dataclass(frozen=True)
class Snapshot:
    """A state: `arrays` by name, and in `facts` what JSON holds exactly. `environment` is what computed it."""

    step: int
    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]
    environment: dict[str, str]


class Checkpoints:
    """The checkpoints of one computation, in a folder of their own, used by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name.rpartition("-")[0]  # of `<run>-<key>`
        lock = folder.parent.with_name("locks") / f"{folder.name}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(lock)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise TrainingError(
                f"another process is at work on {self.name} with the same parameters, code and data; wait for it, "
                "or end it and run this again: it goes on from the last checkpoint"
            ) from None
        for half in folder.glob(".*.part"):  # of a process that was killed while it wrote
            half.unlink()
        self._writer = ThreadPoolExecutor(1, initializer=_stand_back)
        self._writing: Future[None] | None = None
        self._hurry = threading.Event()  # set while somebody waits for the write

    @property
    def exist(self) -> bool:
        """Whether there is one, whole or not."""
        return bool(manifests(self.folder))

    def newest(self, environment: dict[str, str]) -> Snapshot | None:
        """The newest checkpoint that is whole; None where there is none to go on from.

        Raises TrainingError if all are damaged, or if it was made in another environment than `environment`
        and nobody accepted that.
        """
        damaged = []
        for manifest in manifests(self.folder):
            try:
                snapshot = read(manifest)
            except (OSError, ValueError) as error:
                damaged.append(f"{manifest.stem}: {error}")
                continue
            self._refuse_foreign(snapshot, environment)
            return snapshot
        if damaged:
            raise TrainingError(
                f"no checkpoint of {self.name} is whole ({'; '.join(damaged)}); "
                "start again from the beginning: alexvgg checkpoints --discard"
            )
        return None

    def save(self, snapshot: Snapshot) -> None:
        """Write a checkpoint in the background. Call `wait` before its arrays change, or another one is saved."""
        self._hurry.clear()
        self._writing = self._writer.submit(self._write, snapshot)

    def wait(self) -> OSError | None:
        """Wait until the last one is on the disk. Returns why it could not be written, if so."""
        writing, self._writing = self._writing, None
        self._hurry.set()
        failure = writing.exception() if writing is not None else None
        if failure is not None and not isinstance(failure, OSError):
            raise failure
        return failure

    def discard(self) -> None:
        """Remove them all, manifests first, so that none is half there."""
        self.wait()
        for path in [*manifests(self.folder), *self.folder.glob("*.checkpoint"), *self.folder.glob("*")]:
            path.unlink(missing_ok=True)
        if self.folder.exists():
            self.folder.rmdir()

    def accept(self) -> None:
        """Let them be used in another environment than the one that made them."""
        files.write_text(self.folder / "accepted", "")

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        """Let another process use them."""
        self._hurry.set()
        self._writer.shutdown()
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()

    def _write(self, snapshot: Snapshot) -> None:
        earlier = manifests(self.folder)
        number = int(earlier[0].stem) + 1 if earlier else 1
        path = self.folder / f"{number:06d}.checkpoint"
        with files.replacing(path) as temporary:
            digest = _dump(snapshot, temporary, self._hurry.wait)
        files.write_text(path.with_suffix(".sha256"), f"{digest}  {path.name}\n")
        for old in earlier[KEPT - 1 :]:
            old.unlink()
            old.with_suffix(".checkpoint").unlink(missing_ok=True)

    def _refuse_foreign(self, snapshot: Snapshot, environment: dict[str, str]) -> None:
        differences = [
            f"{name} {snapshot.environment.get(name)!r} there, {environment.get(name)!r} here"
            for name in sorted(snapshot.environment | environment)
            if snapshot.environment.get(name) != environment.get(name)
        ]
        if differences and not (self.folder / "accepted").exists():
            raise TrainingError(
                f"the checkpoint of {self.name} at step {snapshot.step} comes from another environment "
                f"({'; '.join(differences)}), where sums may round differently; go on there, or give up exactness: "
                "alexvgg checkpoints --accept, or start again: alexvgg checkpoints --discard"
            )


def read(manifest: Path) -> Snapshot:
    """The checkpoint of a manifest. Raises OSError or ValueError if a bit of either is not as it was written."""
    path = manifest.with_suffix(".checkpoint")
    content = path.read_bytes()
    if manifest.read_bytes() != f"{hashlib.sha256(content).hexdigest()}  {path.name}\n".encode():
        raise ValueError("its sha256 is not the manifest's")
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


def manifests(folder: Path) -> list[Path]:
    """The manifests in a folder, the newest first."""
    return sorted(folder.glob("*.sha256"), reverse=True)


def _stand_back() -> None:
    """Let this thread have only what the computation leaves of the processors."""
    if sys.platform == "linux":  # elsewhere priorities belong to processes
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def _dump(snapshot: Snapshot, path: Path, pause: Callable[[float], object]) -> str:
    """Write a snapshot, with pauses of some seconds; returns the sha256 of what was meant to be written."""
    header = {
        "format": FORMAT,
        "step": snapshot.step,
        "environment": snapshot.environment,
        "facts": snapshot.facts,
        "arrays": [(name, array.dtype.str, array.shape) for name, array in snapshot.arrays.items()],
    }
    head = json.dumps(header).encode() + b"\n"
    size = sum(array.nbytes for array in snapshot.arrays.values())
    digest = hashlib.sha256(head)
    with path.open("wb") as file:
        file.write(head)
        for array in snapshot.arrays.values():
            content = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
            for start in range(0, content.nbytes, PIECE):
                piece = content[start : start + PIECE]
                digest.update(piece)
                file.write(piece)
                pause(SPREAD * piece.nbytes / size)
    return digest.hexdigest()
