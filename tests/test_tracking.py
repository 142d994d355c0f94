"""What a journal says is what a real MLflow, on SQLite, holds."""

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import records
from alexvgg.rows import answers, history
from alexvgg.rows.identity import Identity, Inputs
from alexvgg.rows.paths import RowFiles
from alexvgg.rows.row import Row
from alexvgg.system import files
from alexvgg.system.errors import TrackingError
from alexvgg.tracking import connection, monitor, provenance, recording, registration, sync
from alexvgg.tracking import journal as journals
from alexvgg.tracking.journal import Journal
from alexvgg.tracking.relocation import relocate
from alexvgg.tracking.sender import close_if_killed
from alexvgg.tracking.sync import Target, everything
from conftest import ROOT

PACKAGE = ROOT / "src" / "alexvgg"


def start_record(model="alexnet", seed=0, key="k1") -> dict:
    """What `recording.begin` puts into a journal."""
    identity = records.identity(model=model, seed=seed, crop=67, recipe=records.recipe(epochs=2, batch_size=32))
    return {
        "profile": "test",
        **identity.model_dump(),
        "key": key,
        "dataset": {"name": "digits", "digest": "d" * 64, "path": "data/train.npy", "images": {"train": 10}},
        "tags": {"dvc.stage": f"train@{model}-{seed}", "mlflow.source.git.commit": "abc"},
    }


def epoch(number: int, value: float) -> dict:
    names = ("loss", "acc", "val_loss", "val_acc", "learning_rate")
    return {"epoch": number, "crop": 67, **{name: value + i for i, name in enumerate(names)}}


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path / "with space"


@pytest.fixture
def target(root) -> Target:
    root.mkdir()
    return Target(f"sqlite:///{root / 'mlflow.db'}", root, PACKAGE)


@pytest.fixture
def folder(root) -> Path:
    return root / ".alexvgg" / "journals"


def client(root: Path):
    if os.environ.get("MLFLOW_TRACKING_URI", "").startswith("sqlite"):
        del os.environ["MLFLOW_TRACKING_URI"]  # which MLflow has set, for the last one in this process
    return connection.connect(f"sqlite:///{root / 'mlflow.db'}", root / ".alexvgg" / "mlflow.lock")


def runs(root: Path) -> list:
    api = client(root)
    return api.search_runs([experiment.experiment_id for experiment in api.search_experiments()])


def test_what_was_logged_is_read_back(target, root, folder):
    journal = Journal.create(folder, **start_record())
    journal.append("environment", versions={"tensorflow": "2.0"})
    target.send(journal.path)
    journal.append("epoch", **epoch(1, 0.5))
    target.send(journal.path)
    [running] = runs(root)
    assert running.info.status == "RUNNING"
    assert running.data.metrics["loss"] == 0.5
    journal.append("epoch", **epoch(2, 0.25))
    journal.append("step", epoch=3, step=70, loss=0.25, acc=0.5)
    journal.append("system", step=3, values={"cpu_utilization_percentage": 50.0})
    journal.append("end", status="FINISHED", params=123, val_acc=0.5, weights_sha256="", artifacts={"weights": "gone"})
    journal.append("evaluation", metrics={"test_acc": 0.75}, by_class={"cat": 1.0, "dog": 0.5})
    target.register(journal.path)

    [run] = runs(root)
    history = client(root).get_metric_history(run.info.run_id, "val_loss")
    assert [(point.step, point.value) for point in history] == [(1, 2.5), (2, 2.25)]
    assert run.data.metrics["test_acc"] == 0.75
    assert run.data.metrics["system/cpu_utilization_percentage"] == 50.0
    [inside] = client(root).get_metric_history(run.info.run_id, "step/loss")
    assert (inside.step, inside.value) == (70, 0.25)
    assert run.info.run_name == "alexnet-0"
    assert run.info.status == "FINISHED"
    assert run.info.end_time == journals.read(journal.path)[6]["time"]
    assert run.data.params["learning_rate"] == "0.001"
    assert run.data.params["parameters"] == "123"
    assert run.data.tags["dvc.stage"] == "train@alexnet-0"
    assert run.data.tags["mlflow.source.git.commit"] == "abc"
    assert run.data.tags["env.tensorflow"] == "2.0"
    [dataset] = run.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("digits", "d" * 36)
    attached = client(root).download_artifacts(run.info.run_id, "params.json", str(root))
    assert json.loads(Path(attached).read_text())["recipe"]["epochs"] == 2
    attached = client(root).download_artifacts(run.info.run_id, "accuracy_by_class.json", str(root))
    assert json.loads(Path(attached).read_text()) == {"cat": 1.0, "dog": 0.5}
    experiment = client(root).get_experiment(run.info.experiment_id)
    assert experiment.name == "alexvgg-test"
    assert experiment.artifact_location == (root / "mlruns" / "alexvgg-test").as_uri()


@pytest.fixture
def inputs(tmp_path) -> Inputs:
    files.write_json(tmp_path / "description.json", {"source": "digits", "images": {"train": 10, "val": 5}})
    return Inputs(*(tmp_path / f"{field.name}.json" for field in fields(Inputs)))


def written(folder: Path, row: Row) -> RowFiles:
    """The files of a row, without its weights."""
    made = RowFiles(folder / "w.h5", *(folder / name for name in ("summary", "history", "evaluation", "answers")))
    row.summary.write(made.summary)
    history.write(made.history, epochs_of(row))
    row.evaluation.write(made.evaluation)
    answers.write(made.answers, row.answers)
    return made


def epochs_of(row: Row) -> list[history.Epoch]:
    return [
        history.Epoch(**{str(name): value for name, value in line.items()}) for line in row.history.to_dict("records")
    ]


def trained(folder: Path, row: Row, made: RowFiles, inputs: Inputs) -> Journal:
    """The journal of the training of a row, as the training wrote it."""
    journal = recording.begin(folder, "test", row.summary, inputs)
    add = recording.epochs_into(journal)
    for one in epochs_of(row):
        add(one)
    recording.finish(journal, row.summary, made, inputs)
    return journal


def test_epochs_wait_while_the_disk_is_full(folder, inputs, monkeypatch):
    """A training that can save no checkpoint either goes on."""
    row = records.row()
    journal = recording.begin(folder, "test", row.summary, inputs)
    add, append = recording.epochs_into(journal), journal.append
    first, *others = epochs_of(row)

    def full(*_, **__) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal, "append", full)
    add(first)
    monkeypatch.setattr(journal, "append", append)
    for one in others:
        add(one)
    assert [record["epoch"] for record in journals.of_kind(journal.path, "epoch")] == [
        one.epoch for one in epochs_of(row)
    ]


def without_times(journal: Journal) -> list[dict]:
    return [
        {name: value for name, value in record.items() if name not in ("time", "uid")}
        for record in journals.read(journal.path)
    ]


def test_a_journal_begins_with_all_that_decides_the_result(folder, inputs):
    summary = records.summary(recipe=records.recipe(early_crops=[{"crop": 99, "fraction": 0.33}]), seed=3)
    identity = Identity(**{name: getattr(summary, name) for name in Identity.model_fields})
    journal = recording.begin(folder, "test", identity, inputs)
    [start] = journals.read(journal.path)
    known = json.loads(identity.model_dump_json())
    assert set(start) == {"kind", "time", "uid", "process", "begun", "host", *start_record(), *known}
    assert {name: start[name] for name in known} == known
    assert (start["profile"], start["key"], start["tags"]["dvc.stage"]) == ("test", identity.key, "train@alexnet-3")
    digests = {name: identity.data[name] for name in ("train", "val", "description")}
    assert start["dataset"] == {
        "name": "digits", "digest": files.digest(digests), "path": str(inputs.train), "images": {"train": 10, "val": 5},
    }  # fmt: skip
    of_its_summary = recording.begin(folder, "test", summary, inputs)  # as when it is made again from DVC's files
    assert without_times(of_its_summary) == without_times(journal)


def test_a_training_gone_on_with_has_its_earlier_journal(folder, inputs):
    first = recording.begin_or_resume(folder, "test", records.identity(), inputs, resumed=True)  # there is none yet
    other = recording.begin(folder, "test", records.identity(seed=1), inputs)
    again = recording.begin_or_resume(folder, "test", records.identity(), inputs, resumed=True)
    assert again.path == first.path != other.path
    assert [record["kind"] for record in journals.read(first.path)] == ["start", "resume"]
    anew = recording.begin_or_resume(folder, "test", records.identity(), inputs, resumed=False)
    assert anew.path not in (first.path, other.path)


def test_a_journal_made_from_the_files_of_a_row_says_what_the_trainings_own_said(folder, inputs, tmp_path):
    row = records.row(recipe=records.recipe(early_crops=[{"crop": 99, "fraction": 0.67}]))
    made = written(tmp_path / "row", row)
    own = recording.begin(folder, "test", row.summary, inputs)
    add = recording.epochs_into(own)
    for one in [*epochs_of(row), *epochs_of(row)]:  # the second time as after an interruption
        add(one)
    recording.finish(own, row.summary, made, inputs)
    recording.evaluated(own, row.evaluation, row.answers)
    recording.evaluated(own, row.evaluation, row.answers)  # the same again is not noted
    assert recording.find_or_rebuild(folder, "test", made, inputs).path == own.path

    rebuilt = recording.find_or_rebuild(folder / "elsewhere", "test", made, inputs)
    start, *rest = without_times(rebuilt)
    assert start.pop("rebuilt") and start.pop("tags") == {}
    expected, *expected_rest = without_times(own)
    assert expected.pop("tags")
    expected["dataset"] |= {"name": row.summary.source, "images": row.summary.images}  # here not the description's
    assert start == expected
    assert rest == expected_rest
    assert {record["time"] for record in journals.read(rebuilt.path)} == {recording.UNKNOWN}
    assert recording.find_or_rebuild(folder / "elsewhere", "test", made, inputs).path == rebuilt.path
    _, *epochs, end, evaluation = journals.read(rebuilt.path)
    assert [(one["kind"], one["epoch"], one["crop"]) for one in epochs] == [
        ("epoch", 1, 99), ("epoch", 2, 99), ("epoch", 3, 227),
    ]  # fmt: skip
    assert epochs[-1]["val_acc"] == row.summary.val_acc
    assert (end["kind"], end["status"], end["params"], end["val_acc"]) == ("end", "FINISHED", 58_696_548, 0.4432)
    assert end["weights_sha256"] == row.summary.weights_sha256
    assert end["artifacts"] == {
        "weights": made.weights.as_posix(), "summary": made.summary.as_posix(),
        "description": inputs.description.as_posix(),
    }  # fmt: skip
    assert evaluation["kind"] == "evaluation"
    assert evaluation["metrics"] == row.evaluation.metrics
    assert evaluation["by_class"] == {"cat": 1.0, "dog": 0.0}


def test_a_row_that_is_not_evaluated_yet_is_so_later(folder, inputs, tmp_path):
    row = records.row()
    made = written(tmp_path / "row", row)
    made.answers.unlink()
    journal = recording.find_or_rebuild(folder, "test", made, inputs)
    assert [record["kind"] for record in journals.read(journal.path)][-1] == "end"
    other = records.evaluation(test_acc=0.43, test_superclass_acc=None)
    for evaluation in (row.evaluation, other, other, row.evaluation):
        recording.evaluated(journal, evaluation, row.answers)
    noted = [record["metrics"] for record in journals.read(journal.path) if record["kind"] == "evaluation"]
    assert [one["test_acc"] for one in noted] == [0.44, 0.43, 0.44]
    assert ["test_superclass_acc" in one for one in noted] == [True, False, True]


def test_steps_are_recorded_now_and_then(folder, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(recording.time, "monotonic", lambda: now[0])
    journal = Journal.create(folder, **start_record())
    add = recording.steps_into(journal)
    for step in range(1, 26):
        now[0] += 1
        add(epoch=1, step=step, loss=1.0 / step, acc=0.5)
    kept = [(record["step"], record["loss"]) for record in journals.read(journal.path) if record["kind"] == "step"]
    assert kept == [(10, 0.1), (20, 0.05)]


def test_sending_again_changes_nothing(target, root, folder):
    journal = Journal.create(folder, **start_record())
    journal.append("epoch", **epoch(1, 0.5))
    target.send(journal.path)
    [run] = runs(root)
    client(root).set_tag(run.info.run_id, "alexvgg.records_sent", "0")  # as if the process had died before this
    target.send(journal.path)
    everything(target, folder)
    [again] = runs(root)
    assert again.info.run_id == run.info.run_id
    assert len(client(root).get_metric_history(run.info.run_id, "loss")) == 1


def finished(folder: Path, key: str = "k1", **start) -> Journal:
    journal = Journal.create(folder, **{**start_record(key=key), **start})
    journal.append("epoch", **epoch(1, 0.5))
    journal.append("end", status="FINISHED", params=123, val_acc=0.5, weights_sha256="", artifacts={"weights": "gone"})
    journal.append("evaluation", metrics={"test_acc": 0.75, "by_class/cat": 1.0})  # as version 0.1 wrote it
    return journal


def test_a_metric_that_mlflow_lost_is_sent_again(target, root, folder):
    """The number of records that were sent does not tell: the database may be older, or somebody's hand was in it."""
    finished(folder)
    everything(target, folder)
    assert sync.waiting(target, folder) == sync.Waiting(0, 0)
    with sqlite3.connect(root / "mlflow.db") as database:
        for table in ("metrics", "latest_metrics"):
            database.execute(f"DELETE FROM {table} WHERE key = 'test_acc'")
    database.close()
    assert sync.waiting(target, folder).runs == 1
    everything(target, folder)
    [run] = runs(root)
    assert run.data.metrics["test_acc"] == 0.75
    assert "by_class/cat" not in run.data.metrics
    assert len(client(root).get_metric_history(run.info.run_id, "loss")) == 1


def test_what_a_rebuilt_run_does_not_know_is_said(target, root, folder, inputs, tmp_path):
    made = written(tmp_path / "row", records.row())
    recording.find_or_rebuild(folder, "test", made, inputs)
    everything(target, folder)
    [run] = runs(root)
    assert (run.info.status, run.info.start_time, run.info.end_time) == (
        "FINISHED",
        recording.UNKNOWN,
        recording.UNKNOWN,
    )
    assert run.data.tags["alexvgg.rebuilt"] == "true"
    assert "no times" in run.data.tags["mlflow.note.content"]
    assert "mlflow.source.git.commit" not in run.data.tags
    assert run.data.metrics["test_acc"] == 0.44
    history = client(root).get_metric_history(run.info.run_id, "loss")
    assert {point.timestamp for point in history} == {recording.UNKNOWN}


def test_a_run_that_was_killed_does_not_stand_for_a_row_that_dvc_restored(folder, inputs, tmp_path):
    """As after Ctrl-C here, and `dvc pull` of what another machine made of the same training."""
    row = records.row()
    made = written(tmp_path / "row", row)
    killed = recording.begin(folder, "test", row.summary, inputs)
    killed.append("end", status="KILLED")
    assert not recording.is_recorded(folder, "test", made)
    assert recording.find_or_rebuild(folder, "test", made, inputs).path != killed.path
    assert recording.is_recorded(folder, "test", made)


def test_an_evaluation_that_dvc_skipped_is_added_from_its_files(folder, inputs, tmp_path):
    """As in a fresh clone on a machine whose bits are the committed ones: `train` runs, `evaluate` need not."""
    row = records.row()
    made = written(tmp_path / "row", row)
    own = trained(folder, row, made, inputs)
    assert not recording.is_recorded(folder, "test", made)
    assert recording.find_or_rebuild(folder, "test", made, inputs).path == own.path
    [evaluation] = journals.of_kind(own.path, "evaluation")
    assert (evaluation["metrics"], evaluation["time"]) == (row.evaluation.metrics, recording.UNKNOWN)
    assert recording.is_recorded(folder, "test", made)


def test_an_evaluation_that_comes_back_is_the_one_that_mlflow_shows(target, root, folder, inputs, tmp_path):
    """As after a parameter of the evaluation is changed and changed back: MLflow shows the latest by time."""
    row = records.row()
    made = written(tmp_path / "row", row)
    own = trained(folder, row, made, inputs)
    recording.evaluated(own, row.evaluation, row.answers)
    recording.evaluated(own, records.evaluation(test_acc=0.43), row.answers)
    recording.find_or_rebuild(folder, "test", made, inputs)
    everything(target, folder)
    assert [run.data.metrics["test_acc"] for run in runs(root)] == [row.evaluation.metrics["test_acc"]]
    assert sync.waiting(target, folder) == sync.Waiting(0, 0)


def test_a_run_of_a_dvc_experiment_bears_its_name(target, root, folder):
    finished(folder, tags={"dvc.exp_name": "rusty-nail"})
    everything(target, folder)
    assert [run.info.run_name for run in runs(root)] == ["alexnet-0 (rusty-nail)"]


def test_system_metrics_go_on_after_an_interruption(folder, monkeypatch):
    monkeypatch.setattr(monitor, "EVERY", 0.05)
    journal = Journal.create(folder, **start_record())
    for count in (1, 3):
        with monitor.watching(journal):
            deadline = time.monotonic() + 20
            while len(journals.of_kind(journal.path, "system")) < count and time.monotonic() < deadline:
                time.sleep(0.05)
    steps = [record["step"] for record in journals.of_kind(journal.path, "system")]
    assert len(steps) >= 3 and steps == list(range(len(steps)))


def test_what_a_person_deleted_in_mlflow_stays_so_until_it_is_to_come_back(target, root, folder):
    finished(folder)
    finished(folder, key="k2")
    everything(target, folder)
    first, _ = runs(root)
    client(root).delete_run(first.info.run_id)
    assert everything(target, folder) == (
        "1 runs are in MLflow; 1 deleted there stay so (`alexvgg sync --restore` brings them back)"
    )
    assert sync.waiting(target, folder) == sync.Waiting(0, 1)
    assert len(runs(root)) == 1
    target.restore("test")
    assert everything(target, folder) == "2 runs are in MLflow"
    assert len(runs(root)) == 2


def test_a_deleted_experiment_is_said_once_and_comes_back_with_its_runs(target, root, folder):
    finished(folder)
    finished(folder, key="k2")
    everything(target, folder)
    [experiment] = {run.info.experiment_id for run in runs(root)}
    client(root).delete_experiment(experiment)
    with pytest.raises(TrackingError, match="'alexvgg-test' was deleted in MLflow: `alexvgg sync --restore` brings it"):
        everything(target, folder, present="test")
    target.restore("test")
    assert everything(target, folder) == "2 runs are in MLflow"
    assert len(runs(root)) == 2


def with_model(folder: Path, root: Path, key: str = "k1") -> Journal:
    """A finished training whose files are there."""
    for name in ("weights", "description"):
        (root / name).write_text(name)
    digest = files.sha256(root / "weights")
    (root / "summary").write_text(digest)
    artifacts = {name: str(root / name) for name in ("weights", "summary", "description")}
    data = {"description": files.sha256(root / "description")}
    journal = Journal.create(folder, **start_record(key=key) | {"data": data})
    journal.append("end", status="FINISHED", params=1, val_acc=0.5, weights_sha256=digest, artifacts=artifacts)
    return journal


@pytest.fixture
def logged(target, tmp_path, monkeypatch) -> list[str]:
    """Models are logged almost without content, which takes a while; the runs that they were logged to."""
    seen: list[str] = []
    (tmp_path / "MLmodel").touch()

    def log(run_id, artifacts, package, again=None):
        api = target.connected()
        seen.append(run_id)
        model = again or api.create_logged_model(api.get_run(run_id).info.experiment_id, "model", run_id).model_id
        for folder in ("", "artifacts"):
            api.log_model_artifact(model, str(tmp_path / "MLmodel"), folder)
        return api.finalize_logged_model(model, "READY").model_uri

    monkeypatch.setattr(registration, "_log", log)
    return seen


@pytest.mark.parametrize("call", ["create_registered_model", "_create_model_version", "set_model_version_tag"])
def test_an_interrupted_registration_is_gone_on_with(target, root, folder, logged, monkeypatch, call):
    """What was uploaded whole is not uploaded again, and there is one version."""
    import mlflow

    journal = with_model(folder, root)
    with monkeypatch.context() as broken:
        broken.setattr(mlflow.MlflowClient, call, lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            target.register(journal.path)
    target.register(journal.path)
    everything(target, folder)
    assert len(logged) == 1
    [version] = client(root).search_model_versions("name = 'alexvgg-test'")
    assert version.tags["alexvgg.key"] == "k1"
    [run] = runs(root)
    assert run.data.tags["alexvgg.model_version"] == str(version.version)


def test_a_deleted_model_is_no_failure_and_comes_back_when_asked(target, root, folder, logged):
    with_model(folder, root)
    with_model(folder, root, "k2")
    everything(target, folder)
    client(root).delete_model_version("alexvgg-test", "1")
    assert everything(target, folder) == "2 runs are in MLflow"
    assert len(client(root).search_model_versions("name = 'alexvgg-test'")) == 1
    client(root).delete_registered_model("alexvgg-test")
    assert everything(target, folder) == "2 runs are in MLflow"
    assert not client(root).search_model_versions("name = 'alexvgg-test'")
    target.restore("test")
    everything(target, folder)
    assert len(client(root).search_model_versions("name = 'alexvgg-test'")) == 2
    assert len(logged) == 2


def test_a_renamed_experiment_is_found_again(target, root, folder):
    finished(folder)
    everything(target, folder)
    [run] = runs(root)
    client(root).rename_experiment(run.info.experiment_id, "thesis, chapter 3")
    finished(folder, key="k2")
    everything(target, folder)
    assert {one.info.experiment_id for one in runs(root)} == {run.info.experiment_id}
    assert len(client(root).search_experiments(filter_string="name LIKE 'alexvgg%'")) == 0


@pytest.mark.parametrize("call", ["log_batch", "log_inputs", "log_dict"])
def test_a_run_that_was_begun_and_not_described_is_described_later(target, root, folder, call, monkeypatch):
    journal = Journal.create(folder, **start_record())
    journal.append("epoch", **epoch(1, 0.5))

    def gone(*_, **__):
        raise OSError("the server is gone")

    with monkeypatch.context() as broken:
        broken.setattr(type(target.connected()), call, gone)
        with pytest.raises(OSError):
            target.send(journal.path)
    target.send(journal.path)
    [run] = runs(root)
    assert run.data.params["learning_rate"] == str(start_record()["recipe"]["learning_rate"])
    assert len(run.inputs.dataset_inputs) == 1
    assert json.loads(Path(client(root).download_artifacts(run.info.run_id, "params.json", str(root))).read_text())


def test_one_run_that_mlflow_does_not_take_does_not_keep_the_others_back(target, root, folder, monkeypatch):
    for number in range(3):
        Journal.create(folder, **start_record(key=f"k{number}"))
    refused = sorted(path for path, _ in journals.starts(folder))[0]
    register = Target.register
    monkeypatch.setattr(Target, "register", lambda self, path: 1 / 0 if path == refused else register(self, path))
    with pytest.raises(TrackingError, match=r"1 of 3 runs could not be sent whole \(.*division by zero.*alexvgg sync"):
        everything(target, folder)
    assert len(runs(root)) == 2


def test_killed_training_is_closed_as_such(target, root, folder):
    journal = Journal.create(folder, **start_record())
    start = journals.read(journal.path)[0]
    text = json.dumps({**start, "process": 2**22 - 1})
    journal.path.write_text(f"{zlib.crc32(text.encode()):08x} {text}\n")
    everything(target, folder)
    assert [run.info.status for run in runs(root)] == ["KILLED"]
    alive = Journal.create(folder, **start_record(key="k2"))
    reused = Journal.create(folder, **start_record(key="k3"))  # its process is gone, its number another's
    text = json.dumps({**journals.read(reused.path)[0], "begun": 1.0})
    reused.path.write_text(f"{zlib.crc32(text.encode()):08x} {text}\n")
    everything(target, folder)
    assert sorted(run.info.status for run in runs(root)) == ["KILLED", "KILLED", "RUNNING"]
    assert journals.with_key(folder, "test", "k2") == [alive.path]


def test_a_training_on_another_machine_is_at_work_while_its_journal_grows(folder):
    journal = Journal.create(folder, **start_record())
    text = json.dumps({**journals.read(journal.path)[0], "host": "elsewhere", "process": 2**22 - 1})
    journal.path.write_text(f"{zlib.crc32(text.encode()):08x} {text}\n")
    assert journals.is_written(journal.path)
    long_ago = time.time() - 2 * journals.SILENT
    os.utime(journal.path, (long_ago, long_ago))
    assert not journals.is_written(journal.path)


def test_a_damaged_line_costs_that_line_only(folder):
    journal = Journal.create(folder, **start_record())
    journal.append("epoch", **epoch(1, 0.5))
    whole = journal.path.read_bytes()
    for damaged, kinds in (
        (whole[:-3], ["start"]),
        (whole[:-10] + b"x" + whole[-9:], ["start", "damaged"]),
    ):
        journal.path.write_bytes(damaged)
        assert [record["kind"] for record in journals.read(journal.path)] == kinds
        journal.append("epoch", **epoch(2, 0.5))
        assert [record["kind"] for record in journals.read(journal.path)] == ["start", "damaged", "epoch"]
    journal.path.write_bytes(b"x" + whole)
    assert journals.starts(folder) == []


def test_a_training_gone_on_with_is_one_run(target, root, folder):
    journal = Journal.create(folder, **start_record())
    journal.append("epoch", **epoch(1, 0.5))
    with journal.path.open("ab") as file:
        file.write(b"half a li")
    close_if_killed(journal.path)
    target.send(journal.path)
    assert [run.info.status for run in runs(root)] == ["KILLED"]
    journal.resume()
    target.send(journal.path)
    assert [run.info.status for run in runs(root)] == ["RUNNING"]
    journal.append("epoch", **epoch(2, 0.25))
    journal.append("end", status="FINISHED", params=1, val_acc=0.5, weights_sha256="", artifacts={"weights": "gone"})
    target.register(journal.path)
    [run] = runs(root)
    assert run.info.status == "FINISHED"
    history = client(root).get_metric_history(run.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(1, 0.5), (2, 0.25)]


def send(journal: Path, root: Path, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "alexvgg", "send", str(journal)],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "DVC_ROOT": str(root), **environment},
    )  # fmt: skip


def test_curves_appear_while_training_runs(root, folder):
    root.mkdir()
    journal = Journal.create(folder, **start_record())
    sender = send(journal.path, root)
    journal.append("epoch", **epoch(1, 0.5))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (root / "mlflow.db").exists() and any(run.data.metrics for run in runs(root)):
            break
        time.sleep(0.5)
    assert [run.data.metrics["loss"] for run in runs(root)] == [0.5]
    assert sender.poll() is None
    _, errors = sender.communicate("", timeout=60)
    assert sender.returncode == 0
    assert "the training was killed" in errors
    assert [run.info.status for run in runs(root)] == ["KILLED"]  # standard input ended without an end record


def test_a_moved_and_a_copied_project_keep_their_files_with_them(target, root, folder, tmp_path):
    finished(folder)
    everything(target, folder)
    [run] = runs(root)
    moved, copy = tmp_path / "it's 한 place", tmp_path / "copy"
    root.rename(moved)
    shutil.copytree(moved, copy)
    for place in (copy, moved):
        api = client(place)
        attached = api.download_artifacts(run.info.run_id, "params.json")
        assert json.loads(Path(attached).read_text())["model"] == "alexnet"
        journal = finished(place / ".alexvgg" / "journals", key="k2")
        everything(Target(f"sqlite:///{place / 'mlflow.db'}", place, PACKAGE), journal.path.parent)
        assert {one.info.artifact_uri.rpartition("/mlruns")[0] for one in runs(place)} == {place.as_uri()}
        assert (place / "mlflow.db.before-move").exists()
        assert not relocate(place / "mlflow.db", place / "mlruns")  # nothing is left to do
    assert not root.exists()


@pytest.mark.parametrize("uri", ["./mlruns", "databricks", "file:///tmp/x", "s3://bucket/x", "sqllite:///mlflow.db"])
def test_what_is_neither_a_server_nor_a_database_is_refused(root, folder, monkeypatch, uri):
    root.mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrackingError, match=r"name a server .* or a database .*; what was recorded here is safe"):
        client(root)
    assert not list(root.iterdir())


@pytest.fixture
def web_server(monkeypatch):
    """A server whose answers are set by path: status, content, and what it was asked."""
    answers: dict[str, tuple[int, bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            code, content = answers.get(self.path.partition("?")[0], (404, b"{}"))
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://somebody:secret@127.0.0.1:{server.server_port}/base")
    yield answers
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("version", [b"2.22.1", b"4.0.0"])
def test_a_server_of_another_major_version_is_refused(root, web_server, version):
    web_server |= {"/base/health": (200, b"OK"), "/base/version": (200, version)}
    with pytest.raises(TrackingError, match=f"is MLflow {version.decode()}, and this project uses 3") as refused:
        client(root)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("health", [401, 403, 404])
@pytest.mark.parametrize(("code", "remedy"), [(401, "set MLFLOW_TRACKING_USERNAME"), (403, "the right to write")])
def test_a_server_that_wants_to_know_who_asks_is_no_outage(root, web_server, health, code, remedy):
    web_server["/base/health"] = (health, b"<html>sign in</html>")
    web_server["/base/api/2.0/mlflow/experiments/search"] = (code, b"no")
    with pytest.raises(TrackingError, match=f"cannot be used: .*{code}.*{remedy}") as refused:
        client(root)
    assert "secret" not in str(refused.value)


def test_unreachable_server_is_said_in_one_line(root, folder):
    root.mkdir()
    journal = Journal.create(folder, **start_record())
    journal.append("end", status="FAILED")
    sender = send(journal.path, root, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    _, errors = sender.communicate("", timeout=60)
    assert sender.returncode == 5
    assert "http://127.0.0.1:9 does not answer" in errors
    assert "alexvgg sync" in errors
    assert len(errors.splitlines()) == 1


def test_database_that_is_none(root):
    root.mkdir()
    (root / "mlflow.db").write_text("not a database" * 100)
    with pytest.raises(TrackingError, match="cannot be used"):
        client(root)


def test_best_model_by_validation_has_the_alias(tf, target, root, folder, tmp_path):
    import keras
    import numpy as np

    from alexvgg.data import arrays
    from alexvgg.data.arrays import Description
    from alexvgg.networks import registry

    description = Description(
        source="digits", title="digits", archive_sha256="", classes=["a", "b"], superclasses={}, side=8,
        mean=[0.5] * 3, std=[0.25] * 3, resize=256, crop=227, images={}, sha256={},
    )  # fmt: skip
    arrays.save_description(tmp_path / "description.json", description)
    keras.utils.set_random_seed(0)
    model = registry.named("vgg16").build(32, 2, {})
    model.save_weights(tmp_path / "m.weights.h5")
    summary = records.summary(
        model="vgg16", architecture="vgg16", crop=32, recipe=records.recipe(batch_size=4),
        weights_sha256=files.sha256(tmp_path / "m.weights.h5"),
    )  # fmt: skip
    summary.write(tmp_path / "summary.json")
    artifacts = {"weights": "m.weights.h5", "summary": "summary.json", "description": "description.json"}
    ends, data = [], {"description": files.sha256(tmp_path / "description.json")}
    for seed, val_acc in enumerate([0.5, 0.9, 0.7]):
        row = records.summary(model="alexnet", seed=seed, weights_sha256=summary.weights_sha256)
        journal = Journal.create(folder, **start_record(seed=seed, key=row.key) | {"data": data})
        ends.append({
            "status": "FINISHED", "params": 1, "val_acc": val_acc,
            "weights_sha256": files.sha256(tmp_path / "m.weights.h5"),
            "artifacts": {name: str(tmp_path / file) for name, file in artifacts.items()},
        })  # fmt: skip
        journal.append("end", **ends[-1])
        assert target.register(journal.path) == target.register(journal.path)
        row.write(root / "rows" / "test" / f"alexnet-{seed}" / "summary.json")
    journal = Journal.create(folder, **start_record(seed=9, key="thrown away") | {"data": data})  # in no table
    journal.append("end", **ends[0] | {"val_acc": 0.99})
    target.register(journal.path)
    everything(target, folder)
    api = client(root)
    assert len(api.search_model_versions("name = 'alexvgg-test'")) == 4
    best = api.get_model_version_by_alias("alexvgg-test", "best")
    assert best.tags["val_acc"] == "0.9"
    assert best.description == "alexnet, seed 1, learning rate 0.001, val_acc 0.9000, commit abc"
    assert "highest accuracy in validation (val_acc)" in api.get_registered_model("alexvgg-test").description
    assert {run.info.status for run in runs(root)} == {"FINISHED"}

    import mlflow

    loaded = mlflow.pyfunc.load_model("models:/alexvgg-test@best")
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    answer = loaded.predict(images)
    assert answer.shape == (3, 2)
    assert np.allclose(answer.sum(axis=1), 1, atol=1e-6)
    from alexvgg.augmentation.crops import Cropper

    assert np.allclose(answer, model(Cropper(description, 32).centre(images)), atol=1e-5)
    np.save(tmp_path / "images.npy", images)
    assert np.allclose(answer_of_a_program_with_tensorflow(tmp_path, mlflow.get_tracking_uri()), answer, atol=1e-5)

    elsewhere = tmp_path / "another's 한 place"
    root.rename(elsewhere)
    mlflow.set_registry_uri(f"sqlite:///{elsewhere / 'mlflow.db'}")  # a new program would see only this one
    try:
        assert client(elsewhere).get_model_version_by_alias("alexvgg-test", "best").version == best.version
        assert np.array_equal(mlflow.pyfunc.load_model("models:/alexvgg-test@best").predict(images), answer)
    finally:  # else later tests register there
        mlflow.set_registry_uri(None)
        os.environ.pop("MLFLOW_REGISTRY_URI", None)


def answer_of_a_program_with_tensorflow(folder, uri):
    """What the registered model answers where TensorFlow was used before, with its own threads and dtype policy."""
    import numpy as np

    program = folder / "a notebook.py"
    program.write_text("""
import keras, mlflow, numpy, tensorflow
tensorflow.config.threading.set_inter_op_parallelism_threads(2)
keras.config.set_dtype_policy("mixed_bfloat16")
tensorflow.constant(1) + 1
model = mlflow.pyfunc.load_model("models:/alexvgg-test@best")
numpy.save("answer.npy", model.predict(numpy.load("images.npy")))
assert keras.config.dtype_policy().name == "mixed_bfloat16"
""")
    environment = os.environ | {"MLFLOW_TRACKING_URI": uri, "PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, program], cwd=folder, env=environment, check=True)
    return np.load(folder / "answer.npy")


def test_a_lock_that_is_being_written_costs_a_training_nothing(tmp_path):
    """With rows at once, another row's DVC writes it when this one begins."""
    lock = tmp_path / "dvc.lock"
    for content in ("", "schema: '2.0'\nstages:\n", "schema: '2.0'\nstages:\n  preprocess:\n    outs: [{pa"):
        lock.write_text(content)
        assert provenance._locked_data(lock) == {}
    lock.write_text("stages: {preprocess: {outs: [{path: data/test.npy, md5: 1a}]}}")
    assert provenance._locked_data(lock) == {"data/test.npy": "1a"}
