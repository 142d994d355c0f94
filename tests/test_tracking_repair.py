"""What was lost, cut off or mixed up, here or in MLflow, is noticed and made up for by the next `alexvgg sync`."""

import json
import shutil
import sqlite3
import threading
import time
import zlib
from dataclasses import replace
from types import SimpleNamespace

import filelock
import psutil
import pytest
from ruamel.yaml import YAML

import records
from alexvgg.cli import tracking
from alexvgg.pipeline import layout
from alexvgg.rows import answers, history
from alexvgg.rows.identity import Inputs
from alexvgg.system import files
from alexvgg.system.errors import TrackingError
from alexvgg.tracking import connection, recording, registered, registration, sync, views
from alexvgg.tracking import journal as journals
from alexvgg.tracking.journal import Journal
from alexvgg.tracking.sync import Target, everything
from conftest import ROOT
from test_tracking import (  # noqa: F401
    PACKAGE,
    client,
    epochs_of,
    finished,
    folder,
    logged,
    root,
    runs,
    start_record,
    target,
    trained,
    with_model,
    written,
)

# ruff: noqa: F811 - the fixtures are those of test_tracking


def rewrite_start(journal: Journal, **changes) -> None:
    start, *rest = journal.path.read_bytes().split(b"\n")
    text = json.dumps(json.loads(start.partition(b" ")[2]) | changes).encode()
    journal.path.write_bytes(b"\n".join([b"%08x %s" % (zlib.crc32(text), text), *rest]))


def of_nobody(journal: Journal) -> None:
    """As if the process that began a journal were gone."""
    rewrite_start(journal, process=2**22 - 1)


def test_a_model_is_not_registered_with_the_description_of_another_profile(target, root, folder, logged):
    journal = with_model(folder, root)
    (root / "description").write_text("of the profile that was preprocessed since")
    assert everything(target, folder) == "1 runs are in MLflow"
    assert not logged and sync.waiting(target, folder) == sync.Waiting(0, 0)
    (root / "description").write_text("description")
    assert sync.waiting(target, folder).runs == 1
    target.register(journal.path)
    assert len(logged) == 1 and sync.waiting(target, folder) == sync.Waiting(0, 0)


def test_a_training_that_went_on_at_an_earlier_step_and_was_killed_again_is_in_mlflow(target, folder):
    journal = Journal.create(folder, **start_record())
    for step, loss in ((450, 0.5), (500, 0.4)):
        journal.append("step", epoch=1, step=step, loss=loss, acc=0.5)
    journal.resume()
    journal.append("step", epoch=1, step=450, loss=0.5, acc=0.5)
    of_nobody(journal)
    everything(target, folder)
    assert sync.waiting(target, folder) == sync.Waiting(0, 0)


def test_an_evaluation_after_the_clock_was_set_back_is_the_one_that_mlflow_shows(target, root, folder, monkeypatch):
    journal = finished(folder)
    recording.evaluated(journal, records.evaluation(test_acc=0.5), records.answers())
    monkeypatch.setattr(recording.time, "time", lambda: 1000.0)
    recording.evaluated(journal, records.evaluation(test_acc=0.25), records.answers())
    everything(target, folder)
    assert [run.data.metrics["test_acc"] for run in runs(root)] == [0.25]


@pytest.mark.parametrize("kept", [3, 2, 1])
def test_a_journal_that_lost_lines_does_not_change_the_run_that_has_them(target, root, folder, kept):
    journal = finished(folder)
    of_nobody(journal)
    everything(target, folder)
    journal.path.write_bytes(b"".join(journal.path.read_bytes().splitlines(keepends=True)[:kept]))
    for _ in range(2):
        everything(target, folder)
        assert sync.waiting(target, folder) == sync.Waiting(0, 0)
    [run] = runs(root)
    assert (run.info.status, run.data.metrics["test_acc"]) == ("FINISHED", 0.75)


@pytest.mark.parametrize("left", ["FAILED", "RUNNING"])
def test_an_upload_that_broke_off_leaves_the_run_as_its_training_ended(target, root, folder, logged, monkeypatch, left):
    """MLflow marks a run as running while a model is logged to it, and as failed if that fails."""
    journal = with_model(folder, root)
    target.send(journal.path)
    [before] = runs(root)

    def breaks_off(run_id, *_):
        target.connected().set_terminated(run_id, left)
        raise OSError("the store is full")

    with monkeypatch.context() as broken:
        broken.setattr(registration, "_log", breaks_off)
        if left == "RUNNING":  # killed
            broken.setattr(registration.runs, "set_status", lambda *_: None)
        with pytest.raises(TrackingError, match="the store is full"):
            everything(target, folder)
    [run] = runs(root)
    assert run.info.status == ("FINISHED" if left == "FAILED" else "RUNNING")
    assert sync.waiting(target, folder).runs == 1
    target.send(journal.path)
    [after] = runs(root)
    assert (after.info.status, after.info.end_time) == ("FINISHED", before.info.end_time)
    assert sync.waiting(target, folder).runs == 1  # its model is missing
    everything(target, folder)
    assert sync.waiting(target, folder) == sync.Waiting(0, 0)


def test_a_copy_of_a_model_under_another_name_is_not_taken_for_ours(target, root, folder, logged):
    journal = with_model(folder, root)
    run_id = target.send(journal.path)
    api = client(root)
    logged_model = registration._log(run_id, {}, root)
    api.create_registered_model("production")
    for _ in range(3):
        api.create_model_version("production", logged_model, run_id)
    everything(target, folder)
    [version] = api.search_model_versions("name = 'alexvgg-test'")
    assert version.tags["alexvgg.key"] == "k1"
    assert api.get_run(run_id).data.tags["alexvgg.model_version"] == "1"
    assert all(one.tags == {} for one in api.search_model_versions("name = 'production'"))


@pytest.fixture
def project(root, monkeypatch):
    """A project whose table has two rows of digits, trained and evaluated; `params.yaml` is the profile `quickstart`."""
    root.mkdir()
    monkeypatch.setenv("DVC_ROOT", str(root))
    monkeypatch.chdir(root)
    quickstart = YAML(typ="safe", pure=True).load(ROOT / "profiles/quickstart.yaml")
    entry = {"architecture": "alexnet", "crop": 67, "learning_rate": 1e-3}
    YAML().dump(quickstart | {"models": {"alexnet": entry}, "seeds": [0, 1]}, root / layout.PARAMS)
    for seed in (0, 1):
        put(records.row(seed=seed))
    return root


def put(row, profile="quickstart"):
    """The files of a row, without its weights."""
    made = layout.row(profile, row.summary.name)
    row.summary.write(made.summary)
    history.write(made.history, epochs_of(row))
    row.evaluation.write(made.evaluation)
    answers.write(made.answers, row.answers)
    return made


@pytest.mark.parametrize("file", ["summary", "evaluation", "answers"])
def test_a_row_that_cannot_be_read_keeps_no_others_back(project, file):
    damaged = getattr(layout.row("quickstart", "alexnet-0"), file)
    damaged.write_text("{}")
    with pytest.raises(TrackingError, match=r"runs are in MLflow; but not all of alexnet-0: [^\n]+$"):
        tracking.sync_runs()
    assert "1" in [run.data.params["seed"] for run in runs(project)]
    assert tracking.waiting().runs == 1


def refused(*_) -> None:
    raise RuntimeError("not allowed")  # MLflow's is no AlexvggError either


def test_a_deleted_experiment_of_another_profile_keeps_none_of_this_one_back(project, capsys, monkeypatch):
    """And `--restore` brings back those of all profiles."""
    finished(layout.journals())  # of the profile `test`
    tracking.sync_runs()
    api = client(project)
    api.delete_experiment(api.get_experiment_by_name("alexvgg-test").experiment_id)
    put(replace(records.row(seed=0), evaluation=records.evaluation(test_acc=0.5)))
    capsys.readouterr()
    tracking.sync_runs()
    assert capsys.readouterr().out == (
        "2 runs are in MLflow; 1 deleted there stay so (`alexvgg sync --restore` brings them back)\n"
    )
    assert sorted(run.data.metrics["test_acc"] for run in runs(project)) == [0.44, 0.5]
    assert tracking.waiting() == sync.Waiting(0, 1)
    with monkeypatch.context() as patch:
        patch.setattr(sync.Target, "restore", refused)
        with pytest.raises(TrackingError, match=r"^not allowed$"):
            tracking.sync_runs(restore=True)
    tracking.sync_runs(restore=True)
    assert len(runs(project)) == 3


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (sqlite3.OperationalError("database is locked"), "another process uses it; end that one"),
        (filelock.Timeout("mlflow.lock"), "another process uses it; end that one"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "you may not write it"),
        (sqlite3.OperationalError("unable to open database file"), "you may not write it"),
        (PermissionError(13, "Permission denied", "mlflow.lock"), "you may not write it"),
        (sqlite3.DatabaseError("database disk image is malformed"), "move it away"),
        (sqlite3.OperationalError("disk I/O error"), "what was recorded here is safe"),
    ],
)
def test_a_database_that_is_whole_is_not_to_be_moved_away(root, monkeypatch, error, remedy):
    def refuse(*_):
        raise error

    root.mkdir()
    (root / "mlflow.db").touch()
    monkeypatch.setattr(connection, "relocate", refuse)
    with pytest.raises(TrackingError, match=r"mlflow\.db cannot be used: ") as refused:
        client(root)
    assert str(refused.value).partition("; ")[2].startswith(remedy)


@pytest.mark.parametrize(
    ("schema", "remedy"),
    [
        (
            "451aebb31d03",
            "an older one; copy it, then `mlflow db upgrade sqlite:////.*/mlflow.db` keeps what is in it$",
        ),
        ("ffffffffffff", "a newer one; use it with that version$"),
    ],
)
def test_a_database_of_another_schema_is_upgraded_or_used_with_its_own_mlflow(root, tmp_path, schema, remedy):
    root.mkdir()
    client(root)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(root / "mlflow.db", other)
    with sqlite3.connect(other / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = ?", [schema])
    database.close()
    with pytest.raises(TrackingError, match=f"was made by another version of MLflow than .*, {remedy}"):
        client(other)


def test_a_database_that_refuses_a_run_is_told_from_its_words(target, folder, monkeypatch):
    from mlflow.exceptions import MlflowException

    finished(folder)
    said = "(sqlite3.OperationalError) attempt to write a readonly database\n[SQL: INSERT INTO experiments …"

    def refuse(*_):
        raise MlflowException(said)

    monkeypatch.setattr(type(target.connected()), "create_experiment", refuse)
    with pytest.raises(TrackingError, match="did not take it: you may not write it; see whose it and its folder are"):
        everything(target, folder)


def test_a_training_is_at_work_after_the_clock_was_set(folder, monkeypatch):
    journal = Journal.create(folder, **start_record())
    date, started = psutil.Process().create_time(), psutil.boot_time()
    assert journals.is_written(journal.path)
    as_version_01 = Journal.create(folder, **start_record())
    rewrite_start(as_version_01, begun=date)
    assert journals.is_written(as_version_01.path)
    monkeypatch.setattr(psutil, "boot_time", lambda: started - 3600)
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: date - 3600)
    assert journals.is_written(journal.path)
    rewrite_start(journal, begun=1.0)  # another process of this number
    assert not journals.is_written(journal.path)


@pytest.fixture
def place(root, folder):
    """A project of which only rows, journals and MLflow are looked at."""
    root.mkdir()
    data = root / "description.json"
    files.write_json(data, {"source": "digits", "images": {"train": 10, "val": 5}})
    return SimpleNamespace(root=root, inputs=Inputs(data, data, data, data, data))


def of_row(place, row, profile="test"):
    folder = place.root / "rows" / profile / row.summary.name
    folder.mkdir(parents=True, exist_ok=True)
    made = written(folder, row)
    row.summary.write(folder / "summary.json")
    return made


@pytest.mark.parametrize("newest", ["the row's", "the other"])
def test_two_trainings_with_other_bits_are_not_one_run(place, folder, monkeypatch, newest):
    """As with `ALEXVGG_THREADS=1 dvc repro -f`, before `git checkout dvc.lock && dvc checkout` brings the row back."""
    target = Target(f"sqlite:///{place.root / 'mlflow.db'}", place.root, PACKAGE)
    row = records.row(weights_sha256="a" * 64, val_acc=0.5)
    other = records.row(weights_sha256="b" * 64, val_acc=0.6)
    for one in (row, other) if newest == "the other" else (other, row):
        trained(folder, one, of_row(place, one), place.inputs)
    made = of_row(place, row)
    for _ in range(2):
        recording.find_or_rebuild(folder, "test", made, place.inputs)
        everything(target, folder)
    found = {run.data.metrics["val_acc"]: run.data for run in runs(place.root)}
    assert {val_acc: "test_acc" in data.metrics for val_acc, data in found.items()} == {0.5: True, 0.6: False}
    assert {val_acc: "alexvgg.in_table" in data.tags for val_acc, data in found.items()} == {0.5: True, 0.6: False}
    assert [run.data.metrics["val_acc"] for run in views.of_table(runs(place.root), {row.summary.key})] == [0.5]
    recording.find_or_rebuild(folder, "test", of_row(place, other), place.inputs)
    everything(target, folder)
    assert [run.data.metrics["val_acc"] for run in views.of_table(runs(place.root), {row.summary.key})] == [0.6]


def test_a_row_trained_twice_with_the_same_bits_is_in_the_table_once(place, folder):
    target = Target(f"sqlite:///{place.root / 'mlflow.db'}", place.root, PACKAGE)
    row = records.row()
    for _ in range(2):
        journal = trained(folder, row, of_row(place, row), place.inputs)
        everything(target, folder)
    tagged = [run for run in runs(place.root) if "alexvgg.in_table" in run.data.tags]
    assert [run.data.tags["alexvgg.journal"] for run in tagged] == [journal.path.stem]


def test_a_training_that_two_profiles_have_is_a_run_of_each(place, folder):
    row = records.row()
    own = trained(folder, row, of_row(place, row), place.inputs)
    made = of_row(place, row, "other")
    assert not recording.is_recorded(folder, "other", made)
    others = recording.find_or_rebuild(folder, "other", made, place.inputs)
    assert recording.find_or_rebuild(folder, "test", made, place.inputs).path == own.path != others.path
    assert recording.begin_or_resume(folder, "third", row.summary, place.inputs, resumed=True).path != own.path


def test_a_row_whose_journal_has_another_history_has_one_of_its_own(place, folder):
    """As of a training that was interrupted and gone on with, or from which a line was lost."""
    row = records.row()
    made = of_row(place, row)
    own = recording.begin(folder, "test", row.summary, place.inputs)
    recording.finish(own, row.summary, made, place.inputs)
    rebuilt = recording.find_or_rebuild(folder, "test", made, place.inputs)
    assert rebuilt.path != own.path and len(journals.of_kind(rebuilt.path, "epoch")) == 3


def test_processes_that_restore_a_row_at_once_make_one_journal(place, folder, monkeypatch):
    made = of_row(place, records.row())
    folder.mkdir(parents=True)
    (folder / "killed.half").write_text("half of one")
    append = Journal.append
    seen: list[int] = []

    def slowly(self, kind, **fields):
        append(self, kind, **fields)
        seen.append(len(journals.starts(folder)))
        time.sleep(0.05)

    monkeypatch.setattr(Journal, "append", slowly)
    found = []
    threads = [
        threading.Thread(
            target=lambda: found.append(recording.find_or_rebuild(folder, "test", made, place.inputs).path)
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1 and len(found) == 3
    assert seen == [0] * 5 + [1]  # nobody sees it before it is whole; the last one is the evaluation
    assert [path.suffix for path in sorted(folder.iterdir())].count(".half") == 0


def test_a_run_whose_model_is_uploaded_is_that_of_a_row_that_dvc_restored(place, folder, tmp_path):
    target = Target(f"sqlite:///{place.root / 'mlflow.db'}", place.root, PACKAGE)
    row = records.row()
    made = of_row(place, row)
    trained(folder, row, made, place.inputs)
    everything(target, folder)
    [run] = runs(place.root)
    client(place.root).update_run(run.info.run_id, status="RUNNING")
    made.answers.unlink()  # it is not evaluated yet
    rebuilt = recording.find_or_rebuild(tmp_path / "another clone", "test", made, place.inputs)
    assert target.send(rebuilt.path) == run.info.run_id


def lose(root, *statements: str) -> None:
    with sqlite3.connect(root / "mlflow.db") as database:
        for statement in statements:
            assert database.execute(statement).rowcount > 0
    database.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM params WHERE key = 'learning_rate'",
        "DELETE FROM params WHERE key = 'parameters'",
        "DELETE FROM inputs",
        "DELETE FROM metrics WHERE key = 'val_acc' AND step = 2",
        "DELETE FROM tags WHERE key = 'alexvgg.weights_sha256'",
    ],
)
def test_what_mlflow_lost_is_sent_again(place, folder, statement):
    target = Target(f"sqlite:///{place.root / 'mlflow.db'}", place.root, PACKAGE)
    row = records.row()
    trained(folder, row, of_row(place, row), place.inputs)
    everything(target, folder)
    assert sync.waiting(target, folder) == sync.Waiting(0, 0)
    [before] = runs(place.root)
    lose(place.root, statement)
    assert sync.waiting(target, folder).runs == 1
    everything(target, folder)
    assert sync.waiting(target, folder) == sync.Waiting(0, 0)
    [after] = runs(place.root)
    assert (after.data.params, after.data.metrics, after.info.end_time) == (
        before.data.params,
        before.data.metrics,
        before.info.end_time,
    )
    assert len(after.inputs.dataset_inputs) == 1
    history = client(place.root).get_metric_history(after.info.run_id, "val_acc")
    assert [point.step for point in history] == [1, 2, 3]


def test_files_that_mlflow_lost_are_sent_again_and_the_version_stays_the_same(target, root, folder):
    """As after `rm -r mlruns`. The model is a real one, of which only the network is none."""
    files.write_json(root / "description", {"side": 8, "classes": ["a", "b"]})
    (root / "weights").write_text("weights")
    digest = files.sha256(root / "weights")
    (root / "summary").write_text(digest)
    artifacts = {name: str(root / name) for name in ("weights", "summary", "description")}
    data = {"description": files.sha256(root / "description")}
    journal = Journal.create(folder, **start_record() | {"data": data})
    journal.append("end", status="FINISHED", params=1, val_acc=0.5, weights_sha256=digest, artifacts=artifacts)
    journal.append("evaluation", metrics={"test_acc": 0.75}, by_class={"cat": 1.0})
    everything(target, folder)
    api = client(root)
    [version] = api.search_model_versions("name = 'alexvgg-test'")
    shutil.rmtree(root / "mlruns")
    assert sync.waiting(target, folder).runs == 1
    everything(target, folder)
    assert sync.waiting(target, folder) == sync.Waiting(0, 0)
    [run] = runs(root)
    assert {file.path for file in api.list_artifacts(run.info.run_id)} >= {"params.json", "accuracy_by_class.json"}
    [again] = api.search_model_versions("name = 'alexvgg-test'")
    assert (again.version, again.source, run.info.status) == (version.version, version.source, "FINISHED")
    api.set_registered_model_alias("alexvgg-test", "best", again.version)
    with registered.best(api, "test") as found:
        assert found.weights.read_text() == "weights"
    assert len(api.search_logged_models([run.info.experiment_id])) == 1
