"""A training that was interrupted ends with the bits of one that was not; a damaged checkpoint is never used."""

import os
import signal
import threading
import time
import weakref
from copy import deepcopy

import numpy as np
import pytest

from alexvgg.checkpoints.saver import Saver
from alexvgg.checkpoints.snapshot import Snapshot
from alexvgg.checkpoints.store import Checkpoints
from alexvgg.system import files
from alexvgg.system.errors import Interrupted, TrainingError
from conftest import damage, quiet
from test_training import both, identity, tiny_network

HERE = {"threads": "2", "tensorflow": "2.0"}


def snapshot(step: int) -> Snapshot:
    arrays = {"a": np.arange(step, dtype=np.float32), "b": np.array([[step, 1]], np.int64), "c": np.array(7.0)}
    return Snapshot(step, arrays, {"loss_sum": 0.1 + 0.2, "rows": [{"epoch": step}]}, HERE)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "with space" / "checkpoints" / "alexnet-0-0123456789abcdef"


@pytest.fixture
def checkpoints(folder):
    with Checkpoints(folder) as opened:
        yield opened


def same(a: Snapshot, b: Snapshot) -> bool:
    return (a.step, a.facts, a.environment, list(a.arrays)) == (b.step, b.facts, b.environment, list(b.arrays)) and all(
        x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
        for x, y in zip(a.arrays.values(), b.arrays.values(), strict=True)
    )


def test_the_last_two_are_kept_and_the_newest_is_read(checkpoints, folder):
    assert checkpoints.newest(HERE) is None
    for step in (5, 10, 100):
        checkpoints.save(snapshot(step))
        assert checkpoints.wait() is None
    assert sorted(path.name for path in folder.iterdir()) == [
        ".0.spare",
        ".1.spare",
        "000002.0.checkpoint",
        "000002.1.checkpoint",
        "000002.sha256",
        "000003.0.checkpoint",
        "000003.1.checkpoint",
        "000003.sha256",
    ]
    assert same(checkpoints.newest(HERE), snapshot(100))
    checkpoints.discard()
    assert not folder.exists()


def test_the_next_is_written_over_the_oldest_and_takes_no_more_disk(checkpoints, folder):
    for step in (5, 10, 1000, 20):  # the last is shorter than what it is written over, the third one longer
        checkpoints.save(snapshot(step))
        assert checkpoints.wait() is None
    inodes = {path.stat().st_ino for path in folder.glob(".*.spare")}
    for step in (30, 40):
        checkpoints.save(snapshot(step))
        assert checkpoints.wait() is None
        assert same(checkpoints.newest(HERE), snapshot(step))
        assert len([path for path in folder.iterdir() if path.suffix != ".sha256"]) == 6
    assert len(inodes) == 2
    assert inodes <= {path.stat().st_ino for path in folder.glob("*.checkpoint")}
    checkpoints.discard()
    assert not folder.exists()


def test_the_manifest_is_what_sha256sum_checks(checkpoints, folder):
    checkpoints.save(snapshot(3))
    checkpoints.wait()
    listed = [line.split("  ") for line in (folder / "000001.sha256").read_text().splitlines()]
    assert [name for _, name in listed] == ["000001.0.checkpoint", "000001.1.checkpoint"]
    assert [digest for digest, _ in listed] == [files.sha256(folder / name) for _, name in listed]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 1000, 1001])
def test_its_files_are_of_about_the_same_size(checkpoints, folder, length):
    state = Snapshot(1, {"a": np.arange(length, dtype=np.uint8), "b": np.zeros(length)}, {}, {})
    checkpoints.save(state)
    checkpoints.wait()
    one, other = (path.stat().st_size for path in folder.glob("*.checkpoint"))
    assert abs(one - other) <= 1
    assert same(checkpoints.newest({}), state)


@pytest.mark.parametrize("seed", range(20))
def test_any_damage_to_the_newest_makes_the_older_one_be_used(checkpoints, folder, seed):
    for step in (5, 10):
        checkpoints.save(snapshot(step))
        checkpoints.wait()
    random = np.random.default_rng(seed)
    damage(folder / f"000002.{random.choice(['0.checkpoint', '1.checkpoint', 'sha256'])}", random)
    assert same(checkpoints.newest(HERE), snapshot(5))


def test_when_all_are_damaged_there_is_no_silent_fresh_start(checkpoints, folder):
    for step in (5, 10):
        checkpoints.save(snapshot(step))
        checkpoints.wait()
    for path in folder.glob("*.checkpoint"):
        damage(path, np.random.default_rng(0))
    with pytest.raises(TrainingError, match=r"no checkpoint of alexnet-0 is whole.*alexvgg checkpoints --discard"):
        checkpoints.newest(HERE)


def test_one_that_was_never_finished_is_none(checkpoints, folder):
    checkpoints.save(snapshot(5))
    checkpoints.wait()
    (folder / "000002.0.checkpoint").write_bytes(b"half")
    assert same(checkpoints.newest(HERE), snapshot(5))
    (folder / "000001.sha256").unlink()
    assert checkpoints.newest(HERE) is None


def test_what_a_killed_process_left_half_written_is_removed(folder):
    folder.mkdir(parents=True)
    (folder / ".000001.checkpoint.abc.part").write_bytes(b"half")
    with Checkpoints(folder) as checkpoints:
        assert checkpoints.newest(HERE) is None
    assert list(folder.iterdir()) == []


def test_one_from_another_environment_is_refused_unless_accepted(checkpoints, folder):
    checkpoints.save(snapshot(5))
    checkpoints.wait()
    other = HERE | {"threads": "8"}
    with pytest.raises(TrainingError, match=r"threads '2' there, '8' here.*--accept"):
        checkpoints.newest(other)
    checkpoints.accept()
    assert same(checkpoints.newest(other), snapshot(5))
    checkpoints.save(Snapshot(6, {}, {}, other))
    checkpoints.wait()
    assert checkpoints.newest(other).step == 6
    with pytest.raises(TrainingError, match=r"threads '8' there, '2' here.*--accept"):  # it was for that one only
        checkpoints.newest(HERE)


def test_one_process_at_a_time(checkpoints, folder):
    with pytest.raises(TrainingError, match=r"another process is at work on alexnet-0"):
        Checkpoints(folder)


def test_a_signal_ends_at_the_next_safe_point_with_the_state_kept(checkpoints):
    saver = Saver(checkpoints, 9, lambda: snapshot(4))
    with pytest.raises(Interrupted, match="interrupted at step 4 of 9; the same command goes on"), saver.listening():
        saver.safe_point()
        assert not checkpoints.found
        os.kill(os.getpid(), signal.SIGTERM)
        saver.safe_point()
    assert same(checkpoints.newest(HERE), snapshot(4))


def test_one_wish_that_arrives_several_times_costs_no_checkpoint(checkpoints):
    """As when a terminal is closed, or a scheduler ends all processes: each tells those that it began, too."""
    saver = Saver(checkpoints, 9, lambda: snapshot(4))
    with pytest.raises(Interrupted, match="the same command goes on"), saver.listening():
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(os.getpid(), number)
        saver.safe_point()


def test_a_second_signal_ends_at_once(checkpoints, monkeypatch):
    monkeypatch.setattr("alexvgg.checkpoints.saver.AGAIN", 0.2)
    saver = Saver(checkpoints, 9, lambda: snapshot(4))
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), saver.listening():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    "where", ["alexvgg.checkpoints.snapshot._write", "alexvgg.checkpoints.store.Checkpoints._finish"]
)
def test_a_disk_that_is_full_costs_the_checkpoint_and_not_the_work(checkpoints, where, monkeypatch, capsys):
    monkeypatch.setattr("alexvgg.checkpoints.saver.EVERY", 0.0)
    saver = Saver(checkpoints, 9, lambda: snapshot(4))
    saver.safe_point()
    checkpoints.wait()

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(where, full)
        saver.safe_point()
        saver.safe_point()
    message = capsys.readouterr().err
    assert "No space left on device" in message
    assert len(message.splitlines()) == 1
    assert same(checkpoints.newest(HERE), snapshot(4))
    assert threading.active_count() < 50


def test_the_memory_of_a_state_is_let_go(checkpoints):
    state = snapshot(5)
    memory = weakref.ref(state.arrays["a"])
    checkpoints.save(state)
    del state
    checkpoints.wait()
    assert memory() is None


@pytest.fixture(scope="module")
def data():
    from alexvgg.data.dataset import Split

    random = np.random.default_rng(0)
    images = random.integers(0, 256, (32, 8, 8, 3), dtype=np.uint8)
    return both(Split(images, random.integers(0, 2, 32).astype(np.int32)))


EARLY = [{"crop": 12, "fraction": 0.5}]


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        pytest.param({"optimizer": "adam"}, (3, 3), marks=pytest.mark.slow),
        (
            {
                "optimizer": "adam",
                "early_crops": EARLY,
                "stop_after": 5,
                "cutmix": 0.25,
                "erasing": 0.25,
                "restart": 0.9,
                "padding": 1,
            },
            (3, 2),
        ),
        pytest.param({"optimizer": "sgd"}, (3, 3), marks=pytest.mark.slow),
    ],
    ids=["adam", "early crops, CutMix, stopped in an epoch", "sgd"],
)
def test_restored_anywhere_it_ends_with_the_same_bits(tf, data, changes, steps, tmp_path):
    """At every step and every batch of every validation, through a file, in a new network with other weights."""
    from alexvgg.training.trainer import Trainer

    settings = identity(epochs=2, batch_size=10, weight_decay=0.1, **changes)

    def new():
        model = tiny_network()
        return model, Trainer(model, data, settings)

    states = []
    model, trainer = new()
    rows = list(trainer.epochs(quiet, lambda: states.append(deepcopy(trainer.state()))))
    expected = [value.tobytes() for value in trainer.state()[1].values()]
    beginning = trainer.beginning
    assert [one.step for one in beginning] == [1, 2]
    assert len(states) == sum(made + 4 for made in steps)  # four batches in each validation
    for step, arrays, facts in states:
        with Checkpoints(tmp_path / "c-1" / f"{step}-{len(arrays)}") as checkpoints:
            checkpoints.save(Snapshot(step, arrays, facts, HERE))
            checkpoints.wait()
            loaded = checkpoints.newest(HERE)
        model, trainer = new()
        model.set_weights([weight + 1 for weight in model.get_weights()])
        trainer.restore(loaded.step, loaded.arrays, loaded.facts)
        done = trainer.rows.copy()
        assert done + list(trainer.epochs(quiet, quiet)) == rows
        assert trainer.beginning == beginning
        assert [value.tobytes() for value in trainer.state()[1].values()] == expected


def test_the_beginning_is_the_same_after_an_interruption(tf, data):
    """Before, at and after each step at which it is noted; three steps an epoch."""
    from alexvgg.training.trainer import Trainer

    def new():
        return Trainer(tiny_network(), data, identity(epochs=4, batch_size=10))

    trainer, states = new(), {}
    list(trainer.epochs(quiet, lambda: states.setdefault(trainer.step, deepcopy(trainer.state()))))
    expected = trainer.beginning
    assert [one.step for one in expected] == [1, 2, 10]
    for step in (1, 2, 5, 9, 10, 11):
        assert [one["step"] for one in states[step][2]["beginning"]] == [one for one in (1, 2, 10) if one <= step]
        restored = new()
        restored.restore(*states[step])
        list(restored.epochs(quiet, quiet))
        assert restored.beginning == expected


def test_a_state_that_is_held_stays_what_it_was(tf, data):
    from alexvgg.training.trainer import Trainer

    trainer = Trainer(tiny_network(), data, identity(epochs=1, batch_size=10))
    states = []
    list(trainer.epochs(quiet, lambda: states.append((trainer.state(), deepcopy(trainer.state())))))
    for held, copied in states:
        assert held[1].keys() == copied[1].keys()
        assert all(np.array_equal(held[1][name], copied[1][name]) for name in held[1])
