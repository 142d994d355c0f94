"""Rows at once are made by one command at a time in a project."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alexvgg.system.errors import EnvironmentProblem

LOCK = "rows.lock"


@contextmanager
def only_head(locks: Path) -> Iterator[int]:
    """The descriptor of a lock, for whatever has to end before another head may begin.

    Raises EnvironmentProblem while somebody holds it.
    """
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EnvironmentProblem(
                "another `make repro JOBS=…` is at work in this project; wait for it, or end it with Ctrl-C"
            ) from None
        yield file.fileno()


def require_no_head(locks: Path) -> None:
    """Raises EnvironmentProblem while rows are made at once."""
    if (locks / LOCK).exists():
        with only_head(locks):
            pass
