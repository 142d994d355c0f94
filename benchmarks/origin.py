"""Where a result of a benchmark comes from: the first sentence of its file."""

import subprocess
import sys
from pathlib import Path

from alexvgg.system import hardware

ROOT = Path(__file__).resolve().parents[1]


def _commit() -> str:
    """The one that is checked out, and whether files differ from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "stages", "benchmarks/*.py", "profiles")
    return git("rev-parse", "--short=7", "HEAD") + (" with changes" if changed else "")


COMMIT = _commit()  # before anything is measured: hours later there may be another


def sentence() -> str:
    """The command, the commit and the hardware. Asks TensorFlow for GPUs."""
    program, *arguments = sys.argv
    kept = [one for i, one in enumerate(arguments) if "--output" not in (one, arguments[i - 1] if i else "")]
    command = " ".join([f"benchmarks/{Path(program).name}", *kept])
    return f"Made by `{command}` at commit {COMMIT} on {hardware.title()}."
