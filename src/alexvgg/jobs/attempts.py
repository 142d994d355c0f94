"""Rows of the table at once: which is begun next, and what happens to one that is lost."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from alexvgg.system.errors import EnvironmentProblem, Interrupted

ATTEMPTS = 3  # of a row that is lost each time
KILLED = 128  # and more: exit codes of programs that a signal ended
LOOK_EVERY = 0.5  # seconds


@dataclass(frozen=True)
class Ended:
    """A row that is no longer under way; `code` is what it exited with, None if it was lost with its machine."""

    row: str
    code: int | None
    why: str = ""

    @property
    def lost(self) -> bool:
        """Whether another attempt may end otherwise: it was killed, or its machine lacked something."""
        return self.code is None or self.code == EnvironmentProblem.exit_code or self.code >= KILLED


class Place(Protocol):
    """Where rows are made."""

    def has_room(self) -> bool:
        """Whether another row can begin."""

    def begin(self, row: str) -> None:
        """Begin a row, or go on with it where an earlier attempt left a checkpoint."""

    def ended(self) -> list[Ended]:
        """The rows that ended since the last call."""

    def interrupt(self) -> None:
        """Ask all rows to end with a checkpoint; again, to end at once."""

    def close(self, all_made: bool) -> None:
        """Leave the place."""


class View(Protocol):
    """What people see of it."""

    def began(self, row: str, attempt: int) -> None: ...

    def ended(self, row: str, said: str) -> None: ...

    def look(self) -> None: ...


def make(rows: list[str], place: Place, view: View, interrupted: Callable[[], int]) -> list[str]:
    """Make rows, in this order. Returns those that failed.

    One that is lost is begun again, up to `ATTEMPTS` times in all; another that failed would fail again. `interrupted`
    counts how often somebody asked for an end. Raises Interrupted when all have ended after that.
    """
    waiting, attempts, under_way, failed = list(rows), Counter[str](), set[str](), []
    passed_on = 0
    while under_way or (waiting and not interrupted()):
        while waiting and not interrupted() and place.has_room():
            row = waiting.pop(0)
            attempts[row] += 1
            under_way.add(row)
            place.begin(row)
            view.began(row, attempts[row])
        for ended in place.ended():
            under_way.remove(ended.row)
            again = ended.lost and attempts[ended.row] < ATTEMPTS and not interrupted()
            view.ended(ended.row, _said(ended, again))
            if again:
                waiting.insert(0, ended.row)
            elif ended.code != 0:
                failed.append(ended.row)
        if interrupted() > passed_on:
            passed_on += 1
            place.interrupt()
        view.look()
        time.sleep(LOOK_EVERY)
    if interrupted():
        raise Interrupted("interrupted; the same command goes on from the checkpoints")
    return failed


def _said(ended: Ended, again: bool) -> str:
    if ended.code == 0:
        return "done"
    if ended.code == Interrupted.exit_code:
        return "interrupted"
    reason = ended.why or ("killed" if ended.lost and ended.code != EnvironmentProblem.exit_code else "failed")
    return f"{reason}; it is taken up again" if again else reason
