"""What a journal says is what a real MLflow, on SQLite, holds."""

import json
import os
import subprocess
import sys
import time
import zlib
from dataclasses import fields
from pathlib import Path

import pytest

import records
from alexvgg.rows import answers, history
from alexvgg.rows.identity import Identity, Inputs
from alexvgg.rows.paths import RowFiles
from alexvgg.rows.row import Row
from alexvgg.system import files
from alexvgg.system.errors import TrackingError
from alexvgg.tracking import connection, recording
from alexvgg.tracking import journal as journals
from alexvgg.tracking.journal import Journal
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
    journal.append("evaluation", metrics={"test_acc": 0.75})
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


def without_times(journal: Journal) -> list[dict]:
    return [
        {name: value for name, value in record.items() if name not in ("time", "uid")}
        for record in journals.read(journal.path)
    ]


def test_a_journal_begins_with_all_that_decides_the_result(folder, inputs):
    summary = records.summary(recipe=records.recipe(early_crops=[{"crop": 99, "epochs": 1}]), seed=3)
    identity = Identity(**{name: getattr(summary, name) for name in Identity.model_fields})
    journal = recording.begin(folder, "test", identity, inputs)
    [start] = journals.read(journal.path)
    known = json.loads(identity.model_dump_json())
    assert set(start) == {"kind", "time", "uid", "process", *start_record(), *known}
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
    row = records.row(recipe=records.recipe(early_crops=[{"crop": 99, "epochs": 2}]))
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
    assert without_times(rebuilt) == without_times(own)
    assert recording.find_or_rebuild(folder / "elsewhere", "test", made, inputs).path == rebuilt.path
    _, *epochs, end, evaluation = journals.read(rebuilt.path)
    assert [(one["kind"], one["epoch"], one["crop"]) for one in epochs] == [
        ("epoch", 1, 99), ("epoch", 2, 99), ("epoch", 3, 227),
    ]  # fmt: skip
    assert epochs[-1]["val_acc"] == row.summary.val_acc
    assert (end["kind"], end["status"], end["params"], end["val_acc"]) == ("end", "FINISHED", 58_696_548, 0.4432)
    assert end["weights_sha256"] == row.summary.weights_sha256
    assert end["artifacts"] == {
        "weights": str(made.weights), "summary": str(made.summary), "description": str(inputs.description),
    }  # fmt: skip
    assert evaluation["kind"] == "evaluation"
    assert evaluation["metrics"] == row.evaluation.metrics | {"by_class/cat": 1.0, "by_class/dog": 0.0}


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


@pytest.mark.parametrize("call", ["log_batch", "log_inputs", "log_dict"])
def test_a_run_that_was_begun_and_not_described_is_described_later(target, root, folder, call, monkeypatch):
    journal = Journal.create(folder, **start_record())
    journal.append("epoch", **epoch(1, 0.5))

    def gone(*_, **__):
        raise OSError("the server is gone")

    with monkeypatch.context() as broken:
        broken.setattr(type(target._connected()), call, gone)
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
    everything(target, folder)
    assert sorted(run.info.status for run in runs(root)) == ["KILLED", "RUNNING"]
    assert journals.newest(folder, "k2") == alive.path


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
    for seed, val_acc in enumerate([0.5, 0.9, 0.7]):
        journal = Journal.create(folder, **start_record(seed=seed, key=f"k{seed}"))
        journal.append(
            "end", status="FINISHED", params=1, val_acc=val_acc,
            weights_sha256=files.sha256(tmp_path / "m.weights.h5"),
            artifacts={name: str(tmp_path / file) for name, file in artifacts.items()},
        )  # fmt: skip
        target.register(journal.path)
        target.register(journal.path)
    api = client(root)
    assert len(api.search_model_versions("name = 'alexvgg-test'")) == 3
    best = api.get_model_version_by_alias("alexvgg-test", "best")
    assert best.tags["val_acc"] == "0.9"
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
