"""What a training cost, against counts made another way."""

import pandas as pd
import pytest

from alexvgg import anatomy, cost, models
from alexvgg.reporting import effort
from alexvgg.reporting.results import Run

RECIPE = {"epochs": 3, "batch_size": 128, "early_crops": [{"crop": 67, "epochs": 2}]}
SUMMARY = {
    "model": "ours", "architecture": "alexnet", "options": {}, "source": "cifar100", "seed": 0, "crop": 131,
    "recipe": RECIPE, "images": {"train": 45_000},
}  # fmt: skip
FLOP = {"67": 10**9, "131": 4 * 10**9}
USED = 44_928  # 351 batches of 128


@pytest.mark.parametrize("name", ["alexnet", "alexnet_vgg"])
def test_the_arithmetic_at_a_small_crop_is_that_of_the_network_which_trains_there(tf, name, monkeypatch):
    import keras

    from alexvgg.early_crops import at_crop
    from alexvgg.models import blocks
    from alexvgg.prediction import logits_network

    # Counted are all of a kernel's pixels, wherever it lies; our own layer leaves out those outside of a small map.
    monkeypatch.setattr(blocks, "Conv2D", keras.layers.Conv2D)
    architecture = models.named(name)
    model, small = architecture.build(131, 100, {}), architecture.build(67, 100, {})
    counted = cost.training_flop(anatomy.layers(model), anatomy.layers(small))
    network = at_crop(logits_network(model), 67)
    graph = tf.function(network).get_concrete_function(tf.TensorSpec((1, 67, 67, 3))).graph
    forward = []
    for operation in graph.get_operations():
        if operation.type in ("Conv2D", "MatMul"):
            kernel, output = operation.inputs[1].shape, operation.outputs[0].shape
            places = output[1:3].num_elements() if operation.type == "Conv2D" else 1
            forward.append(2 * kernel.num_elements() * places)
    assert len(forward) == sum(layer["flop"] > 0 for layer in anatomy.layers(model))
    assert counted == 3 * sum(forward) - forward[0]


def test_epochs_cost_what_their_crops_cost():
    assert cost.crop_by_epoch(SUMMARY) == [67, 67, 131]
    expected = [USED * 1e9 / 1e15, USED * 2e9 / 1e15, USED * 6e9 / 1e15]
    assert cost.petaflop_by_epoch(SUMMARY, FLOP) == pytest.approx(expected)


def test_a_training_that_is_stopped_costs_its_steps():
    stopped = SUMMARY | {"recipe": RECIPE | {"stop_after": 400}}
    assert cost.steps(stopped) == (400, 1053)
    assert cost.steps(SUMMARY) == (1053, 1053)
    expected = [USED * 1e9 / 1e15, (USED + 49 * 128) * 1e9 / 1e15]
    assert cost.petaflop_by_epoch(stopped, FLOP) == pytest.approx(expected)


def run(model, seed=0, **changes):
    return Run(SUMMARY | {"model": model, "seed": seed} | changes, {"training_flop": FLOP})


def histories(**val_accs):
    return {
        name.replace("_", "-"): pd.DataFrame({"epoch": range(1, len(values) + 1), "val_acc": values})
        for name, values in val_accs.items()
    }


PLAIN = {"recipe": RECIPE | {"early_crops": [], "epochs": 4}}


def test_the_share_is_of_the_dearest_way_to_the_same_accuracy():
    runs = [run("ours"), run("plain", **PLAIN), run("small", crop=67, **PLAIN)]
    curves = histories(ours_0=[0.3, 0.4433, 0.5], plain_0=[0.1, 0.3, 0.4432, 0.4], small_0=[0.5, 0.1, 0.1, 0.1])
    lines = [
        line.split("|")[1:-1]
        for line in effort.markdown(effort.efforts(runs, curves)).splitlines()
        if line.startswith("| ")
    ]
    cells = {line[0].strip(): [cell.strip() for cell in line[1:]] for line in lines}
    assert cells["ours"] == ["0.27", "0.4432", "2", "0.0899", "0.17"]  # 2 × 1 of 3 × 4 GFLOP an image
    assert cells["plain"] == ["0.719", "0.4432", "3", "0.539", "1.00"]
    assert cells["small"] == ["0.18", "0.4432", "1", "0.0449", "–"]  # another size, nothing to compare it with


def test_what_was_not_reached_is_a_bound():
    runs = [run("ours"), run("plain", **PLAIN), run("plain", seed=1, **PLAIN)]
    curves = histories(ours_0=[0.3, 0.45, 0.5], plain_0=[0.1, 0.5, 0.3, 0.5], plain_1=[0.1, 0.2, 0.3, 0.4])
    text = effort.markdown(effort.efforts(runs, curves))
    assert "| ≤ 0.17 |" in " ".join(text.split())
    assert "not reached" in text
    assert "> 0.539" in text  # the mean of 2 and of all 4 epochs


def test_other_data_is_not_held_against_the_slide():
    text = effort.markdown(effort.efforts([run("ours", source="digits")], histories(ours_0=[0.1, 0.9, 0.9])))
    assert "lide" not in text
    assert "0.27" in text
