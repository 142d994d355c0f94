"""How long trainings took, from journals."""

import json
import zlib

import pytest

import records
from alexvgg.cli import times
from alexvgg.system.errors import AlexvggError

RECIPE = records.RECIPE | {"epochs": 3, "batch_size": 64, "early_crops": [{"crop": 65, "fraction": 0.67}]}
DATASET = {"images": {"train": 6_450}}  # 100 batches of 64
VERSIONS = {"processor": "a processor", "threads": "2"}


def write(folder, name, seconds_and_records, **start):
    """A journal whose records came at these seconds."""
    head = {"kind": "start", "uid": name, "process": 1, "key": "k", "model": "m", "seed": 0, "crop": 96}
    records = [(0, {**head, "recipe": RECIPE, "dataset": DATASET, **start}), *seconds_and_records]
    text = ""
    for seconds, record in records:
        line = json.dumps({**record, "time": start.get("time", 0) + round(seconds * 1000)})
        text += f"{zlib.crc32(line.encode()):08x} {line}\n"
    (folder / f"{name}.jsonl").write_text(text)


def epoch(number):
    return {"kind": "epoch", "epoch": number, "crop": [65, 65, 96][number - 1]}


UNDISTURBED = [
    (2, {"kind": "environment", "versions": VERSIONS}),
    (3, {"kind": "step", "epoch": 1, "step": 100}),
    (7, {"kind": "step", "epoch": 1, "step": 150}),
    (10, epoch(1)),
    (11, {"kind": "step", "epoch": 2, "step": 160}),
    (15, {"kind": "step", "epoch": 2, "step": 210}),
    (22, epoch(2)),
    (52, epoch(3)),
    (60, {"kind": "end", "status": "FINISHED"}),
    (99, {"kind": "evaluation", "metrics": {}}),
]


def test_epochs_are_timed_by_size_without_what_follows_them(tmp_path):
    write(tmp_path, "a", UNDISTURBED)
    (found,) = times.read(tmp_path, ["k"])
    assert (found.run, found.crops, found.seconds, found.interruptions) == ("m-0", [65, 65, 96], [10, 12, 30], 0)
    assert found.rate == 100 * 64 / 8  # from step 100 to 200, and nothing across the epochs
    assert "2 at 65 px (11 s), 1 at 96 px (30 s) | 1 min | 800.0 | 0 | a processor, 2 threads" in times.table(
        "p", [found]
    )


def test_the_time_between_an_interruption_and_its_end_does_not_count(tmp_path):
    closed_lid = [
        *UNDISTURBED[:4],
        (15, {"kind": "system"}),  # the last sign of life
        (5015, {"kind": "resume", "process": 2}),
        (5025, epoch(2)),
        (6030, {"kind": "end", "status": "KILLED"}),  # said later, by `alexvgg sync`
        (7000, {"kind": "resume", "process": 3}),
        (7030, epoch(3)),
        (7031, {"kind": "end", "status": "FINISHED"}),
    ]
    write(tmp_path, "a", closed_lid)
    (found,) = times.read(tmp_path, ["k"])
    assert (found.seconds, found.interruptions) == ([10, 15, 30], 2)


def test_a_machine_that_slept_was_not_at_work(tmp_path):
    slept = [(s if s < 22 else s + 3600, record) for s, record in UNDISTURBED]
    write(tmp_path, "a", slept)
    (found,) = times.read(tmp_path, ["k"])
    assert (found.seconds, found.interruptions) == ([10, 5, 30], 1)


def test_the_newest_that_was_finished_counts_and_no_other_training(tmp_path):
    write(tmp_path, "old", UNDISTURBED)
    write(tmp_path, "new", [(s * 1.5, record) for s, record in UNDISTURBED], time=10**6)
    write(tmp_path, "unfinished", UNDISTURBED[:5], time=2 * 10**6)
    write(tmp_path, "other", UNDISTURBED, key="l", time=3 * 10**6)
    (found,) = times.read(tmp_path, ["k"])
    assert found.seconds == [15, 18, 45]
    with pytest.raises(AlexvggError, match="no finished training"):
        times.read(tmp_path, ["m"])


def test_a_journal_that_was_rebuilt_tells_no_time(tmp_path):
    write(tmp_path, "a", UNDISTURBED[1:])
    with pytest.raises(AlexvggError):
        times.read(tmp_path, ["k"])


def test_the_loss_of_a_stopped_training_is_shown_in_parts(tmp_path):
    def step(number, loss):
        return {"kind": "step", "epoch": 1 + (number - 1) // 100, "step": number, "loss": loss}

    records = [
        (1, {"kind": "environment", "versions": VERSIONS}),
        (2, step(50, 4.0)),
        (3, step(80, 3.7)),  # 30 steps at 3.2
        (4, epoch(1) | {"loss": 3.5}),  # 20 steps at 2.7
        (5, {"kind": "resume", "process": 2}),
        (6, step(90, 3.6)),  # 10 of them at 2.8, done again
        (7, step(110, 2.0)),  # 10 at 2.6, 10 at 2.0
        (8, epoch(2) | {"loss": 1.9}),  # 10 at 1.8
        (9, {"kind": "end", "status": "FINISHED"}),
    ]
    write(tmp_path, "a", records, recipe=RECIPE | {"stop_after": 120})
    (found,) = times.read(tmp_path, ["k"])
    assert [step for step, _ in found.losses] == [50, 80, 90, 100, 110, 120]
    assert [loss for _, loss in found.losses] == pytest.approx([4.0, 3.2, 2.8, 2.6, 2.0, 1.8])
    text = times.table("p", [found])
    assert "| 110 | 2.0000 |" in text
    assert "stopped after 120 of 300 steps" in text
    assert "1 at 65 px (4 s), 20 steps at 65 px (3 s)" in text


def test_one_that_stop_after_does_not_reach_was_not_stopped(tmp_path):
    write(tmp_path, "a", UNDISTURBED, recipe=RECIPE | {"stop_after": 300})
    assert "stopped" not in times.table("p", times.read(tmp_path, ["k"]))


def test_a_damaged_line_costs_what_it_said(tmp_path):
    write(tmp_path, "a", UNDISTURBED)
    path = tmp_path / "a.jsonl"
    path.write_text(path.read_text().replace('"step": 150', '"step": 159'))
    (found,) = times.read(tmp_path, ["k"])
    assert found.seconds == [10, 12, 30]
