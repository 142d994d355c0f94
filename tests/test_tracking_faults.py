"""Whatever a tracking server does, a training loses nothing by it, and `alexvgg sync` makes up for it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alexvgg.system.errors import TrackingError
from alexvgg.tracking.journal import Journal
from alexvgg.tracking.sync import Target, everything
from conftest import ROOT
from faulty_server import FAULTS, LOSES_AN_ANSWER, FaultyServer
from test_tracking import PACKAGE, epoch, finished, runs, send, start_record

EPOCHS = 6


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with FaultyServer(tmp_path_factory.mktemp("server")) as started:
        yield started


def train_beside(server: FaultyServer, fault: str, root: Path) -> tuple[Journal, list[float], int, str]:
    """A training's journal, written while another process sends it; seconds that each epoch's record took."""
    journal = Journal.create(root / ".alexvgg" / "journals", **start_record(key=f"key-{fault}"))
    server.fault = None if fault == "dies midway" else fault
    sender = send(journal.path, root, MLFLOW_TRACKING_URI=server.uri)
    seconds = []
    for number in range(1, EPOCHS + 1):
        time.sleep(1)
        if fault == "dies midway" and number == EPOCHS - 1:
            time.sleep(4)  # enough for a run to be there
            server.fault = "down"
        began = time.monotonic()
        journal.append("epoch", **epoch(number, 0.5 / number))
        seconds.append(time.monotonic() - began)
    journal.append("end", status="FINISHED", params=1, val_acc=0.5, weights_sha256="", artifacts={"weights": "gone"})
    _, errors = sender.communicate("", timeout=120)
    return journal, seconds, sender.returncode, errors


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_and_nothing_is_there_twice(server, fault, tmp_path, monkeypatch):
    root = tmp_path / "a project"
    root.mkdir()
    journal, _, code, errors = train_beside(server, fault, root)
    assert "Traceback" not in errors
    if fault != "slow":
        assert code == 5
        assert "alexvgg sync" in errors

    server.fault = None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    target = Target("", root, PACKAGE)
    for _ in range(2):
        everything(target, journal.path.parent)
    [run] = [found for found in runs(root) if found.data.tags["alexvgg.key"] == f"key-{fault}"]
    assert run.info.status == "FINISHED"
    client = target.connected()
    for name in ("loss", "acc", "val_loss", "val_acc", "learning_rate"):
        points = client.get_metric_history(run.info.run_id, name)
        assert [point.step for point in points] == list(range(1, EPOCHS + 1))


@pytest.mark.slow
def test_a_run_whose_answer_was_lost_is_there_once(server, tmp_path, monkeypatch):
    """The request is not repeated at once: the run is looked for before another is made."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    journal = finished(tmp_path / "journals", key="key-lost")
    target = Target("", tmp_path, PACKAGE)
    target.connected()
    server.fault = LOSES_AN_ANSWER
    with pytest.raises(TrackingError, match="1 of 1 runs could not be sent whole"):
        everything(target, journal.path.parent)
    assert server.fault is None
    everything(target, journal.path.parent)
    [run] = [found for found in runs(tmp_path) if found.data.tags["alexvgg.key"] == "key-lost"]
    assert run.info.status == "FINISHED" and len(target.connected().get_metric_history(run.info.run_id, "loss")) == 1


WRITER = """
import sys, time
from pathlib import Path
from alexvgg.pipeline import layout
from alexvgg.tracking import recording
from alexvgg.tracking.journal import Journal
from test_tracking import epoch, start_record
number = int(sys.argv[1])
journal = Journal.create(layout.journals(), **start_record(seed=number, key=f"key-{number}"))
with recording.of_training(journal, layout.PACKAGE):
    for step in range(1, 21):
        journal.append("epoch", **epoch(step, 0.5 / step))
        time.sleep(0.5)
    journal.append("end", status="FINISHED", params=1, val_acc=0.5, weights_sha256="", artifacts={"weights": "gone"})
"""


@pytest.mark.slow
def test_eight_at_once_on_one_database(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    environment = os.environ | {"DVC_ROOT": str(tmp_path), "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(number)], env=environment, stderr=subprocess.PIPE, text=True
        )
        for number in range(8)
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=300)
        assert writer.returncode == 0
        assert errors == ""
    found = runs(tmp_path)
    assert sorted(run.info.run_name for run in found) == [f"alexnet-{number}" for number in range(8)]
    assert {run.info.status for run in found} == {"FINISHED"}
    client = Target(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path, PACKAGE).connected()
    for run in found:
        assert len(client.get_metric_history(run.info.run_id, "loss")) == 20
