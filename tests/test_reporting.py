"""The table, to the letter."""

import json

import numpy as np
import pandas as pd
import pytest

from alexvgg.data import pictures
from alexvgg.data.dataset import Split
from alexvgg.reporting import architecture, figures, results, table
from test_crops import description

RECIPE = {
    "epochs": 3, "batch_size": 128, "optimizer": "adam", "learning_rate": 0.001, "schedule": "one_cycle",
    "label_smoothing": 0.1, "precision": "float32", "early_crops": [],
}  # fmt: skip


def run(model="alexnet", seed=0, source="cifar100", shift=0.0, params=58_696_548) -> results.Run:
    summary = {
        "model": model, "architecture": model, "seed": seed, "source": source, "params": params, "crop": 227,
        "resize": 256, "recipe": RECIPE, "archive_sha256": "85cd44d02ba6" + "0" * 52, "hardware": "CPU, 2 threads",
        "images": {"train": 45_000, "val": 5_000, "test": 10_000},
        "loss": 2.0 + shift, "val_loss": 2.1 + shift, "acc": 0.5 + shift, "val_acc": 0.4432 + shift,
    }  # fmt: skip
    metrics = {"loss": 2.0 + shift, "acc": 0.5 + shift, "test_acc": 0.44 + shift, "test_top5": 0.7 + shift}
    return results.Run(summary, metrics)


GOLDEN = """\
# Results: profile `slides`

Data: CIFAR-100, 45,000 images to train, 5,000 to validate, 10,000 to test. Archive sha256 `85cd44d02ba6…`. \
Hardware: CPU, 2 threads.

- alexnet: 227 × 227 px cut from 256, 3 epochs, batch 128, adam 0.001, one_cycle, label smoothing 0.1, float32
- vgg16: 227 × 227 px cut from 256, 3 epochs, batch 128, adam 0.001, one_cycle, label smoothing 0.1, float32

| Model   |      Params |            Loss |        Val_Loss |             ACC |         Val_ACC |        Test ACC (95 % interval) |      Test top-5 | Slide Val_ACC | Difference |
| ------- | ----------: | --------------: | --------------: | --------------: | --------------: | ------------------------------: | --------------: | ------------: | ---------: |
| alexnet |  58,696,548 | 2.0500 ± 0.0707 | 2.1500 ± 0.0707 | 0.5500 ± 0.0707 | 0.4932 ± 0.0707 | 0.4900 ± 0.0707 (0.4802–0.4998) | 0.7500 ± 0.0707 |        0.4432 |    +0.0500 |
| vgg16   | 134,670,244 |          2.0000 |          2.1000 |          0.5000 |          0.4432 |          0.4400 (0.4303–0.4498) |          0.7000 |             – |          – |

## Beside the slide

| Model   |          |      Slide |            Here | Difference |
| ------- | -------: | ---------: | --------------: | ---------: |
| alexnet |   Params | 58,696,548 |      58,696,548 |         +0 |
| alexnet |     Loss |     2.0653 | 2.0500 ± 0.0707 |    -0.0153 |
| alexnet | Val_Loss |     2.1413 | 2.1500 ± 0.0707 |    +0.0087 |
| alexnet |      ACC |     0.4529 | 0.5500 ± 0.0707 |    +0.0971 |
| alexnet |  Val_ACC |     0.4432 | 0.4932 ± 0.0707 |    +0.0500 |

"""


@pytest.fixture
def runs():
    return [run(), run(seed=1, shift=0.1), run("vgg16", params=134_670_244)]


def test_table_is_golden(runs):
    text = table.markdown("slides", results.summarize(runs), runs)
    assert text.startswith(GOLDEN)
    assert "Loss and ACC are what Keras prints for the last epoch" in text
    assert "Both losses include the label smoothing." in text
    assert "mean ± standard deviation over 2 runs" in text


def test_only_the_first_model_of_an_architecture_is_held_against_the_slide(runs):
    variant = run("alexnet")
    variant.summary["model"] = "alexnet_tanh"
    text = table.markdown("slides", results.summarize([*runs, variant]), [*runs, variant])
    assert "| alexnet_tanh |" in text.split("## Beside the slide")[0]
    assert "| alexnet_tanh |" not in text.split("## Beside the slide")[1]


def test_a_training_that_was_stopped_is_called_so():
    stopped = run("alexnet")
    early = [{"crop": 99, "epochs": 2}]
    stopped.summary["recipe"] = RECIPE | {"stop_after": 200, "early_crops": early}
    runs = [run("alexnet_vgg"), stopped]
    text = table.markdown("slides", results.summarize(runs), runs)
    assert "3 epochs, 2 of them at 99 px, stopped after 200 of 1,053 steps, batch 128" in text
    lines = [line for line in text.splitlines() if line.startswith("| alexnet")]
    assert [" (not trained to the end) " in line for line in lines] == [
        not line.startswith("| alexnet_vgg") for line in lines
    ]
    assert [record["finished"] for record in results.records(results.summarize(runs))] == [True, False]


def test_digits_are_not_held_against_the_slide():
    runs = [run(source="digits")]
    text = table.markdown("quickstart", results.summarize(runs), runs)
    assert "lide" not in text.split("Loss and ACC")[0]
    assert "not CIFAR-100" in text
    assert not [name for name in results.flat(results.summarize(runs)) if name.startswith("slide")]


def test_results_json_has_one_object_a_model(runs):
    first, second = json.loads(json.dumps(results.records(results.summarize(runs))))
    assert list(first) == [
        "model", "params", "loss", "val_loss", "acc", "val_acc", "test_acc", "test_acc_low", "test_acc_high", "seeds", "finished",
    ]  # fmt: skip
    assert first["seeds"] == [0, 1]
    assert first["val_acc"] == pytest.approx(0.4932)
    assert second["params"] == 134_670_244
    assert second["test_acc_low"] == pytest.approx(0.4303, abs=1e-4)


def test_csv_holds_the_slide_and_the_difference(runs):
    flat = results.flat(results.summarize(runs))
    assert flat["slide_val_acc"].tolist()[0] == 0.4432
    assert np.isnan(flat["slide_val_acc"].tolist()[1])
    assert flat["difference_val_acc"].tolist()[0] == pytest.approx(0.05)


def test_figures_are_the_same_bytes(tmp_path):
    history = pd.DataFrame({"epoch": [1, 2], "loss": [2.0, 1.0], "val_loss": [2.1, 1.5], "acc": [0.1, 0.4], "val_acc": [0.1, 0.3]})  # fmt: skip
    described = description(8).model_copy(update={"classes": ["a", "b"], "superclasses": {}})
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    for name in ("one", "two"):
        figures.curves(tmp_path / f"{name}.png", {"alexnet-0": history}, "title")
        pictures.crops(tmp_path / f"{name}-crops.png", image, 256, 227, 0)
        pictures.montage(
            tmp_path / f"{name}-montage.png", Split(np.stack([image] * 4), np.array([1, 0, 1, 1])), described
        )
    for suffix in (".png", "-crops.png", "-montage.png"):
        content = (tmp_path / f"one{suffix}").read_bytes()
        assert content == (tmp_path / f"two{suffix}").read_bytes()
        assert content.startswith(b"\x89PNG")


def test_a_network_as_a_table_and_a_drawing(tf, tmp_path):
    from alexvgg import anatomy, models

    model = models.named("alexnet").build(227, 100, {})
    summary = {"model": "a", "architecture": "alexnet", "crop": 227, "layers": anatomy.layers(model)}
    text = architecture.markdown(summary)
    assert "| Conv2D 96, 11 × 11, strides 4, valid, relu | 55 × 55 × 96 | 34,944 | 210,830,400 |" in text
    assert text.splitlines()[-1] == f"| all | | 58,696,548 | {anatomy.forward_flops(model):,} |"
    drawings = [tmp_path / "one.png", tmp_path / "two.png"]
    for path in drawings:
        architecture.draw(path, summary)
    assert drawings[0].read_bytes() == drawings[1].read_bytes()
