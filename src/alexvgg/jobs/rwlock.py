"""Which processes DVC's lock of files names: those that read or write a stage's files, or did when they were killed."""

import json
from pathlib import Path
from typing import Any

import psutil


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


def is_alive(process: int) -> bool:
    """Whether a DVC has this number."""
    try:
        return "python" in Path(psutil.Process(process).exe()).name.lower()  # its name may be that of a script
    except psutil.AccessDenied:
        return True  # somebody else's
    except psutil.Error:
        return False


def release(path: Path) -> None:
    """Remove the file if nobody that it names is there any more. DVC would do so, with a warning for each entry."""
    if not any(map(is_alive, holders(path) or [])):
        path.unlink(missing_ok=True)
