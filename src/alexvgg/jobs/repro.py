"""`python -m alexvgg.jobs.repro --keep-going …`: `dvc repro`, which Ctrl-C ends although it goes on after failures.

DVC does not hear Ctrl-C while a stage runs, and to it an interrupted stage is one that failed: it would begin the next.
So it is ended while it waits for the stage, when it writes nothing. `kill`, of this process or of the one that began
it, ends it in the same way.
"""

import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import psutil

from alexvgg.jobs import alone, dvc, rwlock
from alexvgg.pipeline import layout
from alexvgg.system import console, process
from alexvgg.system.errors import EnvironmentProblem

DVC_INTERRUPTED = 252  # what DVC exits with
EVERY = 0.05  # seconds between two looks
CLOSE = 0.5  # seconds around the Ctrl-C, in which a stage that begins may have missed it


def main(arguments: list[str]) -> int:
    """The exit code of `dvc repro`; 130 if it was interrupted.

    Raises EnvironmentProblem while rows are made at once.
    """
    asked, heard = threading.Event(), list[int]()

    def hear(number: int, _: object) -> None:
        heard.append(number)
        asked.set()

    _release_lock_of_dvc()  # else DVC would wait for whoever has the number of one that was killed
    with alone.beside_others(layout.process_locks()) as lock:
        for number in process.ENDINGS - process.ignored():
            signal.signal(number, hear)
        process.end_with_parent()
        repro = subprocess.Popen(dvc.command("repro", *arguments), pass_fds=(lock,))
        ending = threading.Thread(target=_end, args=(repro, asked, heard), daemon=True)
        ending.start()
        code = repro.wait()
        if not asked.is_set():
            return console.INTERRUPTED if code == DVC_INTERRUPTED else code
        ending.join()
    _release_lock_of_dvc()
    return console.INTERRUPTED


def _release_lock_of_dvc() -> None:
    """Not beside another `make repro`, whose DVC may be writing it."""
    with suppress(EnvironmentProblem), alone.only_head(layout.process_locks()):
        rwlock.release(layout.project_root() / ".dvc/tmp" / rwlock.NAME)


def _end(repro: subprocess.Popen[bytes], asked: threading.Event, heard: list[int]) -> None:
    """When it is `asked`, end DVC, and wait for the stage under way; `heard` are the signals to this process."""
    asked.wait()
    since = time.time()
    told = heard[0] == signal.SIGINT  # Ctrl-C reaches the stage by itself, and DVC where no stage is under way
    if not told:
        time.sleep(CLOSE)  # if it went to all processes of the group, DVC has ended by then
    while repro.poll() is None:
        with suppress(psutil.NoSuchProcess):
            if stages := psutil.Process(repro.pid).children():
                repro.terminate()
                for stage in stages:
                    _await(stage, missed_it=not told or stage.create_time() > since - CLOSE)
            elif not told:
                repro.send_signal(signal.SIGINT)
                told = True
        time.sleep(EVERY)


def _await(stage: psutil.Process, missed_it: bool) -> None:
    """The end of a stage. Its parent is gone, so that maybe nobody asks for its exit code."""
    with suppress(psutil.NoSuchProcess):
        if missed_it:
            stage.send_signal(signal.SIGTERM)  # SIGINT is ignored where a shell began all this in its background
        while stage.is_running() and stage.status() != psutil.STATUS_ZOMBIE:
            time.sleep(EVERY)


if __name__ == "__main__":
    console.run(lambda: sys.exit(main(sys.argv[1:])), debug=False)
