"""What a machine of a Ray cluster does with a row: a clone of the head's project, and `alexvgg row` in it.

Ray carries this file's functions to the machine as they are, so it imports nothing of the project. Clones and one cache
of DVC's lie in the temporary folder of the machine (TMPDIR); a clone stays while its row is not made, with its
checkpoints.
"""

import getpass
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SERVER = "MLFLOW_TRACKING_URI"
TRAVEL = ".alexvgg/journals-travel"  # a file: nothing is sent from here, the head gets the journals
SAYING = "said"  # (SAYING, text): what the row printed
JOURNAL = "journal"  # (JOURNAL, name, content): the record of a training so far
ENDED = "ended"  # (ENDED, exit code): the last thing
EVERY = 10.0  # seconds between two looks at the journals


def make_row(
    tree: Any, row: str, variables: dict[str, str], asked_to_end: Callable[[], int]
) -> Iterator[tuple[Any, ...]]:
    """Make a row of the tree (`tree.Tree`) with these variables; yields what there is to tell."""
    yield SAYING, f"{row}: on {socket.gethostname()}\n"
    place = _own(Path(tempfile.gettempdir()) / f"alexvgg-{getpass.getuser()}") / tree.name
    clone = place / row
    project = _update(clone, tree, place / "cache")
    if SERVER not in variables:
        (project / TRAVEL).parent.mkdir(exist_ok=True)
        (project / TRAVEL).touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "alexvgg", "row", row, "--attached"],
        cwd=project, env=_environment(project, variables), start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    told, next_look, seen = 0, time.monotonic() + EVERY, dict[Path, int]()
    while process.poll() is None:
        if select.select([process.stdout], [], [], 1.0)[0] and (said := os.read(process.stdout.fileno(), 65536)):
            yield SAYING, said.decode(errors="replace")
        if told < asked_to_end():
            told += 1
            process.send_signal(signal.SIGINT)
        if time.monotonic() > next_look:
            next_look = time.monotonic() + EVERY
            yield from _grown(project, seen)
    yield SAYING, process.stdout.read().decode(errors="replace")
    yield from _grown(project, seen)
    if process.returncode == 0:
        shutil.rmtree(clone)
    yield ENDED, process.returncode


def _own(folder: Path) -> Path:
    """A folder in which nobody else may write, or read the remote's password. Raises OSError if it is somebody's."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise OSError(f"{folder} is somebody else's; set TMPDIR to another folder")
    folder.chmod(0o700)
    return folder


def clean(tree: Any) -> None:
    """Remove from this machine what rows of the tree left, when all are made."""
    shutil.rmtree(Path(tempfile.gettempdir()) / f"alexvgg-{getpass.getuser()}" / tree.name, ignore_errors=True)


def _grown(project: Path, seen: dict[Path, int]) -> Iterator[tuple[Any, ...]]:
    """The journals that are longer than when they were `seen`."""
    for path in sorted(project.glob(".alexvgg/journals/*.jsonl")):
        content = path.read_bytes()
        if seen.get(path) != len(content):
            seen[path] = len(content)
            yield JOURNAL, path.name, content


def _update(clone: Path, tree: Any, cache: Path) -> Path:
    """Make a clone the head's tree; return the project in it. What git does not know, such as checkpoints, stays."""
    clone.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile() as bundle:
        bundle.write(tree.bundle)
        bundle.flush()
        _git(clone, "init", "--quiet")
        _git(clone, "fetch", "--quiet", bundle.name, tree.commit)
    _git(clone, "checkout", "--quiet", "--force", "--detach", tree.commit)
    _git(clone, "clean", "--quiet", "-d", "--force")
    _git(clone, "reset", "--quiet", "--mixed", tree.head)  # what is not committed there is not committed here
    project = clone / tree.folder
    config = project / ".dvc/config.local"
    config.touch(mode=0o600)
    config.write_text(f"{tree.dvc_config}[cache]\ndir = {cache}\n", encoding="utf-8")
    return project


def _git(clone: Path, *arguments: str) -> None:
    try:
        subprocess.run(["git", *arguments], cwd=clone, capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as error:
        raise OSError(f"git {arguments[0]} in {clone}: {' '.join(error.stderr.split())}") from None


def _environment(project: Path, variables: dict[str, str]) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(project / "src")} | variables
