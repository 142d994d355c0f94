"""A DVC stage, run as DVC would, and how long it waited for tracking to be done.

    python -X importtime stage.py <stage> [arguments]

Its last line on standard error is JSON: seconds in all, and seconds that the process beside it took at the end.
"""

import json
import runpy
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

from alexvgg.networks import runtime

waited = 0.0
wait = subprocess.Popen.wait


def timed_wait(self: subprocess.Popen, timeout: float | None = None) -> int:
    global waited
    began = time.monotonic()
    try:
        return wait(self, timeout)
    finally:
        waited += time.monotonic() - began


subprocess.Popen.wait = timed_wait  # type: ignore[method-assign]
runtime._quiet_stderr = nullcontext  # what Python says of TensorFlow's imports goes there, too
began = time.monotonic()
sys.argv = sys.argv[1:]
sys.path.insert(0, str(Path(sys.argv[0]).parent))
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print("\n" + json.dumps({"seconds": time.monotonic() - began, "tracking": waited}), file=sys.stderr)
