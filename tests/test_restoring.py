"""What was computed is there again: after a change and its undoing, in another profile, clone, or on another machine.

With real DVC on two rows that take seconds. `repro` tells which stages ran.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from ruamel.yaml import YAML

from alexvgg.pipeline import garbage
from alexvgg.system.errors import AlexvggError
from conftest import ROOT
from project import Project

LIGHT = {"check", "report"}  # they are not worth restoring


def tiny(name: str, val_fraction: float) -> dict:
    """The quickstart's data with few images to train with, and a small network as two models."""
    params = YAML(typ="safe", pure=True).load(ROOT / "profiles" / "quickstart.yaml")
    params["profile"] = name
    params["preprocess"]["val_fraction"] = val_fraction
    params["training"]["epochs"] = 1
    model = {"architecture": "small", "crop": 16, "learning_rate": 1e-4}
    params["models"] = {"one": model, "other": model | {"learning_rate": 2e-4}}
    return params


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """A project whose profile `tiny` is made, committed and pushed; `second` is a profile of one row, made, too."""
    made = Project(tmp_path_factory.mktemp("a project") / "alexvgg")
    made.add_small_network()
    made.environment["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"  # nobody there: that is quicker
    for path in (made.folder / "profiles").iterdir():
        path.unlink()
    second = tiny("second", 0.9)
    second["models"].pop("other")
    for params in (tiny("tiny", 0.93), second):
        YAML().dump(params, made.folder / "profiles" / f"{params['profile']}.yaml")
    made.dvc("remote", "add", "--default", "store", str(made.folder.parent / "store"))
    for name in ("second", "tiny"):
        made.alexvgg("profile", name)
        made.dvc("repro")
        made.alexvgg("finish")
        made.dvc("push", "--run-cache")
    made.commit("results")
    return made


@pytest.fixture
def clone(project, tmp_path) -> Project:
    """A fresh clone beside the project, with its remote and nothing in its cache."""
    return Project.clone(project, tmp_path / "a clone")


@pytest.fixture(autouse=True)
def as_it_was(project):
    """Whatever a test does, the project is as it was; the test has seen to it, or this does."""
    before = project.outputs() | project.weights()
    yield
    project.run("git", "checkout", "--quiet", ".")
    project.run("git", "clean", "--quiet", "--force", "--", "profiles", "reports")
    ran, _ = project.repro()
    assert ran <= LIGHT
    assert project.outputs() | project.weights() == before


def of_profile(project: Project, name: str) -> dict[str, bytes]:
    """Its outputs and weights, and the lock."""
    files = project.outputs() | project.weights()
    return {path: content for path, content in files.items() if f"/{name}/" in path or path == "dvc.lock"}


def changed(project: Project, **models: dict | None) -> None:
    """Set, add or remove (None) roster entries."""
    params = project.params
    for name, entry in models.items():
        params["models"].pop(name) if entry is None else params["models"].update({name: entry})
    project.params = params


def test_a_parameter_there_and_back_is_computed_once(project):
    entry = project.params["models"]["other"]
    changed(project, other=entry | {"learning_rate": 3e-4})
    ran, _ = project.repro()
    assert ran == LIGHT | {"train@other-0", "evaluate@other-0"}
    changed(project, other=entry)
    ran, said = project.repro()
    assert ran == LIGHT
    assert "Stage 'train@other-0' is cached - skipping run" in said


@pytest.mark.slow
def test_an_edit_of_code_there_and_back_is_computed_once(project):
    code = project.folder / "src/alexvgg/evaluation/measures.py"
    original = code.read_bytes()
    code.write_bytes(original + b"# edited\n")
    ran, _ = project.repro()
    assert ran == {"check", "evaluate@one-0", "evaluate@other-0"}  # with the same results: no new report
    code.write_bytes(original)
    ran, said = project.repro()
    assert ran == {"check"}
    assert "Stage 'evaluate@one-0' is cached - skipping run" in said


def test_a_profile_there_and_back_is_restored(project):
    before = project.outputs()
    project.alexvgg("profile", "second")
    ran, _ = project.repro()
    assert ran <= LIGHT
    assert [
        row["model"] for row in json.loads((project.folder / "reports/second/results.json").read_text())["table"]
    ] == ["one"]
    project.alexvgg("profile", "tiny")
    ran, _ = project.repro()
    assert ran <= LIGHT
    assert project.outputs() == before


@pytest.mark.slow
def test_another_profile_keeps_its_results_when_garbage_is_collected(project):
    params = project.params
    project.params = {**params, "preprocess": {**params["preprocess"], "split_seed": 7}}
    project.dvc("repro", "preprocess")  # of which nothing is needed any more below
    project.params = params
    project.repro()
    objects = project.folder / ".dvc/cache/files/md5"
    before = len(list(objects.rglob("*/*")))
    project.alexvgg("gc")
    assert len(list(objects.rglob("*/*"))) < before
    project.alexvgg("profile", "second")
    ran, _ = project.repro()
    assert ran <= LIGHT
    project.alexvgg("profile", "tiny")


def test_a_fresh_clone_without_a_lock_trains_nothing(project, clone):
    (clone.folder / "dvc.lock").unlink()
    ran, _ = clone.repro("--pull")
    assert ran == LIGHT
    assert of_profile(clone, "tiny") == of_profile(project, "tiny")


def test_a_fresh_clone_pulls_and_has_nothing_to_do(project, clone):
    clone.dvc("pull")
    ran, said = clone.repro()
    assert ran == set()
    assert "Data and pipelines are up to date." in said
    assert clone.run("git", "status", "--porcelain") == ""
    assert of_profile(clone, "tiny") == of_profile(project, "tiny")


@pytest.mark.parametrize("with_lock", [True, False])
def test_a_fresh_clone_has_the_rows_of_another_profile(clone, with_lock):
    clone.alexvgg("profile", "second")
    if with_lock:
        clone.dvc("pull")
        ran, _ = clone.repro()
    else:
        (clone.folder / "dvc.lock").unlink()
        ran, _ = clone.repro("--pull")
    assert ran <= LIGHT
    assert list(clone.weights()) == ["weights/second/one-0.weights.h5"]


def test_a_report_is_made_without_the_weights(project, clone):
    clone.dvc("pull", *clone.alexvgg("targets", "--report").split())
    assert clone.weights() == {}
    table = clone.folder / "src/alexvgg/reporting/table.py"
    table.write_text(table.read_text().replace('"Val_ACC"', '"Validation"'))
    ran, _ = clone.repro("--allow-missing")
    assert ran == LIGHT
    assert "Validation" in (clone.folder / "reports/tiny/results.md").read_text()
    assert clone.weights() == {}
    cached = {path.parent.name + path.name for path in (clone.folder / ".dvc/cache/files").rglob("*")}
    weights = {hashlib.md5(content).hexdigest() for content in project.weights().values()}
    assert len(weights) == 3 and not weights & cached


@pytest.mark.slow
def test_a_model_that_is_added_and_removed_leaves_the_others_alone_and_comes_back(project):
    mine = {"architecture": "small", "crop": 17, "learning_rate": 1e-4}
    before = project.outputs()
    changed(project, mine=mine)
    ran, _ = project.repro()
    assert ran == LIGHT | {"networks", "train@mine-0", "evaluate@mine-0"}
    with_mine = project.outputs()
    changed(project, mine=None)
    ran, _ = project.repro()
    assert ran <= LIGHT
    assert "mine" not in project.dvc("metrics", "show") + project.alexvgg("show")
    assert not [path for path in project.folder.glob("[rw]*/**/*") if "mine" in path.name]
    assert {**project.outputs(), "dvc.lock": b""} == {**before, "dvc.lock": b""}
    assert "mine" not in project.alexvgg("doctor", code=6)  # 6: there is no requirements.lock
    changed(project, mine=mine)
    ran, _ = project.repro()
    assert ran == LIGHT
    assert project.outputs() == with_mine


BROKEN = {"learning_rate": 100.0, "optimizer": "sgd", "gradient_clip_norm": None, "epochs": 30}


def making(project: Project) -> list[str]:
    """`make repro` with the environment of the tests."""
    shutil.copy(ROOT / "Makefile", project.folder)
    project.environment["PYTHONPATH"] = str(project.folder / "src")
    return ["make", "--no-print-directory", f"BIN={sys.prefix}/bin", "-o", ".venv/ready", "repro"]


def make(project: Project, *arguments: str, code: int = 0) -> str:
    return project.run(*making(project), *arguments, code=code)


def test_one_row_that_fails_leaves_the_others_their_table(project):
    """And its earlier result comes back, by the command that is said, without being computed again."""
    original, before = project.params, project.weights()
    changed(project, one=original["models"]["one"] | BROKEN)
    said = make(project, code=2)
    assert re.search("error: (the loss|val_loss) is (nan|inf)", said)
    assert "`dvc checkout train@one-0` brings its earlier result back" in said
    assert "Stage 'train@other-0' didn't change, skipping" in said
    shown = said[said.index("| Model ") :]
    assert "| other " in shown and "| one " not in shown
    assert "Not made: one-0" in shown
    assert "weights/tiny/one-0.weights.h5" not in project.weights()
    project.dvc("checkout", "train@one-0")
    assert project.weights() == before
    project.params = original
    ran, _ = project.repro()
    assert ran <= LIGHT
    (project.folder / "Makefile").unlink()


def press_ctrl_c(make: subprocess.Popen) -> None:
    os.killpg(make.pid, signal.SIGINT)


def test_where_no_row_was_made_there_is_no_earlier_table(project):
    said = make(project, "JOBS=two", code=2)
    assert "no number from 1 up" in said and "| Model " not in said
    (project.folder / "Makefile").unlink()


@pytest.mark.parametrize(
    ("pressed_at", "press"),
    [
        ("> python stages/train.py", press_ctrl_c),
        ("-0: epoch 3/", press_ctrl_c),
        pytest.param("-0: epoch 3/", subprocess.Popen.terminate, marks=pytest.mark.slow),
    ],
    ids=["imports", "training", "kill"],
)
def test_ctrl_c_ends_make_repro_and_not_only_one_row_of_it(project, pressed_at, press):
    """And so does `kill`, of `make` alone."""
    original = project.params
    long = original["models"]["one"] | {"epochs": 400}
    changed(project, one=long, other=long, third=long)
    command = making(project)
    try:
        with subprocess.Popen(
            command, cwd=project.folder, env=project.environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as run:  # fmt: skip
            said = ""
            for line in run.stdout:
                if pressed_at in line and pressed_at not in said:
                    time.sleep(0.5)  # DVC says what it runs before it does
                    press(run)
                said += line
        assert "Error 130" in said or press is not press_ctrl_c
        assert "the same command goes on from there" in said or "train.py" in pressed_at
        assert pressed_at in said
        assert len(re.findall("Running stage 'train@", said)) < 3  # a second one if the first ended before it was seen
        assert "| Model " not in said  # no table of what was there before
        assert not (project.folder / ".dvc/tmp/rwlock").exists()
    finally:
        project.params = original
        shutil.rmtree(project.folder / ".alexvgg/checkpoints", ignore_errors=True)
        (project.folder / "Makefile").unlink()


@pytest.mark.slow
def test_a_training_that_dvc_did_not_record_is_not_computed_again(project):
    """As when DVC is killed, or the disk is full, while it hashes and caches what a finished training wrote."""
    original = project.params
    changed(project, other=original["models"]["other"] | {"learning_rate": 7e-4})
    project.dvc("repro", "check")
    project.run(sys.executable, "stages/train.py", "other", "0")
    assert project.checkpoints()
    for path in [*project.folder.glob("weights/tiny/other-0*"), *project.folder.glob("rows/tiny/other-0/[sh]*")]:
        path.unlink()  # DVC does that when it begins a stage
    ran, said = project.repro("train@other-0")
    assert ran == {"train@other-0"}
    steps = 100 // project.params["training"]["batch_size"]
    assert f"other-0: goes on from its checkpoint at step {steps} of {steps}" in said
    assert project.checkpoints()
    project.alexvgg("finish")
    assert project.checkpoints() == set()
    project.params = original


def test_the_committed_lock_is_of_the_committed_sources(tmp_path):
    """So that a fresh clone's `make repro` leaves `git status` clean; nothing is trained for this."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(tmp_path / "clone")], check=True, capture_output=True)
    project = Project.at(tmp_path / "clone")
    status = json.loads(project.run(sys.executable, "-m", "dvc", "status", "--json"))
    parts = {kind for changes in status.values() for change in changes if isinstance(change, dict) for kind in change}
    wrong = [
        f"{stage}: {path} {what}"
        for stage, changes in status.items()
        for change in changes
        if isinstance(change, dict)
        for path, what in change.get("changed deps", {}).items()
        if what not in ("deleted", "update with --allow-missing")
    ]
    assert parts <= {"changed outs", "changed deps"}
    assert wrong == [], "run `make repro` and commit what it changed"


def test_garbage_is_not_collected_by_a_lock_without_its_profile(tmp_path):
    (tmp_path / "old.lock").touch()
    with pytest.raises(AlexvggError, match=r"old\.lock has no .*old\.yaml; bring that back, or remove the lock"):
        garbage.collect(ROOT / "dvc.yaml", [tmp_path / "old.lock"])
