"""Everything that can go wrong for a user: what the program says, with which exit code, and what it leaves alone.

Each row of FAULTS is a test: the fault is caused in a project that has results, the program is run, and its exit
code, its one line and the earlier results are looked at. docs/reference/failures.md is made from the same rows:
`make failures` (`python tests/test_failures.py`).
"""

import contextlib
import dataclasses
import io
import json
import os
import pickle
import resource
import runpy
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from alexvgg.checkpoints import saver
from alexvgg.checkpoints.snapshot import Snapshot
from alexvgg.checkpoints.store import Checkpoints
from alexvgg.data import download
from alexvgg.data.sources import cifar100
from alexvgg.networks import registry
from alexvgg.params import file
from alexvgg.pipeline import guard, layout
from alexvgg.rows.identity import identify
from alexvgg.system import files, hardware, process
from alexvgg.tracking import recording, sender_process
from conftest import ROOT, cifar_members, write_archive
from web_servers import PAGE, certificate, serving

DOCUMENT = ROOT / "docs" / "reference" / "failures.md"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
CONFLICT = "<<<<<<< HEAD\n{0}=======\n{0}>>>>>>> theirs\n"
NOT_LOST = "then `make repro`: what was computed here is in DVC's cache, nothing is lost"
TRAIN = "train alexnet 0"
EVALUATE = "evaluate alexnet 0"


class World:
    """A small project with results, in which programs run: stages in this process, the rest beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mounts: list[Path] = []
        self.environment: dict[str, str] = {}
        self.limit: int | None = None  # bytes of memory; then a stage runs in a process of its own
        self.isolated = False  # without any installed package
        self.beside = False  # in a process of its own
        self.copied = False  # in the copy of the project in which DVC runs an experiment
        self.servers = contextlib.ExitStack()
        self.later: Callable[[], None] = lambda: None  # what happens while a stage runs
        self.held: list[Checkpoints] = []

    def edit(self, where: str, value: object) -> None:
        """Set a parameter, `where` with dots."""
        path = self.folder / "params.yaml"
        params = section = YAML(typ="safe", pure=True).load(path)
        *parents, last = where.split(".")
        for name in parents:
            section = section[name]
        section[last] = value
        YAML().dump(params, path)

    def write(self, name: str, content: bytes | str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def flip(self, name: str) -> None:
        content = bytearray((self.folder / name).read_bytes())
        content[len(content) // 2] ^= 4
        self.write(name, bytes(content))

    def archive(self, change: Callable[[dict], None] = lambda members: None, accept: bool = True) -> None:
        """Another archive behind the environment variable, and its hash in params.yaml if `accept`."""
        members = cifar_members({"train": 2, "test": 1})
        change(members)
        self.accept(write_archive(self.folder / "other.tar.gz", members), accept)

    def accept(self, path: Path, accept: bool = True) -> None:
        self.environment["ALEXVGG_CIFAR100_ARCHIVE"] = str(path)
        if accept:
            self.edit("data.sha256", [files.sha256(path)])
        self.write("data/archive", path.read_bytes())

    def profile(self, name: str, lock: str) -> None:
        """Another profile, with its lock."""
        params = YAML(typ="safe", pure=True).load(self.folder / "params.yaml")
        (self.folder / "profiles").mkdir(exist_ok=True)
        YAML().dump(params | {"profile": name}, self.folder / "profiles" / f"{name}.yaml")
        self.write(f"profiles/{name}.lock", lock)
        self.write("profiles/test.yaml", (self.folder / "params.yaml").read_bytes())

    def mount(self, name: str, options: str) -> None:
        """A small or read-only disk in place of a folder."""
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
        if os.name != "posix" or subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("only root can mount a small disk")
        self.mounts.append(path)

    def clean(self) -> None:
        while self.mounts:
            subprocess.run(["umount", "-l", str(self.mounts.pop())], check=True)
        while self.held:
            self.held.pop().__exit__()
        self.servers.close()

    def computation(self) -> Path:
        """Where the checkpoints of the training belong."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            settings = file.load(layout.PARAMS)
            identity = identify(settings, "alexnet", 0, layout.inputs("alexnet"))
            return layout.checkpoints(identity.name, identity.key)

    def checkpoint(self, **environment: str) -> None:
        with Checkpoints(self.computation()) as checkpoints:
            checkpoints.save(Snapshot(3, {"variable/0": np.zeros(5)}, {}, hardware.environment() | environment))

    def hold(self) -> None:
        """Be another process that trains the same network."""
        self.held.append(Checkpoints(self.computation()))

    def serve(self, *arguments: object, **options: object) -> str:
        """The address of a server that answers everything in one way."""
        return self.servers.enter_context(serving(*arguments, **options)).address

    def download(self, url: str) -> None:
        """Have the archive come from an address."""
        self.environment.pop("ALEXVGG_CIFAR100_ARCHIVE", None)
        self.edit("data.urls", [url])

    def git(self, *arguments: str, code: int = 0) -> None:
        options = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "core.excludesFile="]
        done = subprocess.run(["git", *options, *arguments], cwd=self.folder, capture_output=True, check=False)
        assert done.returncode == code, done

    def merge(self, name: str) -> None:
        """Leave a merge of two versions of a file unfinished."""
        text = (self.folder / name).read_text()
        self.git("add", name)
        self.git("commit", "-qm", "start")
        for branch in ("theirs", "ours"):
            self.git("checkout", "-q", "-b", branch, *(["HEAD^"] if branch == "ours" else []))
            self.write(name, f"{text}# {branch}\n")
            self.git("commit", "-qam", branch)
        self.git("merge", "-q", "theirs", code=1)

    def newer_database(self) -> None:
        code, errors = self.run("alexvgg sync")
        assert code == 0, errors
        with contextlib.closing(sqlite3.connect(self.folder / "mlflow.db")) as database:
            database.execute("update alembic_version set version_num = 'ffffffffffff'")
            database.commit()
        self.beside = True  # MLflow checks a database once in a process

    def results(self) -> dict[str, bytes]:
        folders = ("reports", "rows", "weights", "data", "profiles")
        paths = [path for name in folders for path in (self.folder / name).rglob("*")]
        paths += [self.folder / name for name in ("dvc.lock", "dvc.yaml")]
        return {str(path): path.read_bytes() for path in paths if path.is_file()}

    def run(self, command: str) -> tuple[int, str]:
        """Exit code and standard error of a stage or of `alexvgg`; of the doctor all that it prints."""
        if self.limit or self.isolated or self.beside or self.copied:
            return self._run_beside(command)
        path, arguments = self.program(command)
        import keras

        keras.utils.clear_session()  # layers are named by their number in a process
        errors, later = io.StringIO(), self.later
        output = errors if command.endswith("doctor") else io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(errors):
            patch.chdir(self.folder)
            patch.syspath_prepend(ROOT / "stages")
            patch.setattr(sys, "argv", [str(path), *arguments])
            patch.setattr(download.time, "sleep", lambda seconds: None)
            patch.setattr(cifar100, "IMAGES", {"train": 200, "test": 100})
            patch.setattr(sender_process, "sending", no_sender)
            patch.setattr(recording, "sending", no_sender)
            patch.setattr(process, "begin_again", lambda root: None)  # it would begin the tests again
            if self.mounts:
                patch.setattr(saver, "EVERY", 0.0)
            check = guard.Guard.check
            patch.setattr(guard.Guard, "check", lambda self: (later(), check(self)))
            for name in ("MLFLOW_TRACKING_URI", "ALEXVGG_CIFAR100_ARCHIVE", *PROXIES, *map(str.lower, PROXIES)):
                patch.delenv(name, raising=False)
            if command.endswith("doctor"):
                patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # to make a database takes seconds
            for name, value in self.environment.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended, contextlib.redirect_stdout(output):
                runpy.run_path(str(path), run_name="__main__")
        return int(ended.value.code or 0), errors.getvalue()

    def program(self, command: str) -> tuple[Path, list[str]]:
        """The file of a stage or of `alexvgg`, and its arguments."""
        program, *arguments = command.split()
        path = ROOT / "src/alexvgg/cli/main.py" if program == "alexvgg" else ROOT / "stages" / f"{program}.py"
        return path, arguments

    def _run_beside(self, command: str) -> tuple[int, str]:
        path, arguments = self.program(command)
        folder = self.folder
        if self.copied:
            folder = self.folder / ".dvc/tmp/exps/copy"
            path = folder / path.relative_to(ROOT)
        flags = ["-S"] if self.isolated else []
        limit = (lambda: resource.setrlimit(resource.RLIMIT_AS, (self.limit, self.limit))) if self.limit else None
        done = subprocess.run(
            [sys.executable, *flags, str(path), *arguments], cwd=folder, text=True,
            capture_output=True, check=False, preexec_fn=limit, env=os.environ | {"DVC_ROOT": str(self.folder)},
        )  # fmt: skip
        return done.returncode, done.stderr


@contextlib.contextmanager
def no_sender(journal: Path, package: Path) -> Iterator[None]:
    yield


@dataclasses.dataclass(frozen=True)
class Fault:
    """`command` after `cause` ends with `code` and says `says` on one line."""

    title: str
    command: str
    code: int
    says: str
    cause: Callable[[World], None]
    slow: bool = False


FAULTS: list[Fault] = []


def fault(title: str, command: str, code: int, says: str, slow: bool = False) -> Callable:
    def register(cause: Callable[[World], None]) -> Callable[[World], None]:
        FAULTS.append(Fault(title, command, code, says, cause, slow))
        return cause

    return register


# Parameters


@fault("`params.yaml` is missing", "report", 2, "does not exist; copy one of profiles/*.yaml to it")
def _(world):
    (world.folder / "params.yaml").unlink()


@fault("`params.yaml` is not YAML", "report", 2, "is not valid YAML: ")
def _(world):
    world.write("params.yaml", "training: {epochs: [1}")


@fault("a misspelt parameter", "report", 2, "unknown key 'epochz'; did you mean 'epochs'?")
def _(world):
    world.edit("training.epochz", 3)


@fault("a parameter of the wrong type", "report", 2, "training.epochs: input should be a valid integer, found 'many'")
def _(world):
    world.edit("training.epochs", "many")


@fault("a crop that is larger than the resized image", "report", 2, "is larger than resize 256; make it at most 256")
def _(world):
    world.edit("preprocess.crop", 300)


@fault(
    "a crop too small for the network", "report", 2, "is too small for alexnet with these options; it needs at least 67"
)
def _(world):
    world.edit("models.alexnet.crop", 60)


@fault("a batch larger than the training data", TRAIN, 2, "batch_size 5000 is larger than the ")
def _(world):
    world.edit("training.batch_size", 5000)


# The archive


@fault(
    "no network",
    "download",
    3,
    "no connection); get it by hand and name it: ALEXVGG_CIFAR100_ARCHIVE=",
)
def _(world):
    del world.environment["ALEXVGG_CIFAR100_ARCHIVE"]


@fault(
    "the host of the archive is unknown", "download", 3, "cannot find the host images.invalid: its name is unknown here"
)
def _(world):
    world.download("http://images.invalid/cifar.tar.gz")


@fault(
    "a certificate that nobody vouches for, as in networks that look into connections",
    "download",
    3,
    "is not trusted here (self-signed certificate); name the authority that signed it (networks that look into "
    "connections have their own): REQUESTS_CA_BUNDLE=/path/to/the/authority.pem",
)
def _(world):
    world.download(world.serve(certificate=certificate(world.folder, 30)))


@fault(
    "a certificate that is out of date",
    "download",
    3,
    "is not valid now (certificate has expired); see whether this machine's clock is right",
)
def _(world):
    expired = certificate(world.folder, -1)
    world.environment["REQUESTS_CA_BUNDLE"] = str(expired)
    world.download(world.serve(certificate=expired))


@fault(
    "a proxy that wants a password",
    "download",
    3,
    " asks for a name and a password (HTTP 407); see HTTPS_PROXY, or go without it: NO_PROXY=images.invalid",
)
def _(world):
    world.environment["HTTPS_PROXY"] = world.serve(b"", 407).replace("://", "://me:wrong@")
    world.download("https://images.invalid/cifar.tar.gz")


@fault(
    "a proxy that is not there",
    "download",
    3,
    "the proxy http://127.0.0.1:9 does not answer (connection refused); see HTTPS_PROXY",
)
def _(world):
    world.environment["HTTPS_PROXY"] = "http://me:secret@127.0.0.1:9"
    world.download("https://images.invalid/cifar.tar.gz")


@fault(
    "a network that wants a login answers with its page",
    "download",
    3,
    "a web page came instead of a file; if your network wants a login, log in with a browser",
)
def _(world):
    world.download(world.serve(PAGE))


@fault(
    "a web page was saved in place of the archive", "download", 3, "this is a web page, not the archive of CIFAR-100"
)
def _(world):
    world.archive(accept=False)
    (world.folder / "other.tar.gz").write_bytes(PAGE)


@fault(
    "the archive that was named by hand is not there",
    "download",
    3,
    "No such file or directory; see what ALEXVGG_CIFAR100_ARCHIVE names",
)
def _(world):
    world.environment["ALEXVGG_CIFAR100_ARCHIVE"] = "/nowhere/cifar.tar.gz"


@fault("another archive than the expected one", "download", 3, "wrong hash: the archive of CIFAR-100 has sha256 ")
def _(world):
    world.edit("data.sha256", ["0" * 64])


@fault(
    "the downloaded archive was damaged on the disk",
    "preprocess",
    3,
    "wrong hash: the archive of CIFAR-100 has sha256 ",
)
def _(world):
    world.flip("data/archive")


@fault("a truncated archive", "preprocess", 3, "damaged archive: ")
def _(world):
    world.archive()
    path = world.folder / "other.tar.gz"
    path.write_bytes(path.read_bytes()[:100_000])
    world.accept(path)


class Gadget:
    def __reduce__(self):
        return (Path.touch, (Path("gadget-ran"),))


@fault("a pickle that would run code", "preprocess", 3, "which CIFAR-100 does not need; not opened")
def _(world):
    world.archive(lambda members: members.update(train=pickle.dumps(Gadget(), protocol=2)))


@fault(
    "an archive with members that lead out of its folder",
    "preprocess",
    3,
    "not the CIFAR-100 archive (Python version): it has no cifar-100-python/",
)
def _(world):
    path = write_archive(world.folder / "other.tar.gz", cifar_members({"train": 2, "test": 1}), "../cifar-100-python/")
    world.accept(path)


@fault(
    "an archive with absolute paths",
    "preprocess",
    3,
    "not the CIFAR-100 archive (Python version): it has no cifar-100-python/",
)
def _(world):
    path = write_archive(world.folder / "other.tar.gz", cifar_members({"train": 2, "test": 1}), "/cifar-100-python/")
    world.accept(path)


@fault(
    "an archive with a link in place of a file",
    "preprocess",
    3,
    "cifar-100-python/train in the archive is not a plain file",
)
def _(world):
    path = world.folder / "other.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("cifar-100-python/train")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    world.accept(path)


@fault("an archive whose member is far too large", "preprocess", 3, "bytes, more than the 100,000 allowed")
def _(world):
    world.archive(lambda members: members.update(meta=b"\0" * 200_000))


@fault("another number of classes", "preprocess", 3, "different classes, CIFAR-100 has 100")
def _(world):
    world.archive(lambda members: members["meta"].update({b"fine_label_names": [b"%d" % i for i in range(99)]}))


@fault("a class that is named twice", "preprocess", 3, "the archive names 99 different classes, CIFAR-100 has 100")
def _(world):
    names = [b"%d" % i for i in range(99)] + [b"0"]
    world.archive(lambda members: members["meta"].update({b"fine_label_names": names}))


@fault("labels that do not fill the classes evenly", "preprocess", 3, "images a class, not 2")
def _(world):
    world.archive(lambda members: members["train"][b"fine_labels"].__setitem__(0, 1))


# What the pipeline made


@fault(
    "an array that was damaged on the disk",
    TRAIN,
    3,
    "data/train.npy is damaged (its sha256 is not the one in data/description.json); run `dvc checkout`",
)
def _(world):
    world.flip("data/train.npy")


@fault("a damaged description of the arrays", TRAIN, 3, "data/description.json is damaged ")
def _(world):
    text = (world.folder / "data/description.json").read_text()
    world.write("data/description.json", text.replace('"side": 32', '"side": 33'))


@fault(
    "weights that were damaged on the disk",
    EVALUATE,
    3,
    "is damaged, or not of this training (its sha256 is not the summary's); run `dvc checkout`",
)
def _(world):
    world.flip("weights/test/alexnet-0.weights.h5")


@fault("weights that are gone", EVALUATE, 3, "weights/test/alexnet-0.weights.h5 does not exist; run `dvc checkout`")
def _(world):
    (world.folder / "weights/test/alexnet-0.weights.h5").unlink()


@fault("a damaged row", "report", 3, "rows/test/alexnet-0/evaluation.json is damaged ")
def _(world):
    world.write("rows/test/alexnet-0/evaluation.json", '{"test_loss": 1')


@fault(
    "a row of another version",
    "report",
    3,
    "summary.json is of another version (version: Field required); run `dvc repro`",
)
def _(world):
    path = world.folder / "rows/test/alexnet-0/summary.json"
    world.write("rows/test/alexnet-0/summary.json", path.read_text().replace('"version"', '"release"'))


@fault("a row that is gone", "report", 3, "history.csv does not exist; run `dvc repro`")
def _(world):
    (world.folder / "rows/test/alexnet-0/history.csv").unlink()


@fault(
    "the table of an earlier time is there, and no row",
    "alexvgg show",
    1,
    "no row of profile test is made; run `make repro`, and see what it says",
)
def _(world):
    assert (world.folder / "reports/test/results.md").exists()
    (world.folder / "rows/test/alexnet-0/evaluation.json").unlink()


# Training


@fault("a loss that is not a number", TRAIN, 4, "lower learning_rate, or set gradient_clip_norm")
def _(world):
    world.edit("models.alexnet.learning_rate", 100.0)
    world.edit("training.optimizer", "sgd")
    world.edit("training.gradient_clip_norm", None)


@fault(
    "no checkpoint is whole",
    TRAIN,
    9,
    "is whole (000001: its sha256 is not the manifest's); start again from the beginning: alexvgg checkpoints --discard",
)
def _(world):
    world.checkpoint()
    world.flip(str(next(world.folder.glob(".alexvgg/checkpoints/*/*.checkpoint")).relative_to(world.folder)))


@fault(
    "a checkpoint from another environment",
    TRAIN,
    9,
    "where sums may round differently; go on there, or give up exactness: alexvgg checkpoints --accept",
)
def _(world):
    world.checkpoint(threads="64")


@fault(
    "another process trains the same network",
    TRAIN,
    4,
    "another process is at work on alexnet-0 with the same parameters, code and data; wait for it",
)
def _(world):
    world.hold()


@fault(
    "a parameter was edited while the stage ran",
    "report",
    7,
    "params.yaml: seeds changed while report ran; nothing was written",
)
def _(world):
    world.later = lambda: world.edit("seeds", [0, 1])


@fault(
    "a source file was edited after the stage `check` had read it",
    TRAIN,
    7,
    "src/alexvgg/training/schedule.py changed since the stage `check` listed the code of train-alexnet-0; run `dvc repro`",
)
def _(world):
    lists = json.loads((world.folder / "data/code/stages/train.json").read_text())
    lists["code"]["src/alexvgg/training/schedule.py"] = "0" * 64
    world.write("data/code/stages/train.json", json.dumps(lists))


@fault("a source file is not Python", "check", 6, "train.py is not Python: invalid syntax")
def _(world):
    (world.folder / "stages").unlink()
    shutil.copytree(ROOT / "stages", world.folder / "stages")
    world.write("stages/train.py", "def main(:\n")


@fault("out of memory", TRAIN, 6, "out of memory; lower batch_size, evaluation.batch_size or crop", slow=True)
def _(world):
    world.edit("models.alexnet.crop", 1000)
    world.edit("training.batch_size", 100)
    world.limit = 7 * 10**9


# Networks


def rewritten(world: World, build: Callable) -> None:
    """AlexNet is what `build` makes."""
    patch = world.servers.enter_context(pytest.MonkeyPatch.context())
    written = dataclasses.replace(registry.ARCHITECTURES["alexnet"], function=build)
    patch.setitem(registry.ARCHITECTURES, "alexnet", written)


@fault("a network's `build` returns nothing", "networks", 8, "returns nothing (is a `return` missing?)")
def _(world):
    def build(input_shape, classes, options):
        pass

    rewritten(world, build)


@fault("a network without a layer called `logits`", "networks", 8, "no layer is called `logits`; give that name to")
def _(world):
    def build(input_shape, classes, options):
        import keras

        images = keras.Input(input_shape)
        features = keras.layers.GlobalAveragePooling2D()(images)
        return keras.Model(images, keras.layers.Dense(classes, activation="softmax")(features))

    rewritten(world, build)


# Disks


@fault("the disk is full: archive", "download", 6, "data/archive: No space left on device; check that there is space")
def _(world):
    names = ("data/code/stages/download.json", "data/code/source.json")
    listed = {name: (world.folder / name).read_bytes() for name in names}
    world.mount("data", "size=128k")
    for name, content in listed.items():
        world.write(name, content)


@fault(
    "the disk is full: weights", TRAIN, 6, "alexnet-0.weights.h5: No space left on device; check that there is space"
)
def _(world):
    world.mount("weights", "size=1m")


@fault("the disk is full: journal", TRAIN, 6, "No space left on device; check that there is space", slow=True)
def _(world):
    world.mount(".alexvgg/journals", "size=8k")
    world.write(".alexvgg/journals/other", b"0" * 8192)


@fault("the disk is full: checkpoints (training goes on)", TRAIN, 0, "checkpoint: No space left on device")
def _(world):
    world.mount(".alexvgg/checkpoints", "size=1m")


@fault(
    "a folder that cannot be written to",
    "report",
    6,
    "Read-only file system; check that there is space and that the folder can be written to",
)
def _(world):
    world.mount("reports", "ro")


@fault(
    "a folder of results is a link to another disk",
    "alexvgg check",
    6,
    "DVC cannot keep what is outside of the project's folder; move DVC's cache instead, and the files here become links "
    "into it: `rm weights; mv .dvc/cache /path/on/the/large/disk/dvc; dvc cache dir --local "
    "/path/on/the/large/disk/dvc; dvc config --local cache.type symlink; dvc checkout --relink`",
)
def _(world):
    (world.folder / ".dvc/cache").mkdir()
    disk = world.folder.parent / "large disk"
    (world.folder / "weights").rename(disk)
    (world.folder / "weights").symlink_to(disk)


@fault(
    "a folder of results is a link (the doctor says the same)",
    "alexvgg doctor",
    6,
    "DVC cannot keep what is outside of the project's folder",
)
def _(world):
    (world.folder / "rows/other").symlink_to(world.folder.parent)


@fault(
    "DVC's cache is a link to a disk that is not there",
    "alexvgg doctor",
    6,
    "is a link to /nowhere, which does not exist; mount that disk, or ",
)
def _(world):
    (world.folder / ".dvc/cache").symlink_to("/nowhere")


@fault(
    "DVC's cache cannot be written to",
    "alexvgg doctor",
    6,
    "cannot be written to (Read-only file system); use another one: `dvc cache dir --local /path/on/the/large/disk/dvc`",
)
def _(world):
    world.mount(".dvc/cache", "ro")


@fault(
    "the project came as a ZIP, without git",
    "alexvgg check",
    6,
    "this folder is in no git repository, which DVC needs (it was unpacked from a ZIP?); `git init`, then `git add -A` "
    "and `git commit -m start`, or clone the project instead",
)
def _(world):
    shutil.rmtree(world.folder / ".git")


# What git, DVC and people write


@fault(
    "a merge left conflict markers in `dvc.lock`",
    "alexvgg check",
    3,
    f"dvc.lock has conflict markers (line 7); take one side with `git checkout --theirs dvc.lock` (or --ours), {NOT_LOST}",
)
def _(world):
    world.merge("dvc.lock")


@fault("conflict markers in `dvc.lock` outside of a merge", "alexvgg check", 3, f"(line 1); `rm dvc.lock`, {NOT_LOST}")
def _(world):
    world.write("dvc.lock", CONFLICT.format((world.folder / "dvc.lock").read_text()))


@fault(
    "`dvc.lock` is damaged",
    "alexvgg check",
    3,
    f"dvc.lock is not text (UTF-8); `git checkout HEAD dvc.lock`, {NOT_LOST}",
)
def _(world):
    world.git("add", "dvc.lock")
    world.git("commit", "-qm", "start")
    world.write("dvc.lock", bytes(range(256)))


@fault(
    "`dvc.yaml` is damaged",
    "alexvgg check",
    3,
    "dvc.yaml has conflict markers (line 1); correct it, or bring back what was committed: `git checkout HEAD dvc.yaml`",
)
def _(world):
    world.write("dvc.yaml", CONFLICT.format((world.folder / "dvc.yaml").read_text()))


@fault(
    "DVC's settings are damaged",
    "alexvgg check",
    3,
    ".dvc/config is damaged (config file error: Invalid line ('analytics') (matched as neither section nor keyword) at line "
    "2.); correct it, or bring back what was committed: `git checkout HEAD .dvc/config`",
)
def _(world):
    world.write(".dvc/config", "[core]\nanalytics\n")


@fault(
    "conflict markers in `params.yaml`",
    "alexvgg check",
    2,
    "params.yaml has conflict markers (line 1); correct it, or copy one of profiles/*.yaml to it",
)
def _(world):
    world.write("params.yaml", CONFLICT.format((world.folder / "params.yaml").read_text()))


@fault(
    "the lock of a profile that is to be used is damaged",
    "alexvgg profile other",
    3,
    f"profiles/other.lock is empty; `rm profiles/other.lock`, {NOT_LOST}",
)
def _(world):
    world.profile("other", "")


@fault(
    "`dvc.lock` is damaged when another profile is to be used",
    "alexvgg profile other",
    3,
    f"dvc.lock holds list, not a mapping; `rm dvc.lock`, {NOT_LOST}",
)
def _(world):
    lock = (world.folder / "dvc.lock").read_text()
    world.profile("other", lock)
    world.write("profiles/test.lock", lock)
    world.write("dvc.lock", "- stages\n")


@fault(
    "`dvc.lock` is damaged when DVC's cache is to be cleaned",
    "alexvgg gc",
    3,
    f"dvc.lock is empty; `rm dvc.lock`, {NOT_LOST}",
)
def _(world):
    world.write("dvc.lock", "")


@fault(
    "a damaged row, seen beforehand",
    "alexvgg doctor",
    6,
    "rows/test/alexnet-0/summary.json is damaged (line 1: Expecting ',' delimiter); `make repro` brings it back",
)
def _(world):
    world.write("rows/test/alexnet-0/summary.json", '{"model": 1')


@fault(
    "a file that git does not know is not in the copy in which an experiment runs",
    "check",
    6,
    "src/alexvgg/networks/small.py is not in this experiment's copy of the project, since git does not know it; "
    "`git add -N src/alexvgg/networks/small.py`, then run or queue the experiment again",
)
def _(world):
    copy = world.folder / ".dvc/tmp/exps/copy"
    for folder in (world.folder, copy):
        for name in ("src", "stages"):
            (folder / name).unlink(missing_ok=True)
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(world.folder / name, copy)
    world.write("src/alexvgg/networks/small.py", "")
    world.write(".dvc/tmp/exps/copy/src/alexvgg/networks/registry.py", "from alexvgg.networks import alexnet, small\n")
    world.copied = True


# Tracking


@fault(
    "the tracking server is down",
    "alexvgg sync",
    5,
    "does not answer (no connection); start it, or unset MLFLOW_TRACKING_URI",
)
def _(world):
    world.environment["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"


@fault(
    "the tracking server answers with errors",
    "alexvgg sync",
    5,
    "does not answer (HTTP 500); start it, or unset MLFLOW_TRACKING_URI",
)
def _(world):
    world.environment["MLFLOW_TRACKING_URI"] = world.serve(b"", 500)


@fault(
    "a tracking server with a certificate of its own",
    "alexvgg sync",
    5,
    "name the authority that signed it (networks that look into connections have their own): "
    "MLFLOW_TRACKING_SERVER_CERT_PATH=/path/to/the/authority.pem",
)
def _(world):
    world.environment["MLFLOW_TRACKING_URI"] = world.serve(certificate=certificate(world.folder, 30))


@fault(
    "a tracking server behind a proxy that wants a password",
    "alexvgg sync",
    5,
    " cannot be reached: the proxy http://127.0.0.1:",
)
def _(world):
    world.environment["HTTPS_PROXY"] = world.serve(b"", 407).replace("://", "://me:wrong@")
    world.environment["MLFLOW_TRACKING_URI"] = "https://mlflow.invalid"


@fault(
    "the file of the tracking database is not a database",
    "alexvgg sync",
    5,
    "and `alexvgg sync` makes a new one from the journals and DVC's files",
)
def _(world):
    world.write("mlflow.db", "not a database" * 100)


@fault(
    "the tracking database is from a newer MLflow",
    "alexvgg sync",
    5,
    "was made by another version of MLflow than ",
    slow=True,
)
def _(world):
    world.newer_database()


# Images that a network is asked about


@fault(
    "an image is missing", "alexvgg predict none.png", 3, "none.png does not exist; name an image, a folder, or - for"
)
def _(world):
    pass


@fault(
    "a file that is no image, or a damaged one",
    "alexvgg predict notes.png --model alexnet",
    3,
    "notes.png is not an image that can be read (cannot identify image file); remove it, or save it again",
)
def _(world):
    world.write("notes.png", "of birds")


@fault(
    "an empty file", "alexvgg predict empty.png --model alexnet", 3, "empty.png is empty; remove it, or save it again"
)
def _(world):
    world.write("empty.png", b"")


@fault(
    "the weights are elsewhere",
    "alexvgg predict image.png --model alexnet",
    3,
    "alexnet-0.weights.h5 does not exist; `make repro MODELS=alexnet` trains it, `dvc pull` fetches it",
)
def _(world):
    world.write("image.png", "")
    (world.folder / "weights/test/alexnet-0.weights.h5").unlink()


@fault(
    "no network is registered",
    "alexvgg predict image.png",
    5,
    "`make repro` trains and registers it, `alexvgg sync` registers what is trained already; or name one whose",
)
def _(world):
    world.write("image.png", "")


# Installation


@fault("a dependency is missing", "report", 6, "mlflow is not installed here; run `make setup`")
def _(world):
    world.isolated = True


@fault("lock files of processes that were killed (they are no obstacle)", TRAIN, 0, "", slow=True)
def _(world):
    world.write(f".alexvgg/locks/{world.computation().name}.lock", "12345")
    world.write(".alexvgg/mlflow.lock", "12345")


LOCK = """schema: '2.0'
stages:
  check:
    cmd: python stages/check.py
    outs:
    - path: data/code
"""


@pytest.fixture(scope="module")
def base(tf, tmp_path_factory) -> Path:
    """A project in which every stage has run once."""
    world = World(tmp_path_factory.mktemp("failures") / "a project")
    world.folder.mkdir()
    shutil.copy(ROOT / "dvc.yaml", world.folder)
    for name in ("src", "stages", "requirements.lock"):
        (world.folder / name).symlink_to(ROOT / name)
    world.write(".dvc/config", (ROOT / ".dvc/config").read_bytes())
    world.write("dvc.lock", LOCK)
    world.git("init", "-q", "--template=")
    params = YAML(typ="safe", pure=True).load(ROOT / "profiles" / "cpu.yaml")
    params |= {"profile": "test", "seeds": [0]}
    params["data"]["urls"] = ["http://127.0.0.1:9/cifar-100-python.tar.gz"]
    params["preprocess"]["val_fraction"] = 0.5
    params["training"] |= {"epochs": 1, "batch_size": 25}
    params["models"] = {"alexnet": {"architecture": "alexnet", "crop": 67, "learning_rate": 1e-4}}
    YAML().dump(params, world.folder / "params.yaml")
    world.archive()
    (world.folder / "data/archive").unlink()
    for command in ("check", "download", "preprocess", "networks", TRAIN, EVALUATE, "report"):
        code, errors = world.run(command)
        assert code == 0, errors
    shutil.rmtree(world.folder / ".alexvgg/checkpoints")  # kept until DVC, which is not here, has recorded the results
    return world.folder


def link_or_copy(source: str, target: str) -> None:
    """Weights are large and only ever replaced: a link will do."""
    (os.link if source.endswith(".h5") else shutil.copy)(source, target)


@pytest.fixture
def world(base, tmp_path, monkeypatch) -> Iterator[World]:
    copy = World(tmp_path / "a project")
    shutil.copytree(base, copy.folder, symlinks=True, copy_function=link_or_copy)
    copy.environment["ALEXVGG_CIFAR100_ARCHIVE"] = str(copy.folder / "other.tar.gz")
    monkeypatch.setenv("DVC_ROOT", str(copy.folder))
    yield copy
    copy.clean()


@pytest.mark.parametrize(
    "fault", [pytest.param(f, marks=pytest.mark.slow if f.slow else (), id=f.title) for f in FAULTS]
)
def test_a_fault_is_one_line_an_exit_code_and_no_harm(world, fault):
    fault.cause(world)
    before = world.results()
    code, errors = world.run(fault.command)
    assert code == fault.code, errors
    assert fault.says in errors, errors
    assert "Traceback" not in errors
    lines = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert len(lines) == (1 if code else 0), errors
    if fault.command == "preprocess" and fault.code == 3 and "wrong hash" not in errors:
        assert "get the published archive again" in errors
    assert world.results() == before
    assert not list(world.folder.rglob("*.part*"))
    assert not (world.folder / "gadget-ran").exists()


def test_a_profile_is_the_file_of_its_name_whatever_it_calls_itself(world):
    world.profile("other", lock := LOCK.replace("data/code", "data/elsewhere"))
    for suffix in ("yaml", "lock"):
        (world.folder / f"profiles/other.{suffix}").rename(world.folder / f"profiles/file.{suffix}")
    code, errors = world.run("alexvgg profile file")
    assert code == 0, errors
    assert (world.folder / "params.yaml").read_bytes() == (world.folder / "profiles/file.yaml").read_bytes()
    assert (world.folder / "dvc.lock").read_text() == lock
    assert (world.folder / "profiles/test.lock").read_text() == LOCK  # that of the one before is kept
    code, errors = world.run("alexvgg profile test")
    assert code == 0, errors
    assert (world.folder / "dvc.lock").read_text() == LOCK


def test_a_damaged_lock_is_not_kept(world):
    world.profile("other", LOCK)
    world.write("profiles/test.lock", LOCK)
    world.write("dvc.lock", CONFLICT.format(LOCK))
    code, errors = world.run("alexvgg finish")
    assert code == 3
    assert "dvc.lock has conflict markers (line 1)" in errors
    assert (world.folder / "profiles/test.lock").read_text() == LOCK


def test_a_damaged_kept_lock_is_replaced_by_a_good_one(world):
    world.profile("other", LOCK)
    world.write("profiles/test.lock", CONFLICT.format(LOCK))
    world.environment["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"
    for command in ("profile test", "check", "finish"):
        code, errors = world.run(f"alexvgg {command}")
        assert code == 0, errors
    assert (world.folder / "profiles/test.lock").read_text() == LOCK


def document() -> str:
    """docs/reference/failures.md, from the rows of FAULTS."""
    lines = [
        "# What can go wrong, and what you see",
        "",
        "Each row is a test of `tests/test_failures.py`, from which `make failures` makes this page. In every case the",
        "program leaves earlier results alone. DVC removes a stage's outputs before it runs the stage: then the message",
        "ends with the `dvc checkout` that brings them back. Exit codes: 0 the work goes on, 1 none of the others,",
        "2 parameters, 3 data, 4 training, 5 tracking, 6 machine or installation, 7 something was edited meanwhile,",
        "8 a network, 9 a checkpoint that cannot be used here, 130 an interruption, 137 a kill",
        "([all](command-line.md#exit-codes)).",
        "",
        "| what happened | where | exit code | what is said |",
        "| --- | --- | ---: | --- |",
    ]
    for fault in FAULTS:
        program, *more = fault.command.split()
        where = f"`alexvgg {more[0]}`" if program == "alexvgg" else f"stage `{program}`"
        says = f"… {fault.says.strip()} …" if fault.says else "nothing"
        lines.append(f"| {fault.title} | {where} | {fault.code} | {says.replace('|', '/')} |")
    return "\n".join(lines) + "\n"


def test_the_page_of_failures_is_made_from_these_tests():
    assert len(FAULTS) >= 25
    assert document() == DOCUMENT.read_text(), "run `make failures`"


if __name__ == "__main__":
    DOCUMENT.write_text(document())
