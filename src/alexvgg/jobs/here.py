"""Rows at once on this machine: programs in one project, each with its share of the processors."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from alexvgg.jobs import dvc
from alexvgg.jobs.attempts import Ended
from alexvgg.system import hardware


@dataclass(frozen=True)
class Share:
    """The processors and GPUs that one row at a time computes with."""

    processors: tuple[int, ...]
    gpus: tuple[str, ...]


def shares(jobs: int, processors: list[int], per_row: int | None, gpus: list[str], gpus_per_row: int) -> list[Share]:
    """A share for each of `jobs` rows at once. With more rows than processors, rows share them."""
    each = per_row or max(1, len(processors) // jobs)
    return [
        Share(
            tuple({processors[i % len(processors)]: None for i in range(job * each, (job + 1) * each)}),
            tuple(gpus[job * gpus_per_row : (job + 1) * gpus_per_row]),
        )
        for job in range(jobs)
    ]


@contextmanager
def _bound_to(processors: tuple[int, ...]) -> Iterator[None]:
    """What begins in the block computes on these processors only, where the system can say so."""
    if not hasattr(os, "sched_setaffinity"):
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
        with (self._logs / f"{row}.log").open("ab") as log, _bound_to(share.processors):
            log.write(f"{row}: on processors {', '.join(map(str, share.processors))}\n".encode())
            log.flush()
            # Its input is a pipe, whose end tells it that this process is gone.
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=_environment(share), start_new_session=True
            )  # fmt: skip
        self._under_way[row] = process, share

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
    return os.environ | {hardware.THREADS: str(len(share.processors))} | gpus
