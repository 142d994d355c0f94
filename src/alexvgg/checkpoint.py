"""Checkpoints: the exact state of an unfinished computation on disk, verified before it is used.

A checkpoint is `<number>.checkpoint` (a JSON header of one line, then the bytes of every array) and its manifest
`<number>.sha256` (what `sha256sum` writes and checks). Numbers grow, and the manifest comes last: without it there
is no checkpoint. Both are written beside their place, synced and renamed; the last two are kept, and the file of the
one before is written over by the next.
"""

import hashlib
import json
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
SPARE = ".spare"  # the file that the next one is written over
ACCEPTED = "accepted"  # a file: they may be used in another environment than the one that made them


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
        self._beside = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None

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
        """Write a checkpoint. Its arrays may change when this returns; it is on the disk after `wait`.

        Call `wait` before another one is saved. An OSError is told there.
        """
        half = self.folder / ".half.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # The system has memory at hand for what is in this file: to find it anew takes longer than to copy.
            if (spare := self.folder / SPARE).exists():
                spare.replace(half)
            digest = self._dump(snapshot, half)
        except OSError as error:
            half.unlink(missing_ok=True)
            self._writing = Future()
            self._writing.set_exception(error)
        else:
            self._writing = self._beside.submit(self._finish, half, digest)

    def wait(self) -> OSError | None:
        """Wait until the last one is on the disk. Returns why it could not be written, if so."""
        writing, self._writing = self._writing, None
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
        files.write_text(self.folder / ACCEPTED, "")

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        """Let another process use them."""
        self._beside.shutdown()
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()

    def _dump(self, snapshot: Snapshot, path: Path) -> str:
        """Give a snapshot's bytes to the system; returns the sha256 of what was meant to be written.

        The arrays are not copied for this: that would be memory for the whole of a computation
        (docs/decisions/0007-exact-resume.md).
        """
        header = {
            "format": FORMAT,
            "step": snapshot.step,
            "environment": snapshot.environment,
            "facts": snapshot.facts,
            "arrays": [(name, array.dtype.str, array.shape) for name, array in snapshot.arrays.items()],
        }
        parts: list[bytes | memoryview] = [json.dumps(header).encode() + b"\n"]
        parts += [np.ascontiguousarray(array).reshape(-1).view(np.uint8).data for array in snapshot.arrays.values()]
        digest = self._beside.submit(_sha256, parts)
        with path.open("r+b" if path.exists() else "wb") as file:
            file.writelines(parts)
            file.truncate()
        return digest.result()

    def _finish(self, half: Path, digest: str) -> None:
        """Make a checkpoint of what was dumped, when it is on the disk; remove the oldest."""
        earlier = manifests(self.folder)
        number = int(earlier[0].stem) + 1 if earlier else 1
        path = self.folder / f"{number:06d}.checkpoint"
        files.put(half, path)
        files.write_text(path.with_suffix(".sha256"), f"{digest}  {path.name}\n")
        for old in earlier[KEPT - 1 :]:
            old.unlink()
            if (content := old.with_suffix(".checkpoint")).exists():
                content.replace(self.folder / SPARE)
        (self.folder / ACCEPTED).unlink(missing_ok=True)  # the newest is this environment's again

    def _refuse_foreign(self, snapshot: Snapshot, environment: dict[str, str]) -> None:
        differences = [
            f"{name} {snapshot.environment.get(name)!r} there, {environment.get(name)!r} here"
            for name in sorted(snapshot.environment | environment)
            if snapshot.environment.get(name) != environment.get(name)
        ]
        if differences and not (self.folder / ACCEPTED).exists():
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


def _sha256(parts: list[Any]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
