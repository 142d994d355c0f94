"""How long a training says that it will take."""

from dataclasses import dataclass

import pytest

import records
from alexvgg.pipeline import progress
from alexvgg.pipeline.progress import Progress
from alexvgg.rows.history import Epoch
from alexvgg.training.schedule import crops

STEPS = 100  # an epoch
SECONDS = {32: 1.0, 64: 4.0}  # a step, by crop
VALIDATION = 20.0


@dataclass
class Plan:
    """What `Progress` asks of a trainer."""

    crops: list[int]
    last_step: int
    step: int
    steps_per_epoch: int = STEPS


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def lines(clock, capsys, last_step=300, done=0):
    """The lines of a training of two epochs at 32 px and one at 64."""
    recipe = records.recipe(epochs=3, batch_size=16, early_crops=[{"crop": 32, "fraction": 0.67}])
    plan = Plan(crops(recipe, 64), last_step, done)
    shown = Progress(records.identity(model="net", crop=64, recipe=recipe), plan)
    for step in range(done + 1, last_step + 1):
        epoch = (step - 1) // STEPS + 1
        clock.now += SECONDS[plan.crops[epoch - 1]]
        shown.step(epoch=epoch, step=step, loss=1.0, acc=0.5)
        if step % STEPS == 0 or step == last_step:
            clock.now += VALIDATION
            shown.epoch(Epoch(epoch, plan.crops[epoch - 1], 1.0, 0.5, 1.0, 0.5, 0.1))
    shown.close()
    return capsys.readouterr().err.splitlines()


def said(line: str) -> float:
    minutes, seconds = line.split()[-2].split(":")
    return 60 * int(minutes) + int(seconds)


def test_what_is_left_counts_larger_crops_and_validation(clock, capsys):
    inside = [line for line in lines(clock, capsys) if line.endswith(" left")]
    assert "epoch 1/3 step 31/300 loss 1.0000 acc 0.5000 16 images/s" in inside[0]
    assert said(inside[0]) == 69 + 100 + 400  # the time of a validation is not known yet
    second = next(line for line in inside if "epoch 2/3" in line)
    step = int(second.split(" step ")[1].split("/")[0])
    assert said(second) == (200 - step) + 400 + 2 * VALIDATION
    last = inside[-1]
    step = int(last.split(" step ")[1].split("/")[0])
    assert " 4 images/s" in last and said(last) == 4 * (300 - step) + VALIDATION


def test_what_is_left_ends_where_the_training_stops(clock, capsys):
    inside = [line for line in lines(clock, capsys, last_step=220) if line.endswith(" left")]
    assert said(inside[0]) == 69 + 100 + 4 * 20


def test_the_rate_after_an_interruption_is_that_of_the_steps_since(clock, capsys):
    shown = lines(clock, capsys, done=150)
    assert shown[0] == "net-0: goes on from its checkpoint at step 150 of 300"
    assert "epoch 2/3 step 181/300 loss 1.0000 acc 0.5000 16 images/s 6:59 left" in shown[1]
