"""What a training cost, against counts made another way."""

from dataclasses import replace

import pytest

import records
from alexvgg.evaluation import cost
from alexvgg.networks import counting, registry
from alexvgg.reporting import effort
from alexvgg.training import schedule

EARLY = [{"crop": 67, "fraction": 0.67}]
RECIPE = records.recipe(epochs=3, batch_size=128, early_crops=EARLY)
SUMMARY = records.summary(crop=131, recipe=RECIPE)
FLOP = {"67": 10**9, "131": 4 * 10**9}
USED = 44_928  # 351 batches of 128


@pytest.mark.parametrize("name", ["alexnet", "alexnet_vgg"])
def test_the_arithmetic_at_a_small_crop_is_that_of_the_network_which_trains_there(tf, name, monkeypatch):
    import keras

    from alexvgg.evaluation.prediction import logits_network
    from alexvgg.networks import blocks
    from alexvgg.training.early_crops import at_crop

    # Counted are all of a kernel's pixels, wherever it lies; our own layer leaves out those outside of a small map.
    monkeypatch.setattr(blocks, "Conv2D", keras.layers.Conv2D)
    architecture = registry.named(name)
    model, small = architecture.build(131, 100, {}), architecture.build(67, 100, {})
    counted = counting.training_flop(counting.layers(model), counting.layers(small))
    network = at_crop(logits_network(model), 67)
    graph = tf.function(network).get_concrete_function(tf.TensorSpec((1, 67, 67, 3))).graph
    forward = []
    for operation in graph.get_operations():
        if operation.type in ("Conv2D", "MatMul"):
            kernel, output = operation.inputs[1].shape, operation.outputs[0].shape
            places = output[1:3].num_elements() if operation.type == "Conv2D" else 1
            forward.append(2 * kernel.num_elements() * places)
    assert len(forward) == sum(layer.flop > 0 for layer in counting.layers(model))
    assert counted == 3 * sum(forward) - forward[0]


def test_epochs_cost_what_their_crops_cost():
    crops = schedule.crops(RECIPE, 131)
    assert crops == [67, 67, 131]
    expected = [USED * 1e9 / 1e15, USED * 2e9 / 1e15, USED * 6e9 / 1e15]
    assert cost.petaflop_by_epoch(SUMMARY, crops, FLOP) == pytest.approx(expected)


def test_a_training_that_is_stopped_costs_its_steps():
    stopped = records.summary(
        crop=131, recipe=records.recipe(epochs=3, batch_size=128, early_crops=EARLY, stop_after=400)
    )  # fmt: skip
    assert cost.steps(stopped.recipe, 45_000) == (400, 1053)
    assert cost.steps(RECIPE, 45_000) == (1053, 1053)
    assert (cost.finished(stopped), cost.finished(SUMMARY)) == (False, True)
    expected = [USED * 1e9 / 1e15, (USED + 49 * 128) * 1e9 / 1e15]
    assert cost.petaflop_by_epoch(stopped, [67, 67], FLOP) == pytest.approx(expected)


def row(model, val_accs, seed=0, crop=131, early_crops=(), **changes):
    """Of a training with these validation accuracies, one an epoch."""
    recipe = records.recipe(epochs=len(val_accs), batch_size=128, early_crops=list(early_crops))
    made = records.row(model, seed, crop=crop, recipe=recipe, **changes)
    history = made.history.assign(val_acc=val_accs)
    return replace(made, history=history, evaluation=records.evaluation(training_flop=FLOP))


def test_the_share_is_of_the_dearest_way_to_the_same_accuracy():
    rows = [
        row("ours", [0.3, 0.4433, 0.5], early_crops=EARLY),
        row("plain", [0.1, 0.3, 0.4432, 0.4]),
        row("small", [0.5, 0.1, 0.1, 0.1], crop=67),
    ]
    text = effort.markdown(effort.efforts(rows))
    lines = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ")]
    cells = {line[0].strip(): [cell.strip() for cell in line[1:]] for line in lines}
    assert cells["ours"] == [
        "0.27",
        "0.4432",
        "3",
        "0.27",
        "0.50",
    ]  # at full size first; 2 × 1 + 4 of 3 × 4 GFLOP an image
    assert cells["plain"] == ["0.719", "0.4432", "3", "0.539", "1.00"]
    assert cells["small"] == ["0.18", "0.4432", "1", "0.0449", "–"]  # another size, nothing to compare it with


def test_what_was_not_reached_is_a_bound():
    rows = [
        row("ours", [0.3, 0.45, 0.5], early_crops=EARLY),
        row("plain", [0.1, 0.5, 0.3, 0.5]),
        row("plain", [0.1, 0.2, 0.3, 0.4], seed=1),
    ]
    text = effort.markdown(effort.efforts(rows))
    assert "| ≤ 0.50 |" in " ".join(text.split())
    assert "not reached" in text
    assert "> 0.539" in text  # the mean of 2 and of all 4 epochs


def test_other_data_is_not_compared_with_the_slide():
    text = effort.markdown(effort.efforts([row("ours", [0.1, 0.9, 0.9], early_crops=EARLY, source="digits")]))
    assert "lide" not in text
    assert "0.27" in text
