"""A hint where a training looks wrong, and none where it does not."""

import math

import pytest

import records
from alexvgg.pipeline import hints
from alexvgg.pipeline.hints import Circumstances
from alexvgg.pipeline.observer import TrainingObserver
from alexvgg.rows.history import Epoch

GUESSING = math.log(10)


def known(**changes) -> Circumstances:
    """Ten classes, five epochs of 400 steps, the first of them a warm-up, without batch normalisation."""
    base = {"classes": 10, "batch_normalization": False, "steps": 2000, "steps_per_epoch": 400, "warmup_steps": 400.0}
    return Circumstances(**base | changes)


def said(circumstances: Circumstances, epoch: int, loss: float, acc: float, val_loss: float, val_acc: float) -> str:
    found = list(hints.after(Epoch(epoch, 32, loss, acc, val_loss, val_acc, 1e-3), circumstances))
    assert len(found) <= 1
    assert all("\n" not in hint for hint in found)
    return "".join(found)


def test_a_good_training_gets_none():
    for epoch, (loss, acc) in enumerate([(2.1, 0.25), (1.5, 0.5), (1.0, 0.7), (0.6, 0.8), (0.4, 0.87)], start=1):
        assert said(known(), epoch, loss, acc, 0.9 * loss, acc - 0.05) == ""


FINE = [  # what our own profiles had after their first epoch: classes, loss, acc, val_loss, val_acc
    (10, 2.342, 0.161, 1.745, 0.474),  # quickstart: VGG-16, whose dropout and first steps keep its loss high
    (10, 1.191, 0.610, 2.754, 0.102),  # quickstart: AlexNet+VGG, whose batch normalisation lags behind
    (100, 4.407, 0.034, 4.067, 0.069),  # cpu: VGG-16
    (100, 4.403, 0.021, 4.190, 0.034),  # vgg-family: E, the slowest of all to begin
    (100, 4.682, 0.050, 5.097, 0.041),  # effort: AlexNet
    (100, 4.625, 0.055, 6.047, 0.022),  # ablations: AlexNet with tanh
    (100, 4.814, 0.053, 4.681, 0.038),  # slides: AlexNet
]


@pytest.mark.parametrize(("classes", "loss", "acc", "val_loss", "val_acc"), FINE)
def test_a_slow_first_epoch_gets_none(classes, loss, acc, val_loss, val_acc):
    assert said(known(classes=classes), 1, loss, acc, val_loss, val_acc) == ""


FINE_AT_THE_END = [
    (10, 0.466, 0.838, 0.219, 0.949),  # quickstart: VGG-16
    (100, 1.294, 0.625, 1.879, 0.517),  # cpu: AlexNet
    (100, 3.254, 0.209, 2.991, 0.267),  # effort: as on the slide
    (100, 4.123, 0.040, 4.021, 0.053),  # vgg-family: E, after two epochs
]


@pytest.mark.parametrize(("classes", "loss", "acc", "val_loss", "val_acc"), FINE_AT_THE_END)
@pytest.mark.parametrize("batch_normalization", [True, False])
def test_a_good_end_gets_none(batch_normalization, classes, loss, acc, val_loss, val_acc):
    whole = known(classes=classes, batch_normalization=batch_normalization)
    assert said(whole, 5, loss, acc, val_loss, val_acc) == ""


DEAD = [
    (GUESSING, 0.1, GUESSING, 0.1),  # the loss stays at that of guessing
    (2.33, 0.105, 2.31, 0.12),
    (27.4, 0.1, 31.0, 0.09),  # it went away
]


@pytest.mark.parametrize(("loss", "acc", "val_loss", "val_acc"), DEAD)
def test_nothing_learnt_in_the_first_epoch(loss, acc, val_loss, val_acc):
    hint = said(known(), 1, loss, acc, val_loss, val_acc)
    assert f"it has learnt nothing in its first epoch (loss {loss:.2f}; guessing among 10 classes gives 2.30)" in hint
    assert "learning_rate" in hint
    assert said(known(), 2, loss, acc, val_loss, val_acc) == ""  # it was said


@pytest.mark.parametrize(("loss", "acc", "val_loss", "val_acc"), DEAD)
def test_nothing_learnt_at_all(loss, acc, val_loss, val_acc):
    assert "it has learnt nothing at all" in said(known(), 5, loss, acc, val_loss, val_acc)


def test_nothing_learnt_with_other_numbers_of_classes():
    assert "nothing" in said(known(classes=2), 1, 0.694, 0.51, 0.693, 0.5)
    assert said(known(classes=2), 1, 0.66, 0.6, 0.64, 0.62) == ""
    assert said(known(classes=2), 1, 0.72, 0.58, 0.71, 0.64) == ""  # the first steps were bad
    assert "nothing" in said(known(classes=100), 1, 4.62, 0.011, 4.605, 0.01)
    assert said(known(classes=100), 1, 4.3, 0.04, 4.1, 0.06) == ""


def test_a_warm_up_is_not_judged_before_half_of_it():
    """60 epochs, 12 of warm-up."""
    long = known(steps=24_000, warmup_steps=4800.0)
    for epoch in range(1, 6):
        assert said(long, epoch, GUESSING, 0.1, GUESSING, 0.1) == ""
    assert "nothing in 6 epochs" in said(long, 6, GUESSING, 0.1, GUESSING, 0.1)
    assert said(long, 7, GUESSING, 0.1, GUESSING, 0.1) == ""
    assert "nothing in its first epoch" in said(known(warmup_steps=0.0), 1, GUESSING, 0.1, GUESSING, 0.1)


def test_a_training_that_is_stopped_in_its_warm_up_is_not_judged():
    assert said(known(steps=40, warmup_steps=4800.0), 1, 4.9, 0.1, 2.31, 0.1) == ""


def test_a_gap_with_batch_normalisation_and_few_steps():
    few = known(batch_normalization=True, steps=152, steps_per_epoch=38, warmup_steps=30.0)
    hint = said(few, 4, 0.15, 0.95, 2.9, 0.26)
    assert "accuracy is 0.95 in training and 0.26 in validation; after 152 steps the moving averages" in hint
    for parameter in ("batch_norm_momentum", "epochs", "batch_size"):
        assert parameter in hint
    assert said(few, 3, 0.15, 0.95, 2.9, 0.26) == ""  # while it trains they lag behind anyway
    assert "overfits" in said(known(batch_normalization=True), 5, 0.15, 0.95, 2.9, 0.26)


def test_a_gap_without():
    hint = said(known(), 5, 0.1, 0.97, 3.1, 0.5)
    assert "0.97 in training and 0.50 in validation: it overfits" in hint
    assert "weight_decay" in hint
    assert said(known(), 4, 0.1, 0.97, 3.1, 0.5) == ""
    assert said(known(), 5, 0.5, 0.85, 0.9, 0.6) == ""


def test_a_training_of_one_epoch():
    one = known(steps=400, warmup_steps=80.0)
    assert said(one, 1, 2.2, 0.2, 2.0, 0.3) == ""
    assert "nothing at all" in said(one, 1, 2.31, 0.1, 2.31, 0.1)
    assert "overfits" in said(one, 1, 0.4, 0.9, 2.0, 0.4)


class Observed:
    """What an observer asks of a trainer."""

    class Weight:
        def __init__(self, name):
            self.name = name

    def __init__(self, *weights: str) -> None:
        self.network, self.rows, self.crops = self, [], [32]
        self.weights, self.output_shape = [self.Weight(name) for name in weights], (None, 10)
        self.last_step = self.total_steps = self.steps_per_epoch = 152
        self.step = 0


@pytest.mark.parametrize(
    ("weights", "expected"), [(("kernel", "moving_mean"), "batch_norm_momentum"), (("kernel",), "overfits")]
)
def test_a_hint_is_a_line_on_the_terminal(monkeypatch, capsys, weights, expected):
    for kind in ("steps", "epochs"):
        monkeypatch.setattr(f"alexvgg.tracking.recording.{kind}_into", lambda journal: lambda *_, **__: None)
    identity = records.identity(model="mine", recipe=records.recipe(epochs=1))
    observer = TrainingObserver(identity, None, None)
    observer.begin(Observed(*weights))
    observer.epoch(Epoch(1, 32, 0.15, 0.95, 2.9, 0.26, 1e-3))
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("mine-0: epoch 1/1")
    assert second.startswith("mine-0: hint: accuracy is 0.95") and expected in second
