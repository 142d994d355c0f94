"""`python -m alexvgg.jobs.repro --keep-going …`: `dvc repro`, which Ctrl-C ends although it goes on after failures.

DVC does not hear Ctrl-C while a stage runs, and to it an interrupted stage is one that failed: it would begin the next.
So it is ended while it waits for the stage, when it writes nothing.
"""

import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import psutil

from alexvgg.jobs import dvc, rwlock
from alexvgg.pipeline import layout
from alexvgg.system import console, process

DVC_INTERRUPTED = 252  # what DVC exits with
EVERY = 0.05  # seconds between two looks
CLOSE = 0.5  # seconds around the Ctrl-C, in which a stage that begins may have missed it


def main(arguments: list[str]) -> int:
    """The exit code of `dvc repro`; 130 if it was interrupted."""
    asked = threading.Event()
    if signal.SIGINT not in process.ignored():
        signal.signal(signal.SIGINT, lambda *_: asked.set())
    repro = subprocess.Popen(dvc.command("repro", *arguments))
    ending = threading.Thread(target=_end, args=(repro, asked), daemon=True)
    ending.start()
    code = repro.wait()
    if not asked.is_set():
        return console.INTERRUPTED if code == DVC_INTERRUPTED else code
    ending.join()
    rwlock.release(layout.project_root() / ".dvc/tmp/rwlock")
    return console.INTERRUPTED


def _end(repro: subprocess.Popen[bytes], asked: threading.Event) -> None:
    """When it is `asked`, end DVC, and wait for the stage under way, which heard the Ctrl-C itself."""
    asked.wait()
    since = time.time()
    while repro.poll() is None:  # DVC itself hears it where no stage is under way
        with suppress(psutil.NoSuchProcess):
            if stages := psutil.Process(repro.pid).children():
                repro.terminate()
                for stage in stages:
                    _await(stage, missed_it=stage.create_time() > since - CLOSE)
        time.sleep(EVERY)


def _await(stage: psutil.Process, missed_it: bool) -> None:
    """The end of a stage. Its parent is gone, so that maybe nobody asks for its exit code."""
    with suppress(psutil.NoSuchProcess):
        if missed_it:
            stage.send_signal(signal.SIGINT)
        while stage.is_running() and stage.status() != psutil.STATUS_ZOMBIE:
            time.sleep(EVERY)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
