"""The process beside a training that sends its journal on. This side of it imports no MLflow."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 120.0  # seconds that a stage waits at its end; a network of 500 MB to a slow store may take longer


@contextmanager
def sending(journal: Path, package: Path) -> Iterator[None]:
    """Send the journal on while the block runs, and what is left of it at its end.

    The sender learns that it is over from its standard input, which ends with this process however this
    process ends.
    """
    environment = os.environ | {"PYTHONPATH": str(package.parent)}
    command = [sys.executable, "-m", package.name, "send", str(journal)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, start_new_session=True)
    try:
        yield
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            print(
                "tracking: the rest is being sent while the work goes on; `alexvgg sync` looks after it",
                file=sys.stderr,
            )
