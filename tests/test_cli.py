"""The `alexvgg` command, wherever it is typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from test_images import draw


def alexvgg(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")} | variables
    command = [sys.executable, "-m", "alexvgg", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path) -> Path:
    """A project of which only the parameters are looked at."""
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "notes" / "deep").mkdir(parents=True)
    return tmp_path


def test_in_a_subfolder_it_means_the_project_around_it(project):
    deep = project / "notes" / "deep"
    done = alexvgg("targets", "alexnet", folder=deep, DVC_ROOT="/somewhere/else")
    assert done.stdout == "evaluate@alexnet-0\n", done.stderr
    said = alexvgg("doctor", folder=deep, DVC_ROOT=str(ROOT), MLFLOW_TRACKING_URI="").stdout
    assert "ok       tracking" in said
    assert (project / "mlflow.db").exists()  # and not in the subfolder, nor in what a variable names
    assert not list(deep.iterdir())


def test_outside_of_a_project_it_says_so_and_writes_nothing(tmp_path):
    done = alexvgg("show", folder=tmp_path)
    assert done.returncode == 6
    assert done.stderr.startswith(
        f"error: {tmp_path} is in no project: neither it nor a folder above it has a dvc.yaml;"
    )
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_in_a_folder_that_is_gone_it_says_so(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f'rmdir "{gone}"; exec "{sys.executable}" -m alexvgg show'
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(["sh", "-c", command], cwd=gone, env=environment, capture_output=True, text=True)
    assert done.returncode == 6 and done.stderr == "error: this folder is gone; `cd` to the project, and try again\n"


def test_a_pack_can_be_made_anywhere(tmp_path):
    for name in ("a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png", "b/3.png"):
        draw(tmp_path / "pictures" / name, seed=sum(map(ord, name)))
    done = alexvgg("pack", "pictures", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "pictures.tar").exists()
