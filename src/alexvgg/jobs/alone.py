"""What may be at work in a project at the same time: one command that makes rows at once, or several `make repro`."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alexvgg.jobs import rwlock
from alexvgg.system.errors import EnvironmentProblem

LOCK = "rows.lock"
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


def require_nobody(locks: Path, dvc: Path) -> None:
    """Raises EnvironmentProblem while `make repro` or a stage of DVC's, whose temporary folder is `dvc`, is at work."""
    with only_head(locks):
        if holders := rwlock.alive(dvc / rwlock.NAME):
            raise EnvironmentProblem(f"DVC (process {holders[0]}) {AT_WORK}")


@contextmanager
def _held(locks: Path, how: int, otherwise: str) -> Iterator[int]:
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / LOCK).open("ab") as file:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EnvironmentProblem(otherwise) from None
        yield file.fileno()
