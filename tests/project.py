"""A copy of the project in a folder of its own, with its own git and DVC, to run and to break."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from dvc.repo import Repo
from ruamel.yaml import YAML

from conftest import ROOT

COPIED = ("dvc.yaml", "src", "stages", "profiles", ".dvc/config", ".dvc/plots", ".dvcignore", ".gitignore")


SMALL = '''
"""A network that is trained in a second."""

from alexvgg.networks.architecture import Architecture, Options


class SmallOptions(Options):
    @property
    def min_crop(self) -> int:
        return 8


def build(input_shape, classes, options):
    import keras
    from keras import layers

    from alexvgg.networks import blocks

    inputs = blocks.image_input(input_shape)
    x = layers.Flatten()(blocks.Conv2D(8, 3, strides=2, activation="relu")(inputs))
    x = blocks.Dense(classes, dtype="float32", name="logits")(layers.Dropout(options.dropout)(x))
    return keras.Model(inputs, layers.Activation("softmax", dtype="float32")(x))


ARCHITECTURE = Architecture("Small", SmallOptions, build, input_size=16, classes=10)
'''


class Project:
    """A copy of the project, a git and DVC repository of its own."""

    def __init__(self, folder: Path) -> None:
        for name in COPIED:
            source, target = ROOT / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        self._settle(folder)
        self._begin_history()

    def _begin_history(self) -> None:
        self.run("git", "init", "--quiet")
        self.run("git", "config", "user.email", "test@example.org")
        self.run("git", "config", "user.name", "test")

    def add_small_network(self) -> None:
        """As a user would: a file, and a line in the registry."""
        networks = self.folder / "src/alexvgg/networks"
        (networks / "small.py").write_text(SMALL)
        registry = (networks / "registry.py").read_text()
        registry = registry.replace("import alexnet, ", "import small, alexnet, ")
        registry = registry.replace('    "alexnet":', '    "small": small.ARCHITECTURE,\n    "alexnet":')
        (networks / "registry.py").write_text(registry)

    @classmethod
    def at(cls, folder: Path) -> "Project":
        """One that is there already."""
        project = cls.__new__(cls)
        project._settle(folder)
        return project

    @classmethod
    def whole(cls, folder: Path) -> "Project":
        """All that a person clones, and files that are to be committed, with a history of one commit."""
        ours = ["src", "stages", "tests", "docs", "scripts", "profiles"]
        folder.mkdir(parents=True)
        for which in (["--cached"], ["--others", "--exclude-standard", "--", *ours]):
            listed = subprocess.run(
                ["git", "ls-files", "-z", *which], cwd=ROOT, capture_output=True, text=True, check=True
            )
            for name in filter(None, listed.stdout.split("\0")):
                if (ROOT / name).is_file():
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / name, folder / name)
        project = cls.at(folder)
        project._begin_history()
        project.commit("all")
        return project

    @classmethod
    def clone(cls, project: "Project", folder: Path) -> "Project":
        """A fresh clone of what is committed."""
        project.run("git", "clone", "--quiet", str(project.folder), str(folder))
        made = cls.at(folder)
        made.environment = dict(project.environment)
        return made

    def _settle(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "DVC"))}
        self.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{self.environment['PATH']}"

    def weights(self) -> dict[str, bytes]:
        paths = self.folder.glob("weights/**/*.h5")
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths}

    def run(self, *command: str, code: int = 0) -> str:
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def dvc(self, *command: str, code: int = 0) -> str:
        return self.run(sys.executable, "-m", "dvc", *command, code=code)

    def alexvgg(self, *command: str, code: int = 0) -> str:
        self.environment["PYTHONPATH"] = str(self.folder / "src")
        return self.run(sys.executable, "-m", "alexvgg", *command, code=code)

    @property
    def params(self) -> dict:
        return YAML(typ="safe", pure=True).load(self.folder / "params.yaml")

    @params.setter
    def params(self, value: dict) -> None:
        YAML().dump(value, self.folder / "params.yaml")

    def repro(self, *arguments: str, code: int = 0) -> tuple[set[str], str]:
        """`dvc repro`: the stages that ran, and all that was said."""
        said = self.dvc("repro", *arguments, code=code)
        return set(re.findall(r"^Running stage '([^']+)'", said, re.MULTILINE)), said

    def commit(self, message: str) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "--quiet", "--allow-empty", "-m", message)

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
        paths = [*self.folder.glob("reports/**/*"), *self.folder.glob("rows/**/*"), self.folder / "dvc.lock"]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths if path.is_file()}
