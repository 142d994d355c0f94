"""DVC's commands as a person would type them, and where it keeps what others are to get."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from alexvgg.system.errors import EnvironmentProblem

FOR_ALL_ROWS = ("preprocess", "networks")  # the last stages before the rows
# What a run cache cannot be pushed to: it is a tree of small files with names that DVC chooses.
WITHOUT_RUN_CACHE = ("http", "https")


def command(*arguments: str) -> list[str]:
    """A command of DVC's, which waits while another one holds the project's lock."""
    return [sys.executable, "-m", "dvc", "--wait-for-lock", *arguments]


def stages_of(row: str) -> list[str]:
    """The stages that make a row, `<model>-<seed>`, in their order."""
    return [f"train@{row}", f"evaluate@{row}"]


@dataclass(frozen=True)
class Remote:
    """Where DVC keeps data for others; `settings` are its own, paths absolute."""

    name: str
    settings: dict[str, object]


def remote(folder: Path) -> Remote | None:
    """The default remote of the project in `folder`; None if there is none."""
    from dvc.config import Config

    config = Config(str(folder / ".dvc"), validate=False)
    name = config.get("core", {}).get("remote")
    if not name or name not in config.get("remote", {}):
        return None
    settings = {key: value for key, value in config["remote"][name].items() if value is not None}
    url = str(settings["url"])
    if not urlsplit(url).scheme:  # a folder, as DVC writes it: seen from .dvc
        settings["url"] = str((folder / ".dvc" / url).resolve())
    return Remote(name, settings)


def require_remote(folder: Path) -> Remote:
    """The default remote, by which rows travel from machine to machine. Raises EnvironmentProblem without one."""
    found = remote(folder)
    if found is None:
        raise EnvironmentProblem(
            "there is no DVC remote by which rows could travel between machines; `dvc remote add --default storage "
            "/a/shared/folder` (or s3://bucket/folder)"
        )
    scheme = urlsplit(str(found.settings["url"])).scheme
    if scheme in WITHOUT_RUN_CACHE or found.settings.get("version_aware") or found.settings.get("worktree"):
        raise EnvironmentProblem(
            f"the DVC remote {found.name} takes no run cache ({scheme}, or versions of the cloud's own), by which rows "
            "are handed on; use a folder, S3, GCS, Azure or SSH"
        )
    return found


def as_in_a_shell(code: int) -> int:
    """The exit code of a process, which Python has as the negative number of the signal that ended it."""
    return 128 - code if code < 0 else code


def exit_code(line: str) -> int | None:
    """The exit code of a stage in the line in which DVC says that it failed; as in a shell, 128 and more by a signal.

    6 where DVC itself could not go on for something that passes, such as a lock of its own.
    """
    if found := re.search(r"exited with (-?\d+)$", line):
        return as_in_a_shell(int(found[1]))
    return 6 if "is busy, it is being blocked by" in line or "Unable to acquire lock" in line else None
