"""The whole pipeline with real DVC on a tiny profile, in a copy of the project whose path has a space."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import uuid
from pathlib import Path

import psutil
import pytest
from ruamel.yaml import YAML

from alexvgg.pipeline import profiles
from conftest import ROOT
from project import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    made = Project(tmp_path_factory.mktemp("a project") / "alexvgg")
    made.add_small_network()
    params = YAML(typ="safe", pure=True).load(ROOT / "profiles" / "quickstart.yaml")
    params["profile"] = "tiny"
    params["preprocess"]["val_fraction"] = 0.9  # 143 images are left to train with
    params["training"]["epochs"] = 1
    params["models"] = {
        "small": {"architecture": "small", "crop": 16, "learning_rate": 1e-4},
        "alexnet": {"architecture": "alexnet", "crop": 67, "learning_rate": 1e-3},
    }
    made.params = params
    made.commit("start")
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
    assert [row["model"] for row in results["table"]] == ["small", "alexnet"]
    assert "Traceback" not in project.log
    assert "epoch 1/1" in project.log
    runs = mlflow_runs(project)
    assert [(run.info.run_name, run.info.status) for run in runs] == [
        ("alexnet-0", "FINISHED"),
        ("small-0", "FINISHED"),
    ]
    metrics = results["rows"][0]
    for name in ("loss", "val_acc", "train_acc", "test_acc", "test_top5"):
        assert runs[1].data.metrics[name] == metrics[name]
    by_class = json.loads(
        next(project.folder.glob(f"mlruns/*/{runs[1].info.run_id}/**/accuracy_by_class.json")).read_text()
    )
    assert len(by_class) == 10 and not any(name.startswith("by_class") for name in runs[1].data.metrics)
    project.commit("results")
    tracked = project.run("git", "ls-files").split()
    assert sorted(name.split("/")[2] for name in tracked if name.startswith("reports/tiny/metrics/")) == ["metrics"] * 2
    kept_by_dvc = ("weights/", "rows/", "data/", "reports/tiny/index.html", "reports/tiny/slides.pptx")
    assert not [name for name in tracked if name.startswith(kept_by_dvc)]
    assert len(list((project.folder / "reports/tiny").iterdir())) <= 12


def test_one_row_can_be_made_and_shown_by_itself(project):
    targets = project.alexvgg("targets", "small").split()
    made = project.dvc("repro", "--dry", "--force", *targets)
    assert "'evaluate@small-0'" in made
    assert "alexnet" not in made
    assert "report" not in made
    assert project.alexvgg("targets").split() == []  # all of them
    assert "there are: small, alexnet" in project.alexvgg("targets", "smal", code=2)
    shown = project.alexvgg("show", "small")
    assert "small" in shown
    assert "alexnet" not in shown


def test_what_dvc_shows(project):
    shown = project.dvc("metrics", "show", "--md").strip().splitlines()
    assert len(shown) == 2 + 2  # headings and a row a model
    assert shown[0].count("|") - 1 <= 12
    plots = json.loads(project.dvc("plots", "show", "--json"))["data"]
    assert set(plots) == {"loss", "accuracy", "accuracy by class"}
    for name, colored in (("loss", "model"), ("accuracy", "model"), ("accuracy by class", "model")):
        [plot] = plots[name]
        content = plot["content"]
        assert content["encoding"]["color"]["field"] == colored
        assert {point["model"] for point in content["data"]["values"]} == {"small", "alexnet"}
    assert {point["split"] for point in plots["loss"][0]["content"]["data"]["values"]} == {"train", "val"}


def test_compare_shows_what_differs_from_a_commit(project):
    original = project.params
    changed = project.params
    changed["models"]["small"]["learning_rate"] = 0.5
    project.params = changed
    try:
        shown = project.alexvgg("compare")
    finally:
        project.params = original
    assert [line.split() for line in shown.splitlines()] == [
        ["HEAD", "workspace"],
        ["models.small.learning_rate", "0.0001", "0.5"],
    ]
    assert "Nothing differs" in project.alexvgg("compare", "HEAD")
    assert "unknown Git revision 'nope'; name commits" in project.alexvgg("compare", "nope", code=1)


def test_compare_says_on_what_hardware_the_rows_were_trained(project):
    report = project.folder / "reports/tiny/results.json"
    original = report.read_text()
    here = json.loads(original)["rows"][0]["hardware"]
    report.write_text(original.replace(here, "a larger machine"))
    try:
        *_, committed, changed = project.alexvgg("compare").splitlines()
    finally:
        report.write_text(original)
    assert committed.split(maxsplit=1) == ["HEAD", here]
    assert changed.split(maxsplit=1) == ["workspace", "a larger machine"]


def test_again_does_nothing(project):
    assert "Data and pipelines are up to date." in project.dvc("repro")
    assert project.stale() == set()


@pytest.mark.slow
def test_forced_it_gives_the_same_bytes(project):
    """`train` is forced by the tests of interruptions below."""
    before = project.outputs()
    stages = ("check", "download", "preprocess", "evaluate@alexnet-0", "report")
    project.dvc("repro", "--force", "--single-item", *stages)
    assert project.outputs() == before


PER_MODEL = {"train@small-0", "train@alexnet-0"}
EVALUATIONS = {"evaluate@small-0", "evaluate@alexnet-0"}

# What is edited → the stages whose own dependencies changed. What follows them runs if their outputs change.
PARAMETERS = {
    "models.small.learning_rate": (0.5, {"train@small-0", "report"}),
    "models.small.crop": (17, {"train@small-0", "report"}),
    "models.alexnet.options": ({"dropout": 0.1}, {"train@alexnet-0", "report"}),
    "models.small.architecture": ("vgg_a", {"train@small-0", "report"}),
    "training.epochs": (2, PER_MODEL),
    "training.flip": ("random", PER_MODEL),
    "evaluation.batch_size": (99, EVALUATIONS),
    "preprocess.split_seed": (5, {"preprocess"}),
    "preprocess.resize": (300, {"preprocess"}),
    "data.sha256": (["0" * 64], {"download", "preprocess"}),
}
# Each source file → the stages whose results it can change. Those in no list change none; networks come by model.
SOURCES = {
    "stages/download.py": {"download"},
    "stages/preprocess.py": {"preprocess"},
    "stages/networks.py": {"networks"},
    "stages/train.py": {"train"},
    "stages/evaluate.py": {"evaluate"},
    "stages/report.py": {"report"},
    "src/alexvgg/augmentation/crops.py": {"train", "evaluate"},
    "src/alexvgg/augmentation/flips.py": {"train"},
    "src/alexvgg/augmentation/mixing.py": {"train"},
    "src/alexvgg/augmentation/geometry.py": {"preprocess", "train", "evaluate", "report"},
    "src/alexvgg/data/aligned.py": {"preprocess", "networks", "train", "evaluate", "report"},
    "src/alexvgg/data/arrays.py": {"preprocess", "networks", "train", "evaluate", "report"},
    "src/alexvgg/data/dataset.py": {"download", "preprocess", "networks", "train", "evaluate", "report"},
    "src/alexvgg/data/download.py": {"download", "preprocess"},
    "src/alexvgg/data/source.py": {"download", "preprocess"},
    "src/alexvgg/data/splits.py": {"preprocess"},
    "src/alexvgg/evaluation/by_class.py": {"report"},
    "src/alexvgg/evaluation/cost.py": {"evaluate", "report"},
    "src/alexvgg/evaluation/measures.py": {"evaluate"},
    "src/alexvgg/evaluation/metrics.py": {"train", "evaluate", "report"},
    "src/alexvgg/evaluation/prediction.py": {"train", "evaluate"},
    "src/alexvgg/evaluation/run.py": {"evaluate"},
    "src/alexvgg/networks/architecture.py": {"networks", "train"},
    "src/alexvgg/networks/checking.py": {"networks", "train"},
    "src/alexvgg/networks/catalogue.py": {"networks"},
    "src/alexvgg/networks/counting.py": {"networks", "evaluate", "report"},
    "src/alexvgg/networks/runtime.py": {"networks", "train", "evaluate"},
    "src/alexvgg/training/early_crops.py": {"train"},
    "src/alexvgg/training/optimizer.py": {"train"},
    "src/alexvgg/training/run.py": {"train"},
    "src/alexvgg/training/schedule.py": {"train", "report"},
    "src/alexvgg/training/trainer.py": {"train"},
    "src/alexvgg/reporting/palette.py": {"preprocess", "report"},
    "src/alexvgg/reporting/pictures.py": {"preprocess", "report"},
    **{
        f"src/alexvgg/reporting/presentation/{name}.py": {"report"}
        for name in (
            "bars", "chart", "comparing", "curves", "facts", "master", "material", "network", "samples", "sentences",
            "shapes", "sheet", "style", "tables", "verdicts",
        )
    },
    **{
        f"src/alexvgg/reporting/{name}": {"report"}
        for name in (
            "calibration.py", "charts.py", "comparisons.py", "contents.py", "deck.py", "drawing.py", "effort.py",
            "embedding.py", "figures.py", "likeness.py", "mistakes.py", "page.py", "page.css", "page.html.j2",
            "page.js", "png.py", "results.py", "sections.py", "slide.py", "table.py", "talk.py", "variants.py",
            "vega.py", "volumes.py",
        )
    },
}  # fmt: skip


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
        assert project.stale() == {"check"} | expected
    finally:
        project.params = original


def test_a_source_file_counts_for_exactly_these_stages(project):
    found = {}
    for path in (project.folder / "data/code/stages").iterdir():
        for name in json.loads(path.read_text())["code"]:
            found.setdefault(name, set()).add(path.stem)
    assert found == SOURCES
    for path in (project.folder / "data/code/networks").iterdir():
        assert all(name.startswith("src/alexvgg/networks/") for name in json.loads(path.read_text())["code"])
    source = json.loads((project.folder / "data/code/source.json").read_text())["code"]
    assert set(source) == {f"src/alexvgg/data/{name}.py" for name in ("dataset", "source", "sources/digits")}


@pytest.fixture
def edit(project):
    """Appends to source files, or makes them; afterwards all is as it was."""
    originals = {}

    def append(name: str, text: str = "# edited\n") -> None:
        path = project.folder / name
        originals.setdefault(path, path.read_bytes() if path.exists() else None)
        path.write_bytes((originals[path] or b"") + text.encode())

    yield append
    for path, content in originals.items():
        path.unlink() if content is None else path.write_bytes(content)
    project.dvc("repro", "check")
    assert project.stale() == set()


def test_an_edited_source_file_makes_its_stages_stale(project, edit):
    edit("src/alexvgg/augmentation/geometry.py")
    assert project.stale() == {"check"}
    project.dvc("repro", "check")
    assert project.stale() == {"preprocess", "report"} | PER_MODEL | EVALUATIONS  # the deck cuts samples


def test_an_edited_or_new_network_retrains_no_other(project, edit):
    edit("src/alexvgg/networks/small.py")
    edit("src/alexvgg/networks/mine.py", "# a new network\n")
    edit("src/alexvgg/networks/registry.py", "from alexvgg.networks import mine\n")
    project.dvc("repro", "check")
    assert project.stale() == {"train@small-0", "evaluate@small-0", "networks"}


def test_a_new_data_set_makes_nothing_stale(project, edit):
    edit("src/alexvgg/data/sources/mine.py", "# a new data set\n")
    edit("src/alexvgg/data/registry.py", "from alexvgg.data.sources import mine\n")
    edit("src/alexvgg/data/sources/cifar100.py")
    project.dvc("repro", "check")
    assert project.stale() == set()


def test_an_edit_in_a_neutral_room_makes_nothing_stale(project, edit):
    for room in ("checkpoints/store", "cli/main", "params/schema", "pipeline/layout", "rows/summary", "system/files"):
        edit(f"src/alexvgg/{room}.py")
    project.dvc("repro", "check")
    assert project.stale() == set()


def test_a_stage_refuses_code_that_changed_since_it_was_listed(project):
    """As when a file is edited while the pipeline is at an earlier stage."""
    schedules, before = project.folder / "src/alexvgg/training/schedule.py", project.outputs()
    original = schedules.read_bytes()
    schedules.write_bytes(original + b"# edited\n")
    try:
        said = project.dvc(*FORCED, code=255)
    finally:
        schedules.write_bytes(original)
    assert "error: src/alexvgg/training/schedule.py changed since the stage `check` listed the code of" in said
    assert "`dvc checkout train@alexnet-0` brings its earlier result back" in said
    project.dvc("checkout", "train@alexnet-0")
    assert project.outputs() == before


FORCED = ("repro", "--single-item", "--force", "train@alexnet-0")


@pytest.fixture
def eager(project):
    """Checkpoints at every step instead of every 50 seconds."""
    keeper = project.folder / "src/alexvgg/checkpoints/saver.py"
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


@pytest.mark.parametrize(
    "signals",
    [
        (signal.SIGKILL,),
        pytest.param((signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGHUP), marks=pytest.mark.slow),
    ],
    ids=["once", "again and again"],
)
def test_interrupted_a_training_goes_on_to_the_same_bytes(project, eager, signals):
    """First with a tracking server that is down: what it did not get is sent later."""
    before, weights = project.outputs(), project.weights()
    count = len(mlflow_runs(project))
    said = "http://127.0.0.1:9 does not answer"
    project.environment["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"
    for number in signals:
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
    assert project.weights() == weights
    assert project.checkpoints()  # until somebody looks whether DVC has recorded what came of them
    project.alexvgg("finish")
    assert not list(project.folder.glob(".alexvgg/checkpoints/*"))
    runs = mlflow_runs(project)
    assert len(runs) == count + 1  # the interrupted run was gone on with
    assert {run.info.status for run in runs} == {"FINISHED"}


@pytest.mark.slow
def test_a_reader_that_goes_away_costs_no_training(project, eager):
    """As in `dvc repro 2>&1 | head`: DVC ends when it prints again, but what was under way is made."""
    before, weights = project.outputs(), project.weights()
    process = training_under_way(project)
    process.stdout.close()
    process.wait(120)
    assert project.weights() == weights
    said = project.dvc("repro", "--single-item", "train@alexnet-0")
    assert "epoch 1/" not in said  # it is recorded, or its last checkpoint is used
    assert project.outputs() == before
    project.alexvgg("finish")


@pytest.mark.slow  # the failures test the same in a second
def test_what_changes_while_a_stage_runs_is_not_recorded(project, eager):
    before, weights = project.outputs(), project.weights()
    edited = ("params.yaml", "src/alexvgg/training/schedule.py", "src/alexvgg/networks/alexnet.py")
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
    [named] = re.findall(r"error: (.*) changed while train-alexnet-0 ran", output)
    assert set(named.split(", ")) == {"params.yaml: models.alexnet", *edited[1:]}
    assert "goes on from its checkpoint" in project.dvc(*FORCED)  # the edits are undone
    assert project.outputs() == before
    assert project.weights() == weights


@pytest.mark.slow
def test_two_at_once_do_no_harm(project, eager):
    before = project.outputs()
    process = training_under_way(project)
    second = project.dvc(*FORCED, code=255)
    assert "lock" in second.lower() or "busy" in second.lower()
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert project.outputs() == before


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("training", {"epochz": 1}, "did you mean 'epochs'"),
        ("preprocess", {"val_fraction": 2.0}, "preprocess.val_fraction: input should be less than 1, found 2.0"),
        ("evaluation", {"batch_size": "many"}, "evaluation.batch_size: input should be a valid integer, found 'many'"),
        ("models", {"small": None}, "models.small: input should be a valid dictionary"),
    ],
)
def test_a_bad_parameter_anywhere_costs_a_line_and_nothing_else(project, where, value, message):
    original, before, weights = project.params, project.outputs(), project.weights()
    changed = project.params
    changed[where] |= value
    project.params = changed
    try:
        ran, output = project.repro(code=255)
    finally:
        project.params = original
    assert ran == {"check"}
    [line] = [line for line in output.splitlines() if line.startswith("error: ")]
    assert message in line
    assert "Traceback" not in output
    assert project.outputs() == before
    assert project.weights() == weights
    assert project.stale() == set()


def test_a_failed_stage_says_how_to_get_its_earlier_outputs_back(project):
    original, archive = project.params, project.folder / "data/archive"
    before = archive.read_bytes()
    changed = project.params
    changed["data"]["sha256"] = ["0" * 64]
    project.params = changed
    try:
        _, output = project.repro("download", code=255)
    finally:
        project.params = original
    assert "wrong hash" in output
    assert "`dvc checkout download` brings its earlier result back" in output
    assert not archive.exists()
    project.dvc("checkout", "download")
    assert archive.read_bytes() == before
    project.dvc("repro", "check")
    assert project.stale() == set()


def test_runs_that_dvc_restored_are_built_from_its_files(project):
    shutil.rmtree(project.folder / ".alexvgg")
    for path in project.folder.glob("mlflow.db*"):
        path.unlink()
    project.alexvgg("sync")
    runs = mlflow_runs(project)
    assert [run.info.run_name for run in runs] == ["alexnet-0", "small-0"]
    metrics = json.loads((project.folder / "reports/tiny/metrics/alexnet.json").read_text())
    assert runs[0].data.metrics["test_acc"] == metrics["test_acc"]
    assert runs[0].data.metrics["val_loss"] == metrics["val_loss"]


def test_an_interrupted_change_of_profile_is_done_again(tmp_path, monkeypatch):
    """No profile is left with the lock of another, which would be kept as its own."""
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    shutil.copy(ROOT / "profiles/quickstart.yaml", tmp_path / "params.yaml")
    locks = {name: f"schema: '2.0' # {name}\nstages: {{}}\n".encode() for name in ("quickstart", "cpu")}
    for name, content in locks.items():
        (tmp_path / f"profiles/{name}.lock").write_bytes(content)
    (tmp_path / "dvc.lock").write_bytes(locks["quickstart"])
    monkeypatch.chdir(tmp_path)

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(profiles.files, "write_bytes", full)
        profiles.use("cpu")
    profiles.use("cpu")
    assert (tmp_path / "params.yaml").read_bytes() == (ROOT / "profiles/cpu.yaml").read_bytes()
    assert (tmp_path / "dvc.lock").read_bytes() == locks["cpu"]
    assert {name: (tmp_path / f"profiles/{name}.lock").read_bytes() for name in locks} == locks


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
