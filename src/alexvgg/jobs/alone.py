"""What may be at work in a project at the same time: one command that makes rows at once, or several `make repro`."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alexvgg.jobs import rwlock
from alexvgg.system.errors import EnvironmentProblem

LOCK = "rows.lock"
PATIENCE = 1.0  # seconds: others hold it for a moment, to see whether they can
AT_WORK = "is at work in this project; wait for it, or end it with Ctrl-C"


@contextmanager
def only_head(locks: Path) -> Iterator[int]:
    """The descriptor of a lock, for whatever has to end before another `make repro` may begin.

    Raises EnvironmentProblem while somebody holds it.
    """
    with _held(locks, fcntl.LOCK_EX, f"another `make repro` {AT_WORK}") as lock:
        yield lock


@contextmanager
def beside_others(locks: Path) -> Iterator[int]:
    """The same for a `make repro` without JOBS, of which several may be at work. DVC keeps them apart."""
    with _held(locks, fcntl.LOCK_SH, f"a `make repro JOBS=…` {AT_WORK}") as lock:
        yield lock


@contextmanager
def nobody(locks: Path, dvc: Path) -> Iterator[None]:
    """In the block no `make repro` begins. Raises EnvironmentProblem while one is at work, or a stage of DVC's.

    `dvc` is DVC's temporary folder.
    """
    with only_head(locks):
        if holders := rwlock.alive(dvc / rwlock.NAME):
            raise EnvironmentProblem(f"DVC (process {holders[0]}) {AT_WORK}")
        yield


@contextmanager
def _held(locks: Path, how: int, otherwise: str) -> Iterator[int]:
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / LOCK).open("ab") as file:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(file, how | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise EnvironmentProblem(otherwise) from None
                time.sleep(0.05)
        yield file.fileno()
