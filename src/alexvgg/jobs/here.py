"""Rows at once on this machine: programs in one project, each with its share of the processors."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from alexvgg.jobs import dvc
from alexvgg.jobs.attempts import Ended
from alexvgg.system import hardware


@dataclass(frozen=True)
class Share:
    """What one row at a time computes with; `processors` are those to which it is bound, none where it is not."""

    threads: int
    processors: tuple[int, ...]
    gpus: tuple[str, ...]

    @property
    def said(self) -> str:
        if self.processors:
            return f"on processors {', '.join(map(str, self.processors))}"
        return f"on {self.threads} thread{'s' * (self.threads != 1)}"


def shares(
    jobs: int, processors: list[int], threads: int, per_row: int | None, gpus: list[str], gpus_per_row: int
) -> list[Share]:
    """A share for each of `jobs` rows at once. With more rows than processors, rows share them.

    With fewer `threads` than `processors`, as in a container with a quota, no row is bound: other programs have a part
    of the same processors, and nobody knows which.
    """
    each = per_row or max(1, threads // jobs)
    bound = [
        tuple({processors[i % len(processors)]: None for i in range(job * each, (job + 1) * each)})
        if threads == len(processors)
        else ()
        for job in range(jobs)
    ]
    return [
        Share(len(own) or each, own, tuple(gpus[job * gpus_per_row : (job + 1) * gpus_per_row]))
        for job, own in enumerate(bound)
    ]


@contextmanager
def _bound_to(processors: tuple[int, ...]) -> Iterator[None]:
    """What begins in the block computes on these processors only, where the system can say so."""
    if not processors or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Here:
    """A place for as many rows as there are shares; what each prints goes to `logs`."""

    def __init__(self, shares: list[Share], logs: Path) -> None:
        self._free, self._logs = list(shares), logs
        self._under_way: dict[str, tuple[subprocess.Popen[bytes], Share]] = {}

    def has_room(self) -> bool:
        return bool(self._free)

    def begin(self, row: str) -> None:
        share = self._free.pop(0)
        command = [sys.executable, "-m", "alexvgg", "row", row, "--local", "--attached"]
        with self._log(f"{row}: {share.said}\n", row) as log, _bound_to(share.processors):
            # Its input is a pipe, whose end tells it that this process is gone.
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=_environment(share), start_new_session=True
            )  # fmt: skip
        self._under_way[row] = process, share

    def _log(self, first: str, row: str) -> BinaryIO:
        """Where a row's output goes; nowhere while the disk is full, which is no reason to end the others."""
        try:
            log = (self._logs / f"{row}.log").open("ab", buffering=0)
        except OSError:
            return Path(os.devnull).open("ab", buffering=0)
        with suppress(OSError):
            log.write(first.encode())
        return log

    def ended(self) -> list[Ended]:
        found = []
        for row, (process, share) in list(self._under_way.items()):
            code = process.poll()
            if code is not None:
                del self._under_way[row]
                self._free.append(share)
                found.append(Ended(row, dvc.as_in_a_shell(code)))
        return found

    def interrupt(self) -> None:
        for process, _ in self._under_way.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)  # SIGINT is ignored where a shell began all this in its background

    def close(self, all_made: bool) -> None:
        """Nothing is left here but logs."""


def _environment(share: Share) -> dict[str, str]:
    gpus = {"CUDA_VISIBLE_DEVICES": ",".join(share.gpus)} if share.gpus else {}
    return os.environ | {hardware.THREADS: str(share.threads)} | gpus
