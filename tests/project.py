"""A copy of the project in a folder of its own, with its own git and DVC, to run and to break."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from dvc.repo import Repo
from ruamel.yaml import YAML

from conftest import ROOT

COPIED = ("dvc.yaml", "src", "stages", "profiles", ".dvc/config", ".dvcignore", ".gitignore")


class Project:
    """A copy of the project, a git and DVC repository of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            source, target = ROOT / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "DVC"))}
        self.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{self.environment['PATH']}"
        self.run("git", "init", "--quiet")
        self.run("git", "config", "user.email", "test@example.org")
        self.run("git", "config", "user.name", "test")

    def run(self, *command: str, code: int = 0) -> str:
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def dvc(self, *command: str, code: int = 0) -> str:
        return self.run(sys.executable, "-m", "dvc", *command, code=code)

    def alexvgg(self, *command: str, code: int = 0) -> str:
        self.environment["PYTHONPATH"] = str(self.folder / "src")
        return self.run(sys.executable, "-m", "alexvgg.cli", *command, code=code)

    @property
    def params(self) -> dict:
        return YAML(typ="safe", pure=True).load(self.folder / "params.yaml")

    @params.setter
    def params(self, value: dict) -> None:
        YAML().dump(value, self.folder / "params.yaml")

    def start(self, *command: str) -> subprocess.Popen:
        """`dvc`, in a process group of its own, whose output is still to be read."""
        return subprocess.Popen(
            [sys.executable, "-m", "dvc", *command], cwd=self.folder, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def checkpoints(self) -> set[str]:
        return {path.name for path in self.folder.glob(".alexvgg/checkpoints/*/*.sha256")}

    def stale(self) -> set[str]:
        """The stages whose own dependencies differ from dvc.lock."""
        with Repo(str(self.folder)) as repo:
            return {name.rpartition(":")[2] for name in repo.status()}

    def outputs(self) -> dict[str, bytes]:
        paths = [*self.folder.glob("reports/**/*"), self.folder / "dvc.lock"]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths if path.is_file()}
