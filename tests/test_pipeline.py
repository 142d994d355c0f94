"""The whole pipeline with real DVC on a tiny profile, in a copy of the project whose path has a space."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
import uuid

import psutil
import pytest
from ruamel.yaml import YAML

from conftest import ROOT
from project import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    made = Project(tmp_path_factory.mktemp("a project") / "alexvgg")
    params = YAML(typ="safe", pure=True).load(ROOT / "profiles" / "quickstart.yaml")
    params["profile"] = "tiny"
    params["preprocess"]["val_fraction"] = 0.9  # 143 images are left to train with
    params["training"]["epochs"] = 1
    params["models"] = {
        "vgg16": {"architecture": "vgg16", "crop": 32, "learning_rate": 1e-4},
        "alexnet": {"architecture": "alexnet", "crop": 67, "learning_rate": 1e-3},
    }
    made.params = params
    made.run("git", "add", "-A")
    made.run("git", "commit", "--quiet", "-m", "start")
    made.log = made.dvc("repro")
    return made


def mlflow_runs(project: Project) -> list:
    import mlflow

    # A copy, since MLflow keeps files open that a test may delete.
    copy = project.folder.parent / f"{uuid.uuid4().hex}.db"
    with sqlite3.connect(project.folder / "mlflow.db") as source, sqlite3.connect(copy) as target:
        source.backup(target)
    client = mlflow.MlflowClient(f"sqlite:///{copy}")
    found = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    return sorted(found, key=lambda run: run.info.run_name)


def test_it_makes_the_table_and_the_runs(project):
    results = json.loads((project.folder / "reports/tiny/results.json").read_text())
    assert [row["model"] for row in results] == ["vgg16", "alexnet"]
    assert "Traceback" not in project.log
    assert "epoch 1/1" in project.log
    runs = mlflow_runs(project)
    assert [(run.info.run_name, run.info.status) for run in runs] == [
        ("alexnet-0", "FINISHED"),
        ("vgg16-0", "FINISHED"),
    ]
    metrics = json.loads((project.folder / "reports/tiny/metrics/vgg16-0.json").read_text())
    for name in ("loss", "val_acc", "train_acc", "test_acc", "test_top5"):
        assert runs[1].data.metrics[name] == metrics[name]
    assert any(name.startswith("by_class/") for name in runs[1].data.metrics)
    assert (project.folder / "reports/tiny/crops.png").exists()
    project.run("git", "add", "-A")
    project.run("git", "commit", "--quiet", "-m", "results")
    tracked = project.run("git", "ls-files")
    assert "crops.png" not in tracked
    assert "weights" not in tracked


def test_one_row_can_be_made_and_shown_by_itself(project):
    targets = project.alexvgg("targets", "vgg16").split()
    made = project.dvc("repro", "--dry", "--force", *targets)
    assert "'evaluate@vgg16-0'" in made
    assert "alexnet" not in made
    assert "report" not in made
    assert project.alexvgg("targets").split() == []  # all of them
    assert "there are: vgg16, alexnet" in project.alexvgg("targets", "vgg61", code=2)
    shown = project.alexvgg("show", "vgg16")
    assert "vgg16" in shown
    assert "alexnet" not in shown


def test_again_does_nothing(project):
    assert "Data and pipelines are up to date." in project.dvc("repro")
    assert project.stale() == set()


def test_forced_it_gives_the_same_bytes(project):
    """`train` is forced by the tests of interruptions below."""
    before = project.outputs()
    stages = ("sources", "download", "preprocess", "evaluate@alexnet-0", "report")
    project.dvc("repro", "--force", "--single-item", *stages)
    assert project.outputs() == before


PER_MODEL = {"train@vgg16-0", "train@alexnet-0"}
EVALUATIONS = {"evaluate@vgg16-0", "evaluate@alexnet-0"}

# What is edited → the stages whose own dependencies changed. What follows them runs if their outputs change.
PARAMETERS = {
    "models.vgg16.learning_rate": (0.5, {"sources", "train@vgg16-0", "report"}),
    "models.vgg16.crop": (33, {"sources", "train@vgg16-0", "report"}),
    "models.alexnet.options": ({"dropout": 0.1}, {"sources", "train@alexnet-0", "report"}),
    "models.vgg16.architecture": ("vgg_a", {"sources", "train@vgg16-0", "report"}),
    "training.epochs": (2, PER_MODEL),
    "training.flip": ("random", PER_MODEL),
    "evaluation.batch_size": (99, PER_MODEL | EVALUATIONS),
    "preprocess.split_seed": (5, {"preprocess"}),
    "preprocess.resize": (300, {"preprocess"}),
    "data.sha256": (["0" * 64], {"download"}),
}
# Each source file → the stages whose results it can change. Those in no list change none; networks come by model.
SOURCES = {
    "stages/download.py": {"download"},
    "stages/preprocess.py": {"preprocess"},
    "stages/published.py": {"published"},
    "stages/train.py": {"train"},
    "stages/evaluate.py": {"evaluate"},
    "stages/report.py": {"report"},
    "src/alexvgg/data/download.py": {"download", "preprocess"},
    "src/alexvgg/data/cifar100.py": {"preprocess"},
    "src/alexvgg/data/digits.py": {"preprocess"},
    "src/alexvgg/data/preprocess.py": {"preprocess"},
    "src/alexvgg/data/aligned.py": {"preprocess", "train", "evaluate", "report"},
    "src/alexvgg/data/arrays.py": {"preprocess", "train", "evaluate", "report"},
    "src/alexvgg/data/dataset.py": {"preprocess", "train", "evaluate", "report"},
    "src/alexvgg/data/pictures.py": {"preprocess"},
    "src/alexvgg/colors.py": {"preprocess", "report"},
    "src/alexvgg/png.py": {"report"},
    "src/alexvgg/geometry.py": {"preprocess", "train", "evaluate"},
    "src/alexvgg/crops.py": {"train", "evaluate"},
    "src/alexvgg/evaluation.py": {"evaluate"},
    "src/alexvgg/prediction.py": {"train", "evaluate"},
    "src/alexvgg/metrics.py": {"train", "evaluate", "report"},
    "src/alexvgg/runtime.py": {"published", "train", "evaluate"},
    "src/alexvgg/measurement.py": {"evaluate"},
    "src/alexvgg/training.py": {"train"},
    "src/alexvgg/experiment.py": {"train"},
    "src/alexvgg/identity.py": {"train"},
    "src/alexvgg/optimizers.py": {"train"},
    "src/alexvgg/schedules.py": {"train"},
    "src/alexvgg/params.py": {"train"},
    "src/alexvgg/anatomy.py": {"published", "train", "evaluate"},
    "src/alexvgg/cost.py": {"evaluate", "report"},
    "src/alexvgg/early_crops.py": {"train"},
    "src/alexvgg/reporting/table.py": {"report"},
    "src/alexvgg/reporting/results.py": {"report"},
    "src/alexvgg/reporting/slide.py": {"report"},
    "src/alexvgg/reporting/figures.py": {"report"},
    "src/alexvgg/reporting/ablations.py": {"report"},
    "src/alexvgg/reporting/contents.py": {"report"},
    "src/alexvgg/reporting/deck.py": {"report"},
    "src/alexvgg/reporting/effort.py": {"report"},
    "src/alexvgg/reporting/talk.py": {"report"},
    "src/alexvgg/reporting/answers.py": {"report"},
    "src/alexvgg/reporting/architecture.py": {"report"},
    "src/alexvgg/reporting/page.py": {"report"},
    "src/alexvgg/reporting/page.html.j2": {"report"},
    "src/alexvgg/reporting/variants.py": {"report"},
}


@pytest.mark.parametrize("where", PARAMETERS)
def test_a_parameter_makes_exactly_these_stages_stale(project, where):
    original = project.params
    changed = project.params
    value, expected = PARAMETERS[where]
    *parents, last = where.split(".")
    section = changed
    for name in parents:
        section = section[name]
    section[last] = value
    project.params = changed
    try:
        assert project.stale() == expected
    finally:
        project.params = original


def test_a_source_file_counts_for_exactly_these_stages(project):
    found = {}
    for path in (project.folder / "data/sources").iterdir():
        for name in json.loads(path.read_text())["sources"]:
            found.setdefault(name, set()).add(path.stem)
    assert found == SOURCES
    for path in (project.folder / "data/networks").iterdir():
        assert all(name.startswith("src/alexvgg/models/") for name in json.loads(path.read_text())["sources"])


def test_an_edited_source_file_makes_its_stages_stale(project):
    geometry = project.folder / "src/alexvgg/geometry.py"
    original = geometry.read_bytes()
    geometry.write_bytes(original + b"# edited\n")
    try:
        assert project.stale() == {"sources"}
        project.dvc("repro", "sources")
        assert project.stale() == {"preprocess"} | PER_MODEL | EVALUATIONS
    finally:
        geometry.write_bytes(original)
        project.dvc("repro", "sources")
    assert project.stale() == set()


def test_an_edited_or_new_network_retrains_no_other(project):
    vgg = project.folder / "src/alexvgg/models/vgg.py"
    original = vgg.read_bytes()
    (project.folder / "src/alexvgg/models/mine.py").write_text("# a new network\n")
    vgg.write_bytes(original + b"# edited\n")
    try:
        project.dvc("repro", "sources")
        assert project.stale() == {"train@vgg16-0", "evaluate@vgg16-0", "published"}
    finally:
        vgg.write_bytes(original)
        (project.folder / "src/alexvgg/models/mine.py").unlink()
        project.dvc("repro", "sources")
    assert project.stale() == set()


def test_a_stage_refuses_sources_that_changed_since_they_were_read(project):
    """As when a file is edited while the pipeline is at an earlier stage."""
    schedules, before = project.folder / "src/alexvgg/schedules.py", project.outputs()
    original = schedules.read_bytes()
    schedules.write_bytes(original + b"# edited\n")
    try:
        said = project.dvc(*FORCED, code=255)
    finally:
        schedules.write_bytes(original)
    assert (
        "error: src/alexvgg/schedules.py changed since the stage `sources` read what train-alexnet-0 is made of" in said
    )
    assert project.outputs() == before


FORCED = ("repro", "--single-item", "--force", "train@alexnet-0")


@pytest.fixture
def eager(project):
    """Checkpoints at every step instead of every 50 seconds."""
    keeper = project.folder / "src/alexvgg/keeper.py"
    original = keeper.read_text()
    assert "EVERY = 50.0" in original
    keeper.write_text(original.replace("EVERY = 50.0", "EVERY = 0.0"))
    yield
    keeper.write_text(original)


def training_under_way(project) -> subprocess.Popen:
    """A forced training that has made a checkpoint."""
    process, earlier = project.start(*FORCED), project.checkpoints()
    deadline = time.monotonic() + 120
    while not project.checkpoints() - earlier and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    assert process.poll() is None, process.communicate()[0]
    return process


def test_interrupted_again_and_again_a_training_goes_on_to_the_same_bytes(project, eager):
    """First with a tracking server that is down: what it did not get is sent later."""
    before, weights = project.outputs(), (project.folder / "weights/tiny/alexnet-0.weights.h5").read_bytes()
    count = len(mlflow_runs(project))
    said = "http://127.0.0.1:9 does not answer"
    project.environment["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
        process = training_under_way(project)
        project.environment.pop("MLFLOW_TRACKING_URI", None)
        if number == signal.SIGTERM:  # to the stage alone: DVC itself would just die
            children = psutil.Process(process.pid).children(recursive=True)
            [stage] = [child for child in children if "stages/train.py" in child.cmdline()]
            stage.send_signal(number)
        else:
            os.killpg(process.pid, number)
        output = process.communicate(timeout=60)[0]
        assert said in output
        assert "Traceback" not in output
        if number != signal.SIGKILL:
            assert "error: interrupted at step" in output
            assert "the same command goes on from there" in output
        said = "goes on from its checkpoint at step"
    assert said in project.dvc(*FORCED)
    assert project.outputs() == before
    assert (project.folder / "weights/tiny/alexnet-0.weights.h5").read_bytes() == weights
    assert not list(project.folder.glob(".alexvgg/checkpoints/*"))
    runs = mlflow_runs(project)
    assert len(runs) == count + 1  # the interrupted run was gone on with
    assert {run.info.status for run in runs} == {"FINISHED"}


@pytest.mark.slow  # the failures test the same in a second
def test_what_changes_while_a_stage_runs_is_not_recorded(project, eager):
    before, weights = project.outputs(), (project.folder / "weights/tiny/alexnet-0.weights.h5").read_bytes()
    edited = ("params.yaml", "src/alexvgg/schedules.py", "src/alexvgg/models/alexnet.py")
    originals = {name: (project.folder / name).read_bytes() for name in edited}
    process = training_under_way(project)
    try:
        for name, content in originals.items():
            (project.folder / name).write_bytes(
                content.replace(b"learning_rate: 0.001", b"learning_rate: 0.002") + b"# edited\n"
            )
        output = process.communicate(timeout=120)[0]
    finally:
        for name, content in originals.items():
            (project.folder / name).write_bytes(content)
    assert process.returncode != 0
    named = "params.yaml: models.alexnet, src/alexvgg/schedules.py, src/alexvgg/models/alexnet.py"
    assert f"error: {named} changed while train-alexnet-0 ran" in output
    assert project.outputs() == before
    assert "goes on from its checkpoint" in project.dvc(*FORCED)  # the edits are undone
    assert project.outputs() == before
    assert (project.folder / "weights/tiny/alexnet-0.weights.h5").read_bytes() == weights


@pytest.mark.slow
def test_two_at_once_do_no_harm(project, eager):
    before = project.outputs()
    process = training_under_way(project)
    second = project.dvc("repro", "--force", "train@alexnet-0", code=255)
    assert "lock" in second.lower() or "busy" in second.lower()
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert project.outputs() == before


@pytest.mark.parametrize(
    ("where", "value", "stage", "message"),
    [
        ("training", {"epochz": 1}, "train@vgg16-0", "did you mean 'epochs'"),
        ("data", {"sha256": ["0" * 64]}, "download", "wrong hash"),
    ],
)
def test_a_failed_stage_leaves_earlier_outputs(project, where, value, stage, message):
    original, before = project.params, project.outputs()
    weights = (project.folder / "weights/tiny/vgg16-0.weights.h5").read_bytes()
    changed = project.params
    changed[where] |= value
    project.params = changed
    try:
        output = project.dvc("repro", "--single-item", "--force", stage, code=255)
    finally:
        project.params = original
    assert message in output
    assert "Traceback" not in output
    assert project.outputs() == before
    assert (project.folder / "weights/tiny/vgg16-0.weights.h5").read_bytes() == weights
    assert project.stale() == set()


def test_runs_that_dvc_restored_are_built_from_its_files(project):
    shutil.rmtree(project.folder / ".alexvgg")
    for path in project.folder.glob("mlflow.db*"):
        path.unlink()
    project.alexvgg("sync")
    runs = mlflow_runs(project)
    assert [run.info.run_name for run in runs] == ["alexnet-0", "vgg16-0"]
    metrics = json.loads((project.folder / "reports/tiny/metrics/alexnet-0.json").read_text())
    assert runs[0].data.metrics["test_acc"] == metrics["test_acc"]
    assert runs[0].data.metrics["val_loss"] == metrics["val_loss"]


def test_profile_command_keeps_edits(project):
    original = (project.folder / "params.yaml").read_bytes()
    assert "edits that are in no profile" in project.alexvgg("profile", "cpu", code=2)
    assert "did you mean 'cpu'" in project.alexvgg("profile", "cpuu", code=2)
    assert (project.folder / "params.yaml").read_bytes() == original
    (project.folder / "params.yaml").unlink()
    project.alexvgg("profile", "cpu")
    assert (project.folder / "params.yaml").read_bytes() == (ROOT / "profiles/cpu.yaml").read_bytes()
    project.alexvgg("profile", "quickstart")
    (project.folder / "params.yaml").write_bytes(original)
