"""The project's folder, its git repository and DVC's cache: the part of `alexvgg doctor` about where the project lies.

Paths come from the caller; commands of git run in the project.
"""

import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

from alexvgg.cli.doctor import Diagnosis
from alexvgg.system import git

KEPT_BY_DVC = ("data", "weights", "rows", "reports")
MOVED = "dvc cache dir --local /path/on/the/large/disk/dvc"


def repository(root: Path) -> Iterator[Diagnosis]:
    """Whether git and DVC know the project."""
    from dvc.config import Config

    if not (root / ".dvc").is_dir():
        yield Diagnosis("problem", "project", "DVC's folder .dvc is missing; `git checkout HEAD .dvc`")
    elif any(map(_is_repository, (root, *root.parents))) or Config(str(root / ".dvc"))["core"].get("no_scm"):
        yield Diagnosis("ok", "project", "git and DVC know this folder")
    else:
        text = (
            "this folder is in no git repository, which DVC needs (it was unpacked from a ZIP?); `git init`, then "
            "`git add -A` and `git commit -m start`, or clone the project instead"
        )
        yield Diagnosis("problem", "project", text)


def address(root: Path) -> Iterator[Diagnosis]:
    """Whether the address of MLflow's database, which has the project's path in it, means that file."""
    if re.search(r"\?|%[0-9A-Fa-f]{2}", str(root)):
        text = "the project's path has a ? or a code such as %20, which addresses of databases can't have; move it"
        yield Diagnosis("problem", "project", f"{text}: {root}")


def links(root: Path) -> Iterator[Diagnosis]:
    """Folders of DVC's that lie elsewhere, such as on a larger disk."""
    folders = [root / name for name in KEPT_BY_DVC]
    inside = [path for folder in folders[1:] if not folder.is_symlink() for path in sorted(folder.glob("*"))]
    for path in [*folders, *inside]:
        if path.is_symlink() and not path.is_file() and not path.resolve().is_relative_to(root.resolve()):
            name, cache = path.relative_to(root).as_posix(), root / ".dvc/cache"
            move = ["mv .dvc/cache /path/on/the/large/disk/dvc"] if cache.is_dir() and not cache.is_symlink() else []
            relink = ["dvc checkout --relink"] if move else []
            commands = [f"rm {shlex.quote(name)}", *move, MOVED, "dvc config --local cache.type symlink", *relink]
            text = (
                f"{name} is a link to {path.readlink()}, and DVC cannot keep what is outside of the project's folder; "
                f"move DVC's cache instead, and the files here become links into it: `{'; '.join(commands)}`"
            )
            yield Diagnosis("problem", "project", text)


def folders(root: Path) -> Iterator[Diagnosis]:
    """Whether what should be folders are, and can be written to."""
    for path in [root, *(root / name for name in (*KEPT_BY_DVC, ".dvc", ".alexvgg", "profiles"))]:
        if path.exists() and not path.is_dir():
            yield Diagnosis("problem", "project", f"{path} is a file where a folder belongs; move it away")
        elif path.is_dir() and (why := unwritable(path)):
            yield Diagnosis(
                "problem",
                "project",
                f"{path} cannot be written to ({why}); see whose it is: `ls -ld {shlex.quote(str(path))}`",
            )


def cache(folder: Path) -> Iterator[Diagnosis]:
    """Whether DVC's cache can be used."""
    if folder.is_symlink() and not folder.exists():
        yield Diagnosis(
            "problem",
            "cache",
            f"{folder} is a link to {folder.readlink()}, which does not exist; mount that disk, or "
            f"`rm {shlex.quote(str(folder))}`",
        )
    elif folder.exists() and not folder.is_dir():
        yield Diagnosis("problem", "cache", f"{folder} is no folder; move it away")
    elif folder.is_dir() and (why := unwritable(folder)):
        yield Diagnosis("problem", "cache", f"{folder} cannot be written to ({why}); use another one: `{MOVED}`")
    elif not folder.exists() and folder.parts[-2:] != (".dvc", "cache"):
        yield Diagnosis("note", "cache", f"{folder} does not exist yet; if it is on a disk, see that it is mounted")


def unknown_files() -> Iterator[Diagnosis]:
    """Source files that experiments, which run in copies that git makes, would lack."""
    names = [name for name in git.unknown("src", "stages") if name.endswith((".py", ".j2"))]
    if names:
        text = (
            f"git does not know {len(names)} source file{'s' if len(names) > 1 else ''}; "
            f"`git add -N {shlex.join(names)}` before `dvc exp run --queue` or `--temp`, which run in a copy"
        )
        yield Diagnosis("note", "project", text)


def unwritable(folder: Path) -> str:
    """Why nothing can be written in a folder; empty if something can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _is_repository(folder: Path) -> bool:
    return (folder / ".git").is_file() or (folder / ".git/HEAD").is_file()
