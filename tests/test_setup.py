"""`make setup`, and what `make` does of it every time: in folders that were moved, copied, unpacked, half-made or locked.

Most of it is done with a project of three files and an index of two packages, one of which passes for `uv`.
"""

import base64
import datetime
import hashlib
import http.server
import importlib.util
import json
import os
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import ROOT
from project import Project

OURS = ("Makefile", ".gitattributes", "scripts/setup.sh", "scripts/pip_settings.py")
# What is called by its name. Where `uv` and `git` are there or not is up to the tests.
TOOLS = (
    "basename", "bash", "cat", "cksum", "cp", "df", "dirname", "env", "expand", "find", "grep", "ln", "ls", "make", "mkdir",
    "mv", "readlink", "realpath", "rm", "sed", "sh", "sleep", "tee", "touch", "uname",
)  # fmt: skip
UV = Path(sys.prefix, "bin/uv")
BASE = os.path.realpath(sys.executable)
NASTY = "a b's 한"
BACKEND = '''
"""Builds the editable project as hatchling does, which would have to be fetched."""

import os
import zipfile

FILES = {
    "_editable_impl_alexvgg.pth": os.path.abspath("src"),
    "alexvgg-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: alexvgg\\nVersion: 1.0\\n",
    "alexvgg-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "alexvgg-1.0.dist-info/entry_points.txt": "[console_scripts]\\nalexvgg = alexvgg:main\\n",
}


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(f"{wheel_directory}/alexvgg-1.0-py3-none-any.whl", "w") as wheel:
        for name, content in FILES.items():
            wheel.writestr(name, content)
        wheel.writestr("alexvgg-1.0.dist-info/RECORD", "".join(f"{name},,\\n" for name in FILES))
    return "alexvgg-1.0-py3-none-any.whl"
'''


def make_wheel(folder: Path, name: str, files: dict[str, str], version: str = "1.0") -> str:
    """A wheel of a few files, as the lines that pin it."""
    info = f"{name}-{version}.dist-info"
    tag = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {**files, f"{info}/METADATA": metadata, f"{info}/WHEEL": tag}
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for inside, content in files.items():
            entry = zipfile.ZipInfo(inside)
            entry.external_attr = (0o100755 if "/scripts/" in inside else 0o100644) << 16
            wheel.writestr(entry, content)
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


class Place:
    """A small project in a folder, and a person in front of it."""

    def __init__(self, folder: Path, wheels: Path, environment: dict[str, str]) -> None:
        self.folder, self.wheels, self.environment = folder, wheels, environment

    def run(self, *command: str, code: int = 0, **variables: str) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment | variables, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == code, done.stdout
        return done.stdout

    def make(self, *arguments: str, code: int = 0, **variables: str) -> str:
        return self.run("make", "--no-print-directory", *arguments, code=code, **variables)

    def refusal(self, *arguments: str, **variables: str) -> str:
        """The last line of a `make` that ends with exit code 6, but for make's own."""
        said = self.make(*arguments, code=2, **variables)
        *before, line, last = said.splitlines()
        assert last.startswith("make: *** ") and last.endswith("Error 6"), said
        assert line.startswith("error: "), said
        self.before = before
        return line

    def works(self) -> None:
        """What is installed runs, and finds this folder."""
        assert self.run(".venv/bin/alexvgg") == f"{self.folder}/src/alexvgg/__init__.py tiny 1.0\n"
        assert self.make("setup") == "setup: .venv is ready\n"

    def move(self, name: str) -> None:
        self.folder = self.folder.rename(self.folder.parent / name)

    def make_git(self) -> None:
        self.run("git", "init", "--quiet")


def tools(folder: Path, *more: str | Path) -> Path:
    """A folder for the PATH with TOOLS, and nothing else but what is named."""
    folder.mkdir(exist_ok=True)
    for tool in (*TOOLS, *more):
        (folder / Path(tool).name).symlink_to(shutil.which(tool) or tool)
    return folder


def build(tmp_path: Path) -> Place:
    """Not a git repository yet."""
    wheels, home, folder = tmp_path / "wheels", tmp_path / "home", tmp_path / NASTY / "alexvgg"
    for made in (wheels, home, folder / "scripts", folder / "src/alexvgg"):
        made.mkdir(parents=True)
    for name in OURS:
        shutil.copy(ROOT / name, folder / name)
    tiny = make_wheel(wheels, "tiny", {"tiny.py": 'VERSION = "1.0"\n'})
    uv = make_wheel(wheels, "uv", {"uv-1.0.data/scripts/uv": f'#!/bin/sh\nexec {shlex.quote(str(UV))} "$@"\n'})
    (folder / "requirements.lock").write_text(tiny + uv)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "src/alexvgg/__init__.py").write_text(
        "import tiny\n\n\ndef main():\n    print(__file__, 'tiny', tiny.VERSION)\n"
    )
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n\n'
        '[project]\nname = "alexvgg"\nversion = "1.0"\n'
    )
    environment = {
        "PATH": str(tools(tmp_path / "tools", "git", UV)), "HOME": str(home), "PYTHON": BASE, "LANG": "C.UTF-8",
        "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels.as_uri(),
        "UV_HTTP_RETRIES": "0", "PIP_RETRIES": "1",
    }  # fmt: skip
    return Place(folder, wheels, environment)


@pytest.fixture
def place(tmp_path) -> Place:
    return build(tmp_path)


@pytest.fixture
def cloned(place) -> Place:
    place.make_git()
    return place


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Place:
    """For all tests that need one that is installed: copies of it will do."""
    place = build(tmp_path_factory.mktemp("original"))
    place.make_git()
    place.make("setup")
    return place


@pytest.fixture
def installed(tmp_path, original) -> Place:
    folder = tmp_path / NASTY / "alexvgg"
    shutil.copytree(original.folder, folder, symlinks=True)
    shutil.copytree(original.wheels, tmp_path / "wheels")
    return Place(folder, tmp_path / "wheels", original.environment | {"PIP_FIND_LINKS": (tmp_path / "wheels").as_uri()})


# Moved, copied, half-made


def test_it_is_installed_and_then_nothing_is_done(cloned):
    said = cloned.make("setup").splitlines()
    assert said[0].startswith("setup: new environment in .venv (Python 3.")
    assert said[1:] == [
        "setup: installing the pinned packages (about 3 GB of disk; a few minutes the first time)",
        "setup: .venv is ready",
    ]
    before = (cloned.folder / ".venv/ready").stat().st_mtime_ns
    cloned.works()
    assert (cloned.folder / ".venv/ready").stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["elsewhere", "나의 'project' \"2\" $HOME #1 100%", "-n"])
def test_a_project_may_be_moved(installed, name):
    installed.move(name)
    installed.works()
    shown = "command -v python; command -v alexvgg; python -c 'import alexvgg, sys; print(sys.prefix)'"
    expected = "".join(f"{installed.folder}/.venv{rest}\n" for rest in ("/bin/python", "/bin/alexvgg", ""))
    for shell in ("bash", "sh"):
        assert installed.run(shell, "-c", f". .venv/bin/activate; {shown}") == expected
    assert installed.run("bash", "-c", f"cd src; source ../.venv/bin/activate; {shown}") == expected


def test_a_copy_finds_itself_and_not_the_original(installed, tmp_path):
    shutil.copytree(installed.folder, tmp_path / "copy", symlinks=True)
    installed.folder = tmp_path / "copy"
    installed.works()


def make_old(place: Place) -> None:
    """An environment as setup.sh used to make it: scripts and path file name the project's folder."""
    shutil.rmtree(place.folder / ".venv", ignore_errors=True)
    place.run(str(UV), "venv", "--quiet", "--python", BASE, ".venv")
    links = ("--no-index", "--find-links", str(place.wheels))
    pip = (str(UV), "pip", "install", "--quiet", "--python", ".venv/bin/python", *links)
    place.run(*pip, "-r", "requirements.lock")
    place.run(*pip, "--no-deps", "--no-build-isolation", "-e", ".")
    (place.folder / ".venv/ready").touch()
    assert "/alexvgg/.venv/bin/python" in (place.folder / ".venv/bin/alexvgg").read_text()


@pytest.mark.parametrize("name", ["alexvgg", "elsewhere"])
def test_an_environment_made_before_it_could_be_moved_is_mended_where_it_is(cloned, name):
    make_old(cloned)
    (packages,) = cloned.folder.glob(".venv/lib/*/site-packages")
    (packages / "mine.py").touch()
    shebang = f"#!{cloned.folder}/.venv/bin/python3"  # as pip writes it, in a folder without a space
    (cloned.folder / ".venv/bin/mine").write_text(f"{shebang}\nprint('mine')\n")
    (cloned.folder / ".venv/bin/mine").chmod(0o755)
    cloned.move(name)
    assert cloned.make("setup") == "setup: bringing .venv up to date\nsetup: .venv is ready\n"
    cloned.works()
    assert cloned.run(".venv/bin/mine") == "mine\n"
    assert list(cloned.folder.glob(".venv/lib/*/site-packages/mine.py"))  # what somebody put there stays
    cloned.move("again")
    cloned.works()


@pytest.mark.slow  # two installs
def test_what_uv_shares_with_its_cache_is_not_written_into(installed, tmp_path):
    """Another clone installs from the same cache, and finds itself."""
    other = Place(tmp_path / "other", installed.wheels, installed.environment)
    shutil.copytree(installed.folder, other.folder, ignore=shutil.ignore_patterns(".venv"))
    other.make("setup")
    other.works()
    installed.works()


BROKEN = {
    "of another machine": lambda venv: relink(venv / "bin/python", "/nonexistent/bin/python3.11"),
    "its Python updated": lambda venv: next(venv.glob("lib/*")).rename(venv / "lib/python3.10"),
    "without pyvenv.cfg": lambda venv: (venv / "pyvenv.cfg").unlink(),
    "without anything": lambda venv: (shutil.rmtree(venv), venv.mkdir()),
}


def relink(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(change, id=name, marks=[pytest.mark.slow] * name.startswith("without"))
        for name, change in BROKEN.items()
    ],
)
def test_an_environment_that_does_not_run_is_made_anew(installed, change):
    change(installed.folder / ".venv")
    said = installed.make("setup").splitlines()
    assert said[0].startswith("setup: the .venv here does not run, ")
    assert said[1].startswith("setup: new environment")
    installed.works()


def test_an_environment_that_was_not_finished_is_finished(installed):
    """Also where a package looks as if it were installed."""
    (installed.folder / ".venv/ready").unlink()
    (tiny,) = installed.folder.glob(".venv/lib/*/site-packages/tiny.py")
    tiny.unlink()
    assert installed.make("setup").startswith("setup: .venv was not finished; installing everything again\n")
    installed.works()


@pytest.mark.parametrize(
    "seconds", [0.4, *(pytest.param(one, marks=pytest.mark.slow) for one in (0.1, 0.2, 0.6, 0.8, 1.2))]
)
def test_after_ctrl_c_it_goes_on(cloned, seconds):
    making = subprocess.Popen(
        ["make", "setup"], cwd=cloned.folder, env=cloned.environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    time.sleep(seconds)
    os.killpg(making.pid, signal.SIGINT)
    said, _ = making.communicate()
    assert "error:" not in said, said
    cloned.make("setup")
    cloned.works()


def test_a_second_make_waits_for_the_first(cloned):
    """Of two that are typed in two terminals; a lock that was left by one that is gone is no reason to wait."""
    (cloned.folder / ".alexvgg").mkdir()
    lock = cloned.folder / ".alexvgg/setup.lock"
    with subprocess.Popen(["bash", "-c", "sleep 3; true", "scripts/setup.sh"]) as first:
        lock.symlink_to(str(first.pid))
        said = cloned.make("setup")
        assert f"another `make` installs into .venv (process {first.pid}); waiting for it" in said
        assert first.poll() is not None
    cloned.works()
    (cloned.folder / ".venv/ready").unlink()  # and one that had our own number, in a container that was killed
    assert "waiting" not in cloned.run("bash", "-c", "ln -s $$ .alexvgg/setup.lock; exec bash scripts/setup.sh")
    cloned.works()
    assert not lock.is_symlink()


def test_pinned_versions_that_change_are_installed(installed):
    pinned = make_wheel(installed.wheels, "tiny", {"tiny.py": 'VERSION = "1.1"\n'}, version="1.1")
    lock = installed.folder / "requirements.lock"
    lock.write_text(pinned + lock.read_text().split("\n", 2)[2])
    assert installed.make("setup") == "setup: bringing .venv up to date\nsetup: .venv is ready\n"
    assert installed.run(".venv/bin/alexvgg").endswith("tiny 1.1\n")


def test_an_update_that_cannot_be_fetched_leaves_what_is_there(installed):
    lock = installed.folder / "requirements.lock"
    before = lock.read_text()
    lock.write_text(before.replace("tiny==1.0", "tiny==1.1"))
    assert installed.refusal("setup").startswith("error: the package index lacks a package of requirements.lock")
    lock.write_text(before)
    assert installed.make("setup") == "setup: .venv is ready\n"
    (installed.folder / ".venv/ready").rename(installed.folder / ".venv/updating")  # as Ctrl-C leaves it
    for link in installed.wheels.glob("tiny*"):
        link.rename(link.with_suffix(".away"))
    installed.refusal("setup", UV_NO_CACHE="1")
    assert not (installed.folder / ".venv/ready").exists()


@pytest.mark.slow  # several installs
def test_the_gpu_libraries_come_back_with_a_new_environment(installed):
    """Of that name there is a package without any libraries."""
    name = "tensorflow"
    make_wheel(installed.wheels, name, {"tensorflow.py": ""})
    assert "CUDA" in installed.make("setup", "GPU=1")
    assert installed.make("setup", "GPU=1") == "setup: .venv is ready\n"
    relink(installed.folder / ".venv/bin/python", "/nonexistent/python")
    assert "CUDA" in installed.make("setup")
    installed.works()
    assert installed.make("setup", "GPU=1") == "setup: .venv is ready\n"


@pytest.mark.slow  # several installs
def test_an_environment_on_another_disk(cloned, tmp_path):
    """`.venv` is a link: what is in it can't find the project from where it is, so it is told after a move."""
    (tmp_path / "disk").mkdir()
    (cloned.folder / ".venv").symlink_to(tmp_path / "disk")
    cloned.make("setup")
    cloned.works()
    cloned.move("elsewhere")
    assert cloned.make("setup").startswith("setup: bringing .venv up to date\n")
    cloned.works()


@pytest.mark.slow  # 10 s: pip is made three times
@pytest.mark.parametrize("uv", ["none", "broken"])
def test_without_a_uv_that_works_pip_fetches_it(cloned, uv):
    path = Path(cloned.environment["PATH"]) / "uv"
    path.unlink()
    if uv == "broken":  # as pyenv's, where the version in use has none
        path.write_text("#!/bin/sh\nexit 127\n")
        path.chmod(0o755)
    cloned.make("setup", PIP_USER="1")
    cloned.works()
    cloned.move("elsewhere")
    cloned.works()
    assert "/.venv/" not in "".join(path.read_text() for path in cloned.folder.glob(".venv/bin/pip*"))


# Git


ZIP = "error: this folder is no git repository (a ZIP has none), and DVC needs one; clone the project instead, or make it one: "


@pytest.mark.parametrize("kind", ["place", "installed"])
def test_a_zip_without_git_is_refused_and_the_command_that_is_named_helps(request, kind):
    place = request.getfixturevalue(kind)
    shutil.rmtree(place.folder / ".git", ignore_errors=True)
    before = sorted(place.folder.rglob("*"))
    line = place.refusal("repro")
    assert line.startswith(ZIP) and not place.before
    assert sorted(place.folder.rglob("*")) == before
    names = {f"GIT_{who}_{what}": "test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    place.run("bash", "-c", line.removeprefix(ZIP), **names)
    place.make("setup")


def test_without_git_nothing_is_written(cloned, tmp_path):
    path = tools(tmp_path / "no git", UV)
    line = cloned.refusal("setup", PATH=str(path))
    assert line.startswith("error: git is not installed, and DVC needs it; ")
    assert not cloned.before and not (cloned.folder / ".venv").exists()


def test_a_folder_that_git_does_not_trust(cloned):
    other = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}  # git's own way to test it
    line = cloned.refusal("setup", **other)
    assert line.startswith("error: git refuses this folder, which is somebody else's; if you trust it: git config ")
    assert not cloned.before and not (cloned.folder / ".venv").exists()
    cloned.run("bash", "-c", line.partition("trust it: ")[2])
    cloned.make("setup", **other)


def test_worktrees_submodules_and_folders_of_another_repository_will_do(place, tmp_path):
    """DVC works in all of them. It was tried with `dvc repro` and `dvc exp run`."""
    git = ("git", "-c", "user.name=test", "-c", "user.email=test", "-c", "protocol.file.allow=always")
    place.make_git()
    place.run("git", "add", ".")
    place.run(*git, "commit", "--quiet", "--message", "start")
    place.run("git", "worktree", "add", "--quiet", str(tmp_path / "tree"))
    outer = tmp_path / "outer"
    place.run("git", "init", "--quiet", str(outer))
    place.run(*git, "-C", str(outer), "submodule", "--quiet", "add", str(place.folder), "module")
    shutil.copytree(place.folder, outer / "zip", ignore=shutil.ignore_patterns(".git"))
    for folder in (tmp_path / "tree", outer / "module", outer / "zip"):
        place.folder = folder
        assert place.refusal("repro", PYTHON="/nowhere/python").startswith("error: PYTHON=")  # which comes next
    (outer / ".gitignore").write_text("zip\n")
    assert "the git repository around this folder ignores it" in place.refusal("repro")


def test_a_worktree_whose_repository_has_gone(cloned, tmp_path):
    shutil.rmtree(cloned.folder / ".git")
    (cloned.folder / ".git").write_text("gitdir: /nonexistent/.git/worktrees/tree\n")
    line = cloned.refusal("setup")
    assert line == "error: git does not work here: not a git repository: /nonexistent/.git/worktrees/tree"


@pytest.mark.parametrize("name", ["why?", "a%20copy"])
def test_a_path_that_an_address_would_misread_is_refused(cloned, name):
    cloned.move(name)
    assert "has a ? or a code such as %20" in cloned.refusal("repro")


def test_an_environment_that_links_to_nothing_is_refused(cloned):
    (cloned.folder / ".venv").symlink_to("/nowhere/venv")
    assert ".venv is a link to a folder that is not there; make it, or: rm .venv" in cloned.refusal("repro")


def test_a_repository_that_is_named_for_other_work_does_no_harm(cloned, tmp_path):
    cloned.environment["GIT_DIR"] = str(tmp_path / "nothing")
    cloned.make("setup")


def test_a_colon_in_the_path_is_refused(cloned):
    cloned.move("a:b")
    assert "has a colon" in cloned.refusal("repro")
    assert not cloned.before and not (cloned.folder / ".venv").exists()


def test_windows_line_endings_are_not_checked_out(tmp_path):
    """By a git that would make them."""
    project = Project.whole(tmp_path / "alexvgg")
    for name in OURS:
        shutil.copy(ROOT / name, project.folder / name)
    project.commit("as it is now")
    project.run(
        "git", "clone", "--quiet", "-c", "core.autocrlf=true", "-c", "core.eol=crlf", ".", str(tmp_path / "windows")
    )
    clone = Project.at(tmp_path / "windows")
    assert clone.run("git", "status", "--short") == ""
    names = clone.run("git", "ls-files", "-z").split("\0")[:-1]
    assert len(names) > 100
    for name in names:
        assert (clone.folder / name).read_bytes() == (project.folder / name).read_bytes(), name
    assert [name for name in names if b"\r\n" in (clone.folder / name).read_bytes() and not name.endswith(".png")] == []
    clone.run("bash", "-n", "scripts/setup.sh")
    clone.run("git", "add", "--renormalize", ".")
    assert clone.run("git", "status", "--short") == ""


# Folders, disks, and what is set in somebody's shell


def mounted(place: Place, options: str, target: str, *command: str, code: int = 0) -> str:
    """Run a command where something is mounted on `target`, for it alone."""
    script = f'mount {options} {shlex.quote(target)} && exec "$@"'
    tries = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "x", "/mnt"], capture_output=True
    )
    if tries.returncode:
        pytest.skip("nothing can be mounted here")
    unshared = (shutil.which("unshare") or "", "--user", "--map-root-user", "--mount", "/bin/bash", "-c", script, "-")
    path = f"{place.environment['PATH']}:/usr/sbin:/usr/bin:/sbin:/bin"
    return place.run(*unshared, *command, code=code, PATH=path)


def test_a_read_only_folder_is_refused(cloned):
    folder = shlex.quote(str(cloned.folder))
    said = mounted(
        cloned,
        f"--bind {folder} {folder} && mount -o remount,ro,bind",
        str(cloned.folder),
        "env",
        "-C",
        str(cloned.folder),
        "make",
        "repro",
        code=2,
    )
    assert said.splitlines()[0] == "error: this folder is read-only; clone the project to another one"


def test_a_ready_environment_in_a_read_only_folder_is_used(installed):
    folder = shlex.quote(str(installed.folder))
    assert "ready" in mounted(
        installed,
        f"--bind {folder} {folder} && mount -o remount,ro,bind",
        str(installed.folder),
        "env",
        "-C",
        str(installed.folder),
        "make",
        "setup",
    )


def test_a_disk_without_room_is_refused(cloned, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    copied = f'cp -R "{cloned.folder}/." {disk} && cd {disk} && make setup'
    said = mounted(cloned, "-t tmpfs -o size=100m x", str(disk), "bash", "-c", copied, code=2)
    line = said.splitlines()[0]
    assert line.startswith("error: this disk has ") and line.endswith(
        " MB free, and .venv takes up to 4000 MB; make room"
    )


HOMES = {
    "unset": {"HOME": None, "XDG_CACHE_HOME": "cache"},
    "nowhere": {"HOME": "/proc/nowhere"},
    "no cache": {"XDG_CACHE_HOME": "/proc/nowhere"},
    "no cache of uv": {"UV_CACHE_DIR": "/proc/nowhere"},
    "no folder for temporary files": {"TMPDIR": "/nonexistent"},
    "no room for temporary files": {"TMPDIR": "/proc"},
}


@pytest.mark.slow  # an install each
@pytest.mark.parametrize("variables", HOMES.values(), ids=HOMES)
def test_home_and_folders_that_cannot_be_written_to(cloned, variables):
    for name, value in variables.items():
        cloned.environment.pop(name, None)
        if value is not None:
            cloned.environment[name] = value
    cloned.make("setup")
    cloned.works()


def test_temporary_files_that_may_not_be_run(cloned, tmp_path):
    (tmp_path / "noexec").mkdir()
    cloned.environment["TMPDIR"] = str(tmp_path / "noexec")
    mounted(cloned, "-t tmpfs -o noexec x", str(tmp_path / "noexec"), "make", "setup")
    cloned.works()


def test_a_file_in_the_place_of_the_environment_is_left(cloned):
    (cloned.folder / ".venv").write_text("my-environment\n")  # as pyenv and pipenv have it
    assert ".venv is a file" in cloned.refusal("setup")
    assert (cloned.folder / ".venv").read_text() == "my-environment\n"


def test_what_is_set_in_the_shell_breaks_nothing(cloned, tmp_path):
    (tmp_path / "rc").write_text("echo from BASH_ENV; cd /; exit 3\n")
    (tmp_path / "python").mkdir()
    (tmp_path / "python/os.py").write_text("raise SystemExit('the wrong os')\n")
    (tmp_path / "scripts").mkdir()
    cloned.environment |= {
        "BASH_ENV": str(tmp_path / "rc"), "ENV": str(tmp_path / "rc"), "CDPATH": f"{tmp_path}:.", "GREP_OPTIONS": "-v",
        "PYTHONPATH": str(tmp_path / "python"), "PYTHONHOME": str(tmp_path), "LC_ALL": "C", "VIRTUAL_ENV": "/nowhere",
        "UV_REQUIRE_HASHES": "1", "UV_SYSTEM_PYTHON": "1", "UV_VENV_CLEAR": "1", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    said = cloned.make("setup")
    assert said.startswith("setup: new environment") and "BASH_ENV" not in said
    assert "list the targets" in cloned.make("help")
    del cloned.environment["BASH_ENV"]
    assert cloned.run("bash", "scripts/setup.sh") == ""
    for name in ("PYTHONPATH", "PYTHONHOME", "LC_ALL"):
        del cloned.environment[name]
    cloned.works()


def test_a_python_is_named(cloned, tmp_path):
    named = tmp_path / "my pythons/python3"
    named.parent.mkdir()
    named.symlink_to(BASE)
    cloned.make("setup", f"PYTHON={named}")
    cloned.works()


@pytest.mark.parametrize("version", ["2.7", "3.10", "3.14", None])
def test_a_python_that_will_not_do(cloned, tmp_path, version):
    """Named, or the only one there is."""
    python = tmp_path / "python3"
    if version:
        python.write_text(
            f'#!/bin/sh\nexec {BASE} -c \'import sys; sys.version_info = tuple(map(int, "{version}".split("."))); \'"$3"\n'
        )
        python.chmod(0o755)
    assert cloned.refusal("setup", PYTHON=str(python)).endswith("does not run, or is not Python 3.11, 3.12 or 3.13")
    assert not (cloned.folder / ".venv/bin").exists()
    assert "no Python 3.11, 3.12 or 3.13 on the PATH" in cloned.refusal("setup", PYTHON="")


# make


def test_make_from_a_folder_below_with_several_jobs(cloned):
    below = cloned.folder / "src"
    said = cloned.run("make", "--no-print-directory", "-C", str(below / ".."), "-j4", "setup", "help")
    assert said.count("setup: new environment") == 1
    cloned.works()


def test_a_dry_run_does_nothing(cloned):
    said = cloned.make("repro", MAKEFLAGS="n")
    assert said.splitlines()[0] == "bash scripts/setup.sh" and "-m alexvgg.jobs.repro" in said
    assert not (cloned.folder / ".venv").exists()


# Mirrors, certificates, proxies


class Index(http.server.BaseHTTPRequestHandler):
    """A package index, and a proxy for plain HTTP. Both may want a password."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        name = self.path.partition("/simple/")[2].strip("/")
        wanted = self.server.password and f"Basic {base64.b64encode(self.server.password.encode()).decode()}"
        if wanted and self.headers["Authorization"] != wanted:
            self.send_error(401)
        elif found := [path for path in self.server.wheels.glob("*.whl") if path.name == name]:
            self.answer(found[0].read_bytes(), "application/octet-stream")
        elif found := sorted(path.name for path in self.server.wheels.glob(f"{name}-*.whl")):
            self.answer("".join(f'<a href="../{one}">{one}</a>' for one in found).encode(), "text/html")
        else:
            self.send_error(404)

    do_HEAD = do_GET

    def do_CONNECT(self) -> None:
        self.send_error(407)

    def answer(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if self.command == "GET" else b"")

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def index(wheels: Path, password: str = "", certificate: Path | None = None) -> Iterator[http.server.HTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
    server.asked, server.wheels, server.password = [], wheels, password
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def certificates(tmp_path) -> tuple[Path, Path]:
    """A company's own certificate, and one for localhost that it signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("company", "localhost")]
    now = datetime.datetime.now(datetime.UTC)
    paths = []
    for key, name in zip(keys, names, strict=True):
        made = x509.CertificateBuilder(names[0], name, key.public_key(), x509.random_serial_number())
        made = made.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        made = made.add_extension(x509.BasicConstraints(ca=name == names[0], path_length=None), critical=True)
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        paths.append(tmp_path / f"{len(paths)}.pem")
        paths[-1].write_bytes(private + made.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return paths[0], paths[1]


def configure(place: Place, text: str) -> None:
    """What pip is told, in a file of its own, instead of what the fixture says."""
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        place.environment.pop(name, None)
    path = place.folder.parent / "pip.conf"
    path.write_text(text)
    place.environment |= {
        "PIP_CONFIG_FILE": str(path),
        "PIP_EXTRA_INDEX_URL": "file:///nowhere",
        "UV_INDEX": "file:///nowhere",
    }


@pytest.mark.slow  # several installs
def test_a_mirror_with_a_password_is_used_and_the_password_is_not_shown(cloned):
    with index(cloned.wheels, "me:s3cret") as server:
        configure(cloned, f"[global]\nindex-url = http://me:s3cret@127.0.0.1:{server.server_port}/simple\n")
        assert "s3cret" not in cloned.make("setup")
        cloned.works()
        assert any(path.startswith("/simple/tiny") for path in server.asked)
        shutil.rmtree(cloned.folder / ".venv")
        server.password = "me:another"
        line = cloned.refusal("setup", UV_NO_CACHE="1")
        assert line.startswith("error: the package index wants a name and a password; ")
        assert "s3cret" not in "".join(cloned.before)


@pytest.mark.slow  # several installs
def test_of_two_indexes_the_one_that_has_the_version_is_used(cloned, tmp_path):
    (tmp_path / "more").mkdir()
    make_wheel(tmp_path / "more", "tiny", {"tiny.py": ""}, version="0.9")
    with index(cloned.wheels) as server, index(tmp_path / "more") as more:
        addresses = [f"http://127.0.0.1:{one.server_port}/simple" for one in (server, more)]
        configure(cloned, f"[global]\nindex-url = {addresses[0]}\n")
        del cloned.environment["UV_INDEX"]
        cloned.make("setup", PIP_EXTRA_INDEX_URL=addresses[1])
        cloned.works()
        assert any("tiny" in path for path in more.asked)


@pytest.mark.slow  # several installs
def test_what_is_set_for_uv_itself_wins(cloned):
    with index(cloned.wheels) as server:
        configure(cloned, "[global]\nindex-url = http://127.0.0.1:9/simple\n")
        cloned.make("setup", UV_DEFAULT_INDEX=f"http://127.0.0.1:{server.server_port}/simple")
        cloned.works()


@pytest.mark.slow  # several installs
def test_a_certificate_of_a_company(cloned, certificates):
    company, localhost = certificates
    with index(cloned.wheels, certificate=localhost) as server:
        address = f"[global]\nindex-url = https://localhost:{server.server_port}/simple\n"
        configure(cloned, address)
        line = cloned.refusal("setup")
        assert line.startswith("error: the package index's TLS certificate is not trusted here, ")
        assert any("invalid peer certificate" in one for one in cloned.before)
        (command,) = (part for part in line.split(": ") if part.startswith("SSL_CERT_FILE="))
        cloned.run("bash", "-c", command.partition(",")[0].replace("/path/to/company.pem", shlex.quote(str(company))))
        cloned.works()
        for setting in (f"cert = {company}", "trusted-host = localhost"):
            shutil.rmtree(cloned.folder / ".venv")
            configure(cloned, f"{address}{setting}\n")
            cloned.make("setup", UV_NO_CACHE="1")
            cloned.works()


@pytest.mark.slow  # several installs
def test_a_proxy(cloned):
    with index(cloned.wheels) as server:
        address = "index-url = http://packages.invalid/simple"
        configure(cloned, f"[global]\n{address}\nproxy = 127.0.0.1:{server.server_port}\n")
        cloned.make("setup")
        cloned.works()
        assert any(path.startswith("http://packages.invalid/simple/tiny") for path in server.asked)
        shutil.rmtree(cloned.folder / ".venv")
        configure(cloned, "[global]\nindex-url = https://packages.invalid/simple\n")
        for proxy in (f"http://me:s3cret@127.0.0.1:{server.server_port}", "http://me:s3cret@127.0.0.1:9"):
            line = cloned.refusal("setup", HTTPS_PROXY=proxy)
            assert line.startswith("error: the proxy refuses the connection or is not there; ")
            assert "s3cret" not in "".join(cloned.before)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/simple", "https://packages.invalid/proxy/certificate"])
def test_no_connection(cloned, address):
    configure(cloned, f"[global]\nindex-url = {address}\n")
    assert cloned.refusal("setup").startswith("error: no connection to the package index; ")
    assert any("Failed to fetch" in line for line in cloned.before)


@pytest.mark.slow  # 5 s: pip is made
def test_what_pip_says_is_explained_too(cloned, certificates):
    (Path(cloned.environment["PATH"]) / "uv").unlink()
    company, localhost = certificates
    with index(cloned.wheels, "me:s3cret", certificate=localhost) as server:
        configure(cloned, f"[global]\nindex-url = https://me:wrong@localhost:{server.server_port}/simple\n")
        assert "certificate is not trusted" in cloned.refusal("setup")
        assert "or wants a password" in cloned.refusal("setup", PIP_CERT=str(company))
    assert "no connection" in cloned.refusal("setup")
    assert "wrong" not in "".join(cloned.before)


@pytest.mark.slow  # several installs
def test_a_package_that_the_index_lacks_or_has_changed(cloned):
    (tiny,) = cloned.wheels.glob("tiny*")
    with index(cloned.wheels) as server:
        configure(cloned, f"[global]\nindex-url = http://127.0.0.1:{server.server_port}/simple\n")
        make_wheel(cloned.wheels, "tiny", {"tiny.py": "something else"})
        assert cloned.refusal("setup").startswith("error: the package index has another file than ")
        tiny.unlink()
        assert cloned.refusal("setup").startswith("error: the package index lacks a package of requirements.lock")


# Which setting of pip becomes which variable


def variables(configuration: str, tmp_path: Path, **environment: str) -> dict[str, str]:
    (tmp_path / "pip.conf").write_text(configuration)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "SSL_"))}
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        clean.pop(name, None)
    clean |= {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")} | environment
    clean.pop("XDG_CONFIG_HOME", None)
    script = f'eval "$({shlex.quote(sys.executable)} {shlex.quote(str(ROOT / "scripts/pip_settings.py"))})"; export uv_options; '
    shown = subprocess.run(
        ["bash", "-c", f"{script}{shlex.quote(sys.executable)} -c 'import json, os; print(json.dumps(dict(os.environ)))'"],
        env=clean, capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = json.loads(shown.stdout)
    return {name: value for name, value in said.items() if clean.get(name) != value}


def test_lists_and_sections_and_quotes(tmp_path):
    (tmp_path / "it's").mkdir()
    found = variables(
        f"""
[global]
index-url = https://a/simple
extra-index-url =
    https://b/simple
    https://c/simple?x=1&y="2"
find-links =
    https://d/a,b
    {tmp_path}/it's
    file:///nowhere/links
    /nowhere/links
trusted-host = one
    two:8080
timeout = 100
[install]
index-url = https://me:it's-$ecret@e/simple
no-index = yes
[download]
index-url = https://wrong/simple
""",
        tmp_path,
        PIP_EXTRA_INDEX_URL="",
    )
    assert found["UV_DEFAULT_INDEX"] == "https://me:it's-$ecret@e/simple"
    assert found["UV_INDEX"] == 'https://b/simple https://c/simple?x=1&y="2"'
    assert found["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert found["UV_FIND_LINKS"] == f"https://d/a%2Cb,{tmp_path}/it's"
    assert found["UV_INSECURE_HOST"] == "one two:8080"
    assert found["UV_HTTP_TIMEOUT"] == "100"
    assert found["uv_options"] == "--no-index"


def test_a_variable_comes_before_files(tmp_path):
    text = "[global]\nindex-url = https://file/simple\nproxy = http://file:80\ntimeout = 5\n"
    found = variables(text, tmp_path, PIP_INDEX_URL="https://variable/simple", PIP_PROXY="variable:80")
    assert found["UV_DEFAULT_INDEX"] == "https://variable/simple"
    assert found["HTTPS_PROXY"] == found["HTTP_PROXY"] == "http://variable:80"
    assert "UV_HTTP_TIMEOUT" not in found  # uv waits for longer of its own accord


def test_what_is_set_for_uv_comes_before_what_is_set_for_pip(tmp_path, monkeypatch):
    ours = settings()
    of_pip = {"index-url": "https://a/simple", "extra-index-url": "https://b/simple", "proxy": "c:80"}
    names = {"UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_STRATEGY", "HTTPS_PROXY"}
    for taken, left in (
        (set(), set()),
        ({"UV_DEFAULT_INDEX"}, {"UV_DEFAULT_INDEX"}),
        ({"UV_INDEX_URL"}, {"UV_DEFAULT_INDEX"}),
        ({"UV_EXTRA_INDEX_URL"}, {"UV_INDEX", "UV_INDEX_STRATEGY"}),
        ({"UV_INDEX_STRATEGY"}, {"UV_INDEX_STRATEGY"}),
        ({"ALL_PROXY"}, {"HTTPS_PROXY"}),
        ({"index"}, {"UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_STRATEGY"}),
    ):
        assert names - {name for name, _ in ours.for_uv(of_pip, taken)} == left
    monkeypatch.setenv("UV_CONFIG_FILE", str(tmp_path / "uv.toml"))
    assert "index" not in ours.of_uv()
    (tmp_path / "uv.toml").write_text('[[index]]\nurl = "https://mine/simple"\n[pip]\nno-index = true\n')
    assert {"index", "no-index", "UV_CONFIG_FILE"} <= ours.of_uv()


def test_certificates_of_the_system_are_trusted_where_there_are_any(tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "requests.pem")
    from_here = settings()
    assert dict(from_here.certificates({}, {"UV_NATIVE_TLS"})).get("UV_SYSTEM_CERTS") is None
    from_here.SYSTEM_CERTIFICATES = (str(tmp_path),)
    assert dict(from_here.certificates({}, set()))["UV_SYSTEM_CERTS"] == "true"
    from_here.SYSTEM_CERTIFICATES = ()
    assert ("UV_SYSTEM_CERTS" in dict(from_here.certificates({}, set()))) == (sys.platform == "darwin")
    assert dict(from_here.certificates({"cert": str(tmp_path)}, set()))["SSL_CERT_DIR"] == str(tmp_path)
    assert "SSL_CERT_FILE" not in dict(from_here.certificates({"cert": "mine.pem"}, {"SSL_CERT_FILE"}))
    assert dict(from_here.certificates({}, set()))["SSL_CERT_FILE"].endswith("/requests.pem")


def settings():
    spec = importlib.util.spec_from_file_location("pip_settings", ROOT / "scripts/pip_settings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SAYINGS = {
    "cause: invalid peer certificate: UnknownIssuer": "certificate is not trusted",
    "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]": "certificate is not trusted",
    "cause: tunnel error: failed to create underlying connection": "the proxy refuses",
    "ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 407": "the proxy refuses",
    "(https://proxy.host/certificate/) cause: client error (Connect) cause: dns error": "no connection",
    "Failed to establish a new connection: ERROR: No matching distribution found for uv": "no connection",
    "lack of valid authentication credentials (401 Unauthorized)": "a name and a password",
    "ERROR: 403 Client Error: Forbidden for url: https://host/simple": "a name and a password",
    "failed to write to file: No space left on device (os error 28)": "the disk is full",
    "cause: Hash mismatch for `tiny==1.0`": "has another file",
    "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES": "has another file",
    "Because tiny was not found in the package registry": "lacks a package",
    "error: invalid value for option": "the reason is above",
}


@pytest.mark.parametrize(("said", "meant"), SAYINGS.items())
def test_why_an_install_failed(said, meant):
    assert meant in settings().reason(f"error: Failed to fetch: https://proxy/certificate-403/\n  {said}")


def test_a_python_without_pip_has_no_settings(tmp_path, monkeypatch):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare/bin/python"))
    monkeypatch.setattr(sys, "_base_executable", "/nonexistent/python", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert settings().of_pip() == {}


# The real thing


@pytest.mark.slow  # 60 s, and 3 GB
def test_a_real_clone_is_installed_and_moved(tmp_path):
    project = Project.whole(tmp_path / NASTY / "alexvgg")
    for name in OURS:
        shutil.copy(ROOT / name, project.folder / name)
    project.commit("as it is now")
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONPATH", "VIRTUAL_ENV"):
        project.environment.pop(name, None)
    project.environment["PATH"] = os.environ["PATH"]
    project.run("make", "setup")
    moved = Project.at(project.folder.rename(tmp_path / NASTY / "다른 곳"))
    moved.environment = project.environment
    assert moved.run("make", "--no-print-directory", "setup") == "setup: .venv is ready\n"
    moved.run("make", "help")
    moved.run(".venv/bin/alexvgg", "check")
    moved.run(".venv/bin/dvc", "version")
    assert "1 passed" in moved.run(".venv/bin/python", "-m", "pytest", "-q", "tests/test_house.py", "-k", "module")
    assert moved.run("bash", "-c", "source .venv/bin/activate; command -v dvc") == f"{moved.folder}/.venv/bin/dvc\n"
    assert moved.run("git", "status", "--short") == ""
