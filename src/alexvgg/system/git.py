"""What git knows of the project's files."""

import subprocess
from pathlib import Path


def said(*arguments: str) -> bytes:
    """What git says in the project's folder; nothing if it cannot, or is not there."""
    try:
        return subprocess.run(["git", *arguments], capture_output=True, check=False).stdout
    except OSError:
        return b""


def is_unmerged(path: Path) -> bool:
    """Whether a merge left two sides of a file."""
    return bool(said("ls-files", "--unmerged", "--", path.as_posix()))


def has_another(path: Path) -> bool:
    """Whether another version of a file than the present one was committed."""
    committed = said("show", f"HEAD:./{path.as_posix()}")
    try:
        return bool(committed) and path.read_bytes() != committed
    except OSError:
        return bool(committed)


def unknown(*folders: str) -> list[str]:
    """The files in these folders that git neither knows nor ignores."""
    listed = said("ls-files", "--others", "--exclude-standard", "-z", "--", *folders)
    return [name for name in listed.decode(errors="replace").split("\0") if name]
