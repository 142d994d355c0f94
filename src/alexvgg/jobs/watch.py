"""`python -m alexvgg.jobs.watch GROUP`: ends a process group when standard input does, whichever way that happens.

So a training is not left behind when what began it is killed: it gets time for a checkpoint, like after Ctrl-C.
"""

import os
import signal
import sys
import time

import psutil

PATIENCE = 150.0  # seconds that a group gets to write its checkpoints


def main(group: int) -> None:
    sys.stdin.buffer.read()
    if not _is_there(group):
        return
    os.killpg(group, signal.SIGINT)
    until = time.monotonic() + PATIENCE
    while _is_there(group):
        if time.monotonic() > until:
            os.killpg(group, signal.SIGKILL)
        time.sleep(0.2)


def _is_there(group: int) -> bool:
    """Whether a process of the group is at work."""
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return True
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue
    return False


if __name__ == "__main__":
    main(int(sys.argv[1]))
