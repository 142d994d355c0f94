"""Checkpoints: the exact state of an unfinished computation on disk, verified before it is used.

A checkpoint is a snapshot's files and their manifest. Numbers grow, and the manifest comes last: without it there is no
checkpoint. All are written beside their place, synced and renamed; the last two checkpoints are kept, and the files of
the one before are written over by the next.
"""

import re
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from alexvgg.checkpoints.snapshot import FILES, Snapshot, dump, files_of, listed, read
from alexvgg.system import files
from alexvgg.system.errors import CheckpointUnusable, TrainingError

KEPT = 2
ACCEPTED = "accepted"  # a file: they may be used in another environment than the one that made them
RESULT = "result"  # a file: the md5 of what the finished computation wrote, as DVC records it


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
    def found(self) -> bool:
        """Whether there is one, whole or damaged."""
        return bool(manifests(self.folder))

    def newest(self, environment: dict[str, str]) -> Snapshot | None:
        """The newest checkpoint that is whole; None where there is none to go on from.

        Raises CheckpointUnusable if all are damaged, or if it was made in another environment than `environment`
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
            raise CheckpointUnusable(
                f"no checkpoint of {self.name} is whole ({'; '.join(damaged)}); "
                "start again from the beginning: alexvgg checkpoints --discard"
            )
        return None

    def save(self, snapshot: Snapshot) -> None:
        """Write a checkpoint. Its arrays may change when this returns; it is on the disk after `wait`.

        Call `wait` before another one is saved. An OSError is told there.
        """
        halves = [self.folder / f".{index}.part" for index in range(FILES)]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # The system has these files' pages in memory already; getting new ones takes longer than copying.
            for spare, half in zip(self._spares, halves, strict=True):
                if spare.exists():
                    spare.replace(half)
            digests = dump(snapshot, halves)
        except OSError as error:
            for half in halves:
                half.unlink(missing_ok=True)
            self._writing = Future()
            self._writing.set_exception(error)
        else:
            self._writing = self._beside.submit(self._finish, halves, digests)

    def wait(self) -> OSError | None:
        """Wait until the last one is on the disk. Returns why it could not be written, if so."""
        writing, self._writing = self._writing, None
        failure = writing.exception() if writing is not None else None
        if failure is not None and not isinstance(failure, OSError):
            raise failure
        return failure

    def finish(self, result: Path) -> None:
        """Note what the computation wrote. The checkpoints stay until DVC has recorded that (`remove_recorded`)."""
        if self.found:
            files.write_text(self.folder / RESULT, files.md5(result))

    def discard(self) -> None:
        """Remove them all, manifests first: a checkpoint without a manifest does not count."""
        self.wait()
        for path in [*manifests(self.folder), *self.folder.glob("*.checkpoint"), *self.folder.glob("*")]:
            path.unlink(missing_ok=True)
        if self.folder.exists():
            self.folder.rmdir()

    def accept(self) -> None:
        """Allow them to be used in another environment than the one that made them."""
        files.write_text(self.folder / ACCEPTED, "")

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        """Allow another process to use them."""
        self._beside.shutdown()
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()

    @property
    def _spares(self) -> list[Path]:
        """The files that the next one is written over."""
        return [self.folder / f".{index}.spare" for index in range(FILES)]

    def _finish(self, halves: list[Path], digests: list[str]) -> None:
        """Make a checkpoint of what was dumped, when it is on the disk; remove the oldest."""
        earlier = manifests(self.folder)
        manifest = self.folder / f"{int(earlier[0].stem) + 1 if earlier else 1:06d}.sha256"
        for half, path in zip(halves, files_of(manifest), strict=True):
            files.put(half, path)
        files.write_text(manifest, listed(manifest, digests))
        for old in earlier[KEPT - 1 :]:
            old.unlink()
            for path, spare in zip(files_of(old), self._spares, strict=True):
                if path.exists():
                    path.replace(spare)
        (self.folder / ACCEPTED).unlink(missing_ok=True)  # the newest is this environment's again

    def _refuse_foreign(self, snapshot: Snapshot, environment: dict[str, str]) -> None:
        differences = [
            f"{name} {snapshot.environment.get(name)!r} there, {environment.get(name)!r} here"
            for name in sorted(snapshot.environment | environment)
            if snapshot.environment.get(name) != environment.get(name)
        ]
        if differences and not (self.folder / ACCEPTED).exists():
            raise CheckpointUnusable(
                f"the checkpoint of {self.name} at step {snapshot.step} comes from another environment "
                f"({'; '.join(differences)}), where sums may round differently; go on there, or give up exactness: "
                "alexvgg checkpoints --accept, or start again: alexvgg checkpoints --discard"
            )


def manifests(folder: Path) -> list[Path]:
    """The manifests in a folder, the newest first. A copy under another name is none."""
    found = [path for path in folder.glob("*.sha256") if path.stem.isdecimal()]
    return sorted(found, key=lambda path: int(path.stem), reverse=True)


def size(folder: Path) -> int:
    """The bytes in a folder, to which somebody may be writing."""
    found = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            found += path.stat().st_size
    return found


def remove_recorded(folder: Path, locks: list[Path]) -> None:
    """Remove the checkpoints of the finished computations in `folder` whose result is recorded in one of DVC's locks.

    Until then a full disk, or a kill while DVC hashes and caches, must not cost the computation.
    """
    recorded = "".join(lock.read_text(encoding="utf-8", errors="replace") for lock in locks if lock.is_file())
    for noted in folder.glob(f"*/{RESULT}"):
        try:
            result = noted.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            continue  # another row has done it
        if re.fullmatch("[0-9a-f]{32}", result) and result in recorded:  # half of it would be in any lock
            with suppress(TrainingError), Checkpoints(noted.parent) as checkpoints:  # another process may use them
                checkpoints.discard()
