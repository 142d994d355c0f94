"""Which processes DVC's lock of files names: those that read or write a stage's files, or did when they were killed."""

import json
from pathlib import Path
from typing import Any

import psutil

NAME = "rwlock"  # in DVC's temporary folder
CLOSE = 2.0  # seconds by which the clocks of processes and of files may differ


def holders(path: Path) -> list[int] | None:
    """Their numbers; None if it is no such file, as when DVC was killed writing it."""
    if not path.exists():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        found: list[Any] = [*entries.get("write", {}).values()]
        found += [info for infos in entries.get("read", {}).values() for info in infos]
        return [int(info["pid"]) for info in found if info]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def alive(path: Path) -> list[int]:
    """Those that are at work. The number of one that ended may be another's by now, for which DVC would wait."""
    if not (found := holders(path)):
        return []
    try:
        written = path.stat().st_mtime
    except FileNotFoundError:
        return []
    return [process for process in found if _is(process, written)]


def _is(process: int, written: float) -> bool:
    """Whether a DVC has this number, by the time at which the file was `written`."""
    try:
        it = psutil.Process(process)
        return it.create_time() <= written + CLOSE and "python" in Path(it.exe()).name.lower()  # its name may be `dvc`
    except psutil.AccessDenied:
        return True  # somebody else's
    except psutil.Error:
        return False


def release(path: Path) -> None:
    """Remove the file if nobody that it names is there any more. DVC would do so, with a warning for each entry."""
    if holders(path) and not alive(path):
        path.unlink(missing_ok=True)
