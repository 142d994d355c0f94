"""A program and all that it starts, in a process group that never outlives who began it."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

LOOK_EVERY = 0.5  # seconds


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
    """A command under way. Nobody's Ctrl-C reaches it but by `interrupt`.

    Its output comes in lines, or goes where this process's goes, if `aloud`. Beside it runs `watch`, which ends the
    group if this process is killed, and until then holds `lock`, the descriptor of a locked file.
    """

    def __init__(self, command: list[str], lock: int, aloud: bool = False) -> None:
        output: dict[str, Any] = {} if aloud else {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with _interruptible():
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **output)
        watch = [sys.executable, "-m", "alexvgg.jobs.watch", str(self._process.pid)]
        self._watch = subprocess.Popen(watch, stdin=subprocess.PIPE, start_new_session=True, pass_fds=(lock,))

    def wait(self) -> int:
        """The exit code of the command, when it has ended."""
        return self._process.wait()

    def follow(self, line: Callable[[str], None]) -> int:
        """Call `line` with each line of output; returns the exit code when the command has ended."""
        rest = b""
        for text in self._output():
            *lines, rest = (rest + text).split(b"\n")
            for one in lines:
                line(one.decode(errors="replace"))
        if rest:
            line(rest.decode(errors="replace"))
        return self.wait()

    def _output(self) -> Iterator[bytes]:
        """To the end of the command, which may leave somebody behind who goes on to hold the pipe, such as a sender."""
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while True:
            ended = self._process.poll() is not None  # before the look: what it wrote last is there
            if select.select([pipe], [], [], 0.0 if ended else LOOK_EVERY)[0]:
                if not (text := os.read(pipe, 65536)):
                    return
                yield text
            elif ended:
                return

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
