"""What was lost, cut off or mixed up, here or in MLflow, is noticed and made up for by the next `alexvgg sync`."""

import json
import zlib

import pytest

from alexvgg.system.errors import TrackingError
from alexvgg.tracking import journal as journals
from alexvgg.tracking import recording, registration, sync
from alexvgg.tracking.journal import Journal
from alexvgg.tracking.sync import everything
from test_tracking import client, epoch, finished, folder, logged, root, runs, start_record, target, with_model  # noqa: F401

# ruff: noqa: F811 - the fixtures are those of test_tracking


def of_nobody(journal: Journal) -> None:
    """As if the process that began a journal were gone."""
    start, *rest = journal.path.read_bytes().split(b"\n")
    text = json.dumps(json.loads(start.partition(b" ")[2]) | {"process": 2**22 - 1}).encode()
    journal.path.write_bytes(b"\n".join([b"%08x %s" % (zlib.crc32(text), text), *rest]))


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
    import records

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
