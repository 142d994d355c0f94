"""A program and all that it starts, in a process group that never outlives who began it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType


@contextmanager
def _interruptible() -> Iterator[None]:
    """What begins in the block hears `interrupt`, although a shell's background programs are told to ignore it."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Group:
    """A command under way, its output in lines. Nobody's Ctrl-C reaches it but by `interrupt`.

    Beside it runs `watch`, which ends the group if this process is killed, and until then holds `lock`, the descriptor
    of a locked file.
    """

    def __init__(self, command: list[str], lock: int) -> None:
        with _interruptible():
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        watch = [sys.executable, "-m", "alexvgg.jobs.watch", str(self._process.pid)]
        self._watch = subprocess.Popen(watch, stdin=subprocess.PIPE, start_new_session=True, pass_fds=(lock,))

    def follow(self, line: Callable[[str], None]) -> int:
        """Call `line` with each line of output; returns the exit code when the command has ended."""
        assert self._process.stdout is not None
        for text in self._process.stdout:
            line(text.decode(errors="replace").rstrip("\n"))
        return self._process.wait()

    def interrupt(self) -> None:
        """Ask all processes of the group to end, as Ctrl-C in a terminal does."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGINT)

    def __enter__(self) -> "Group":
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        assert self._watch.stdin is not None
        self._watch.stdin.close()
        self._watch.wait()
