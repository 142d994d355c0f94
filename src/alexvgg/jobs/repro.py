"""`python -m alexvgg.jobs.repro --keep-going …`: `dvc repro`, which Ctrl-C ends although it goes on after failures.

DVC does not hear Ctrl-C while a stage runs, and to it an interrupted stage is one that failed: it would begin the next.
"""

import signal
import subprocess
import sys
import threading
import time

import psutil

from alexvgg.jobs import dvc
from alexvgg.system import process

AGAIN = 1.0  # seconds after which a DVC that goes on all the same is interrupted again


def main(arguments: list[str]) -> int:
    """The exit code of `dvc repro`; 252 if it was interrupted."""
    repro = subprocess.Popen(dvc.command("repro", *arguments))

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=_end, args=(repro.pid,), daemon=True).start()

    if signal.SIGINT not in process.ignored():
        signal.signal(signal.SIGINT, interrupt)
    return repro.wait()


def _end(number: int) -> None:
    """Interrupt DVC between two stages, where it hears it. The stage under way heard the Ctrl-C itself."""
    try:
        repro = psutil.Process(number)
        while repro.is_running():
            if stages := repro.children(recursive=True):
                psutil.wait_procs(stages)
                repro.send_signal(signal.SIGINT)
            time.sleep(AGAIN)
    except psutil.NoSuchProcess:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
