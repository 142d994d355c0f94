"""One MLflow for several clones: whose rows are in the table, which is the best, what is sent once."""

import shutil
from pathlib import Path

import pytest
import requests

import records
from alexvgg.rows.identity import Inputs
from alexvgg.rows.row import Row
from alexvgg.system import files
from alexvgg.tracking import connection, experiments, recording, shared_table, sync
from alexvgg.tracking import journal as journals
from alexvgg.tracking.sender import in_a_line
from alexvgg.tracking.sync import Target, everything
from test_tracking import PACKAGE, inputs, logged, trained, written  # noqa: F401


class Clone:
    """A project whose MLflow is the one that all clones use."""

    def __init__(self, root: Path, inputs: Inputs) -> None:  # noqa: F811
        root.mkdir()
        self.root, self.inputs, self.journals = root, inputs, root / ".alexvgg" / "journals"
        self.target = Target(f"sqlite:///{root / 'mlflow.db'}", root, PACKAGE)
        (root / "weights").write_text("weights")

    def row(self, seed: int, val_acc: float) -> Row:
        data = records.identity().data | {"description": files.sha256(self.inputs.description)}
        weights = files.sha256(self.root / "weights")
        return records.row(seed=seed, val_acc=val_acc, weights_sha256=weights, data=data)

    def train(self, row: Row) -> None:
        """Train and evaluate a row of the table: its files and its journal are there."""
        made = self.take_over(row)
        journal = trained(self.journals, row, made, self.inputs)
        recording.evaluated(journal, row.evaluation, row.answers)

    def take_over(self, row: Row):
        """The files of a row alone, as by `dvc pull`."""
        place = self.root / "rows" / "test" / row.summary.name
        place.mkdir(parents=True, exist_ok=True)
        made = written(place, row)
        row.summary.write(place / "summary.json")
        shutil.copy(self.root / "weights", made.weights)
        return made

    def drop(self, row: Row) -> None:
        """The row is not in the table any longer."""
        shutil.rmtree(self.root / "rows" / "test" / row.summary.name)

    def sync(self) -> str:
        return everything(self.target, self.journals)


@pytest.fixture
def clones(tmp_path, inputs, monkeypatch) -> list[Clone]:  # noqa: F811
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'shared.db'}")
    return [Clone(tmp_path / name, inputs) for name in ("one", "two")]


@pytest.fixture
def target(clones) -> Target:
    """What `logged` logs models with."""
    return clones[0].target


def best(clone: Clone) -> float:
    version = clone.target.connected().get_model_version_by_alias("alexvgg-test", "best")
    return float(version.tags["val_acc"])


def all_runs(clone: Clone) -> list:
    client = clone.target.connected()
    return client.search_runs([client.get_experiment_by_name("alexvgg-test").experiment_id])


def test_the_best_is_that_of_all_tables_whoever_syncs_last(clones, logged):  # noqa: F811
    one, two = clones
    rows = [one.row(0, 0.5), one.row(1, 0.6)], [two.row(2, 0.9), two.row(3, 0.55)]
    for clone, of_clone in zip(clones, rows, strict=True):
        for row in of_clone:
            clone.train(row)
    one.sync()
    assert best(one) == 0.6
    for clone in (two, one, two, one):
        clone.sync()
        assert best(clone) == 0.9
    two.drop(rows[1][0])
    one.sync()
    assert best(one) == 0.9  # only its own clone knows that it is out
    two.sync()
    assert best(two) == 0.6
    experiment = all_runs(one)[0].info.experiment_id
    keys = {row.summary.key for row in (*rows[0], rows[1][1])}
    assert shared_table.keys(one.target.connected(), experiment) == keys


def test_a_clone_without_rows_takes_nothing_back(clones, logged):  # noqa: F811
    one, _ = clones
    row = one.row(0, 0.5)
    one.train(row)
    one.sync()
    one.drop(row)
    one.sync()
    assert best(one) == 0.5 and len(shared_table.keys(one.target.connected(), all_runs(one)[0].info.experiment_id)) == 1


def test_nothing_is_written_where_all_is_there(clones, logged, monkeypatch):  # noqa: F811
    """So that who may only read is told nothing of it."""
    one, _ = clones
    one.train(one.row(0, 0.5))
    one.sync()
    client = one.target.connected()
    for name in dir(client):
        if name.startswith(("create_", "set_", "log_", "update_", "delete_")):
            monkeypatch.setattr(type(client), name, lambda *_, **__: 1 / 0)
    assert one.sync() == "1 runs are in MLflow"


def test_a_row_that_was_taken_over_is_not_sent_again(clones, logged):  # noqa: F811
    one, two = clones
    row = one.row(0, 0.5)
    one.train(row)
    one.sync()
    recording.find_or_rebuild(two.journals, "test", two.take_over(row), two.inputs)
    assert two.sync() == "1 runs are in MLflow" and sync.waiting(two.target, two.journals) == sync.Waiting(0, 0)
    [run] = all_runs(one)
    assert "alexvgg.rebuilt" not in run.data.tags and run.info.end_time != recording.UNKNOWN
    assert len(logged) == 1
    one.target.connected().delete_run(run.info.run_id)
    assert sync.waiting(two.target, two.journals) == sync.Waiting(0, 1)
    two.sync()
    assert all_runs(one) == []


def test_a_row_that_was_taken_over_is_sent_where_the_run_says_something_else_or_is_not_there(clones, logged):  # noqa: F811
    one, two = clones
    row = one.row(0, 0.5)
    recording.find_or_rebuild(two.journals, "test", two.take_over(row), two.inputs)
    two.sync()
    assert [run.data.tags.get("alexvgg.rebuilt") for run in all_runs(two)] == ["true"]
    other = records.row(seed=1, val_acc=0.5)
    one.train(other)
    [path] = [path for path, start in journals.starts(one.journals) if start["seed"] == 1]
    path.write_bytes(b"\n".join(line for line in path.read_bytes().split(b"\n") if b'"evaluation"' not in line))
    one.sync()
    recording.find_or_rebuild(two.journals, "test", two.take_over(other), two.inputs)
    two.sync()
    assert len([run for run in all_runs(two) if run.data.params["seed"] == "1"]) == 2


def test_the_model_of_a_row_that_was_taken_over_is_registered_if_it_is_not_yet(clones, logged):  # noqa: F811
    one, two = clones
    row = one.row(0, 0.5)
    one.train(row)
    for path, _ in journals.starts(one.journals):
        one.target.send(path)
    [before] = all_runs(one)
    recording.find_or_rebuild(two.journals, "test", two.take_over(row), two.inputs)
    two.sync()
    [after] = all_runs(one)
    assert (after.info.status, after.info.end_time) == ("FINISHED", before.info.end_time)
    assert best(two) == 0.5 and one.sync() == "1 runs are in MLflow" and len(logged) == 1


def test_clones_that_trained_a_row_to_other_bits_leave_each_others_run_in_the_table(clones):
    for clone, weights, val_acc in zip(clones, "ab", (0.5, 0.6), strict=True):
        clone.train(records.row(weights_sha256=weights * 64, val_acc=val_acc))
    for clone in (*clones, *clones):
        clone.sync()
    assert {"alexvgg.in_table" in run.data.tags for run in all_runs(clones[0])} == {True}
    assert len(all_runs(clones[0])) == 2


def test_two_clones_that_begin_at_once_have_one_experiment(clones, monkeypatch):
    one, two = clones
    lock = one.root / "lock"
    client = one.target.connected()
    made = experiments.find_or_create(client, "test", lock, None)
    seen = []
    find = experiments.find
    monkeypatch.setattr(experiments, "find", lambda *arguments: find(*arguments) if seen else seen.append(1))
    assert experiments.find_or_create(two.target.connected(), "test", two.root / "lock", None) == made


def answered(code: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = code
    return requests.HTTPError(f"{code} Client Error", response=response)


def test_a_refusal_is_said_in_words():
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, UNAUTHENTICATED

    for error in (answered(403), MlflowException("Permission denied", PERMISSION_DENIED)):
        assert in_a_line(error).endswith("may not do this (HTTP 403); ask whoever runs it for the right to write")
    for error in (answered(401), MlflowException("You are not …", UNAUTHENTICATED)):
        assert "(HTTP 401); set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in in_a_line(error)
    host = MlflowException("… 403 … 'Invalid Host header - possible DNS rebinding attack'", PERMISSION_DENIED)
    assert "--allowed-hosts" in in_a_line(host)
    assert in_a_line(answered(500)) == "500 Client Error"


def test_a_server_that_went_away_is_said_in_words(clones, monkeypatch):
    import mlflow

    with pytest.raises(Exception) as raised:
        mlflow.MlflowClient("http://127.0.0.1:9").search_experiments()
    assert in_a_line(raised.value) == "MLflow's server does not answer (no connection)"


def test_nothing_is_repeated_within_once(monkeypatch):
    from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_MAX_RETRIES

    before = MLFLOW_HTTP_REQUEST_MAX_RETRIES.get()
    with pytest.raises(ZeroDivisionError), connection.once():
        assert MLFLOW_HTTP_REQUEST_MAX_RETRIES.get() == 0
        1 / 0  # noqa: B018
    assert MLFLOW_HTTP_REQUEST_MAX_RETRIES.get() == before == 1
