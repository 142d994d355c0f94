"""One row of the table, made where nobody sits: brought in, trained, evaluated, handed on."""

import fcntl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from alexvgg.checkpoints.store import Checkpoints
from alexvgg.jobs import dvc
from alexvgg.jobs.group import Group
from alexvgg.system.errors import CheckpointUnusable, EnvironmentProblem, Interrupted

PATIENCE = 180.0  # seconds for which a row waits for an earlier attempt to write its checkpoint and end


class Row:
    """A row, `<model>-<seed>`, of the project in the present folder. `say` gets every line for people."""

    def __init__(self, name: str, checkpoints: Path, locks: Path, say: Callable[[str], None]) -> None:
        self._name, self._checkpoints, self._locks, self._say = name, checkpoints, locks, say
        self._under_way: Group | None = None
        self._asked_to_end = threading.Event()
        locks.mkdir(parents=True, exist_ok=True)

    def make(self, remote: bool, attended: bool = False) -> int:
        """Train and evaluate; with `remote`, from and to DVC's remote.

        `attended` says that what all rows read is there, and somebody who decides what becomes of a checkpoint that
        cannot be used. Returns 0, or the exit code of what failed.

        Raises Interrupted after `interrupt`, and EnvironmentProblem while another process makes the same row.
        """
        with self._alone() as self._lock:
            code = 0 if attended else self._bring_in(remote)
            return code or self._train_and_evaluate(remote, attended) or self._hand_on(remote)

    def interrupt(self) -> None:
        """Ask it to end with a checkpoint. May be called by another thread, and again to end at once."""
        self._asked_to_end.set()
        if self._under_way is not None:
            self._under_way.interrupt()

    @contextmanager
    def _alone(self) -> Iterator[int]:
        """The descriptor of a lock that `Group` hands on: if this process is killed, its training is still ending."""
        until = time.monotonic() + PATIENCE
        with (self._locks / f"row-{self._name}.lock").open("ab") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until or self._asked_to_end.is_set():
                        raise EnvironmentProblem(
                            f"another process makes {self._name}; wait for it, or end it, and run this again"
                        ) from None
                    time.sleep(0.2)
            yield file.fileno()

    def _bring_in(self, remote: bool) -> int:
        """What all rows read: from the remote, if that is what this project now describes; made here, if it is not."""
        with FileLock(self._locks / "inputs.lock"):
            wanted = ("check", *dvc.FOR_ALL_ROWS)
            # Not `repro` at once: even where nothing has to run it is refused while another row reads these files.
            if self._is_there(wanted):
                return 0
            # The lock, by which DVC pulls, may be older than the parameters.
            if remote and self._run("pull", *wanted, aloud=False) == 0 and self._is_there(wanted):
                return 0
            return self._run("repro", *(["--pull"] if remote else []), *wanted)

    def _is_there(self, stages: tuple[str, ...]) -> bool:
        return self._run("status", "--quiet", *stages, aloud=False) == 0

    def _train_and_evaluate(self, remote: bool, attended: bool) -> int:
        arguments = ("repro", "--single-item", *(["--pull"] if remote else []), *dvc.stages_of(self._name))
        code = self._run(*arguments)
        if code == CheckpointUnusable.exit_code and not attended:
            self._say(f"{self._name}: from the beginning; its checkpoint cannot be used here (see above)")
            self._discard()
            code = self._run(*arguments)
        return code

    def _hand_on(self, remote: bool) -> int:
        return self._run("push", "--run-cache", *dvc.stages_of(self._name)) if remote else 0

    def _discard(self) -> None:
        for prefix in (self._name, f"evaluate-{self._name}"):
            for folder in self._checkpoints.glob(f"{prefix}-{'[0-9a-f]' * 16}"):
                with Checkpoints(folder) as checkpoints:
                    checkpoints.discard()

    def _run(self, *arguments: str, aloud: bool = True) -> int:
        codes = []

        def line(text: str) -> None:
            if aloud:
                self._say(text)
            codes.append(dvc.exit_code(text))

        with Group(dvc.command(*arguments), self._lock) as self._under_way:
            if self._asked_to_end.is_set():
                self._under_way.interrupt()
            code = self._under_way.follow(line)
        if self._asked_to_end.is_set():
            raise Interrupted(f"{self._name} was interrupted; the same command goes on from its checkpoint")
        of_stage = next((found for found in reversed(codes) if found is not None), None)
        return code if code == 0 or of_stage is None else of_stage
