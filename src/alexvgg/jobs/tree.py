"""The project as it is in the workspace, committed or not, for a clone on another machine."""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from alexvgg.jobs.dvc import Remote
from alexvgg.system import files
from alexvgg.system.errors import EnvironmentProblem

ME = ["-c", "user.name=alexvgg", "-c", "user.email=alexvgg@localhost", "-c", "commit.gpgsign=false"]


@dataclass(frozen=True)
class Tree:
    """`bundle` is git's, and holds `commit`; if that is not `head`, it has what is not committed on top of it.

    `folder` is where the project is in the repository. `dvc_config` are DVC's settings for the clone; `name` tells the
    clones of this project from those of others.
    """

    name: str
    bundle: bytes
    head: str
    commit: str
    folder: str
    dvc_config: str


def of(root: Path, remote: Remote) -> Tree:
    """The tree of the project in `root`. Raises EnvironmentProblem."""
    if _git(root, "rev-parse", "--is-shallow-repository") == "true":
        raise EnvironmentProblem("this clone has no history, which other machines need; `git fetch --unshallow`")
    head = _git(root, "rev-parse", "HEAD")
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(root, "read-tree", "HEAD", **index)
        _git(root, "add", "--all", **index)
        content = _git(root, "write-tree", **index)
        clean = content == _git(root, "rev-parse", "HEAD^{tree}")
        commit = head if clean else _git(root, *ME, "commit-tree", content, "-p", "HEAD", "-m", "workspace")
        bundle, reference = Path(folder) / "bundle", f"refs/alexvgg/{commit}"
        _git(root, "update-ref", reference, commit)
        try:
            _git(root, "bundle", "create", "--quiet", str(bundle), reference)
        finally:
            _git(root, "update-ref", "-d", reference)
        name = files.digest([str(root.resolve()), os.uname().nodename])[:12]
        inside = _git(root, "rev-parse", "--show-prefix")
        return Tree(name, bundle.read_bytes(), head, commit, inside, _dvc_config(remote))


def _dvc_config(remote: Remote) -> str:
    """What `.dvc/config.local` of a clone says: the remote as it is reached from here, passwords too."""
    from configobj import ConfigObj

    config = ConfigObj({"core": {"remote": remote.name}, f'remote "{remote.name}"': remote.settings})
    text = BytesIO()
    config.write(text)
    return text.getvalue().decode()


def _git(root: Path, *arguments: str, **variables: str) -> str:
    result = subprocess.run(
        ["git", *arguments], cwd=root, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise EnvironmentProblem(f"git {arguments[0]}: {' '.join(result.stderr.split())}")
    return result.stdout.strip()
