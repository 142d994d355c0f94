"""The table, to the letter."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from alexvgg.data.dataset import Split
from alexvgg.reporting import drawing, figures, pictures, results, table
from alexvgg.rows.row import Row
from alexvgg.system import files
from records import RECIPE, recipe, row
from test_crops import description

DIGITS = {"source": "digits", "title": "scikit-learn's handwritten digits (not CIFAR-100)"}


def shifted(model: str, seed: int, shift: float) -> Row:
    """A row whose losses and accuracies are higher than those of others by `shift`."""
    known = {"loss": 2.0, "val_loss": 2.1, "acc": 0.5, "val_acc": 0.4432}
    made = row(model, seed, **{name: value + shift for name, value in known.items()})
    measured = {"test_loss": 2.2 + shift, "test_acc": 0.44 + shift, "test_top5": 0.7 + shift}
    return replace(made, evaluation=made.evaluation.model_copy(update=measured))


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
def rows():
    return [row(), shifted("alexnet", 1, 0.1), row("vgg16", params=134_670_244)]


def test_table_is_golden(rows):
    text = table.markdown("slides", results.summarize(rows), rows)
    assert text.startswith(GOLDEN)
    assert "Loss and ACC are what Keras prints for the last epoch" in text
    assert "Both losses include the label smoothing." in text
    assert "mean ± standard deviation over 2 runs" in text


def test_only_the_first_model_of_an_architecture_is_compared_with_the_slide(rows):
    rows = [*rows, row("alexnet_tanh", options={"activation": "tanh"})]
    text = table.markdown("slides", results.summarize(rows), rows)
    assert "| alexnet_tanh |" in text.split("## Beside the slide")[0]
    assert "| alexnet_tanh |" not in text.split("## Beside the slide")[1]


def test_a_training_that_was_stopped_is_called_so():
    stopped = row("alexnet", recipe=recipe(stop_after=200, early_crops=[{"crop": 99, "fraction": 0.67}]))
    rows = [row("alexnet_vgg"), stopped]
    text = table.markdown("slides", results.summarize(rows), rows)
    assert "3 epochs, 2 of them at 99 px, stopped after 200 of 1,053 steps, batch 128" in text
    lines = [line for line in text.splitlines() if line.startswith("| alexnet")]
    assert [" (not trained to the end) " in line for line in lines] == [
        not line.startswith("| alexnet_vgg") for line in lines
    ]
    assert [line["finished"] for line in results.document("slides", rows)["table"]] == [True, False]


def test_digits_are_not_compared_with_the_slide():
    rows = [row(**DIGITS)]
    text = table.markdown("quickstart", results.summarize(rows), rows)
    assert "lide" not in text.split("Loss and ACC")[0]
    assert "Data: scikit-learn's handwritten digits (not CIFAR-100), 45,000 images to train" in text
    assert not [name for name in results.flat(results.summarize(rows)) if name.startswith("slide")]


def test_results_json_has_an_object_a_model_and_all_that_is_known_of_each_row(rows):
    document = json.loads(files.json_text(results.document("slides", rows)))
    assert list(document) == ["profile", "table", "rows"]
    assert document["profile"] == "slides"
    first, second = document["table"]
    assert list(first) == [
        "model", "params", "loss", "val_loss", "acc", "val_acc", "test_acc", "test_acc_low", "test_acc_high", "seeds", "finished",
    ]  # fmt: skip
    assert first["seeds"] == [0, 1]
    assert first["val_acc"] == pytest.approx(0.4932)
    assert second["params"] == 134_670_244
    assert second["test_acc_low"] == pytest.approx(0.4303, abs=1e-4)
    for told, one in zip(document["rows"], rows, strict=True):
        known = json.loads(one.summary.model_dump_json()) | one.evaluation.metrics
        assert told == known | {"key": one.summary.key}
        assert told["recipe"] == RECIPE and told["test_superclass_acc"] == 0.55


def test_csv_holds_the_slide_and_the_difference(rows):
    flat = results.flat(results.summarize(rows))
    assert flat["slide_val_acc"].tolist()[0] == 0.4432
    assert np.isnan(flat["slide_val_acc"].tolist()[1])
    assert flat["difference_val_acc"].tolist()[0] == pytest.approx(0.05)


def test_the_headline_has_a_dozen_numbers_at_most_a_model(rows):
    found = results.headline(results.summarize(rows))
    assert list(found) == ["alexnet", "vgg16"]
    one_seed = {
        "loss": 2.0, "val_loss": 2.1, "acc": 0.5, "val_acc": 0.4432, "test_loss": 2.2, "test_acc": 0.44, "test_top5": 0.7,
    }  # fmt: skip
    assert found["vgg16"] == pytest.approx(one_seed)
    spread = {"val_acc_sd": 0.1 / 2**0.5, "test_acc_sd": 0.1 / 2**0.5}
    assert found["alexnet"] == pytest.approx({name: value + 0.05 for name, value in one_seed.items()} | spread)
    assert all(len(numbers) <= 12 for numbers in found.values())
    assert json.loads(files.json_text(found)) == found  # plain numbers, none of them missing


def test_curves_has_every_history_by_split_and_whose_it_is(rows):
    found = results.curves(rows)
    assert list(found) == ["model", "seed", "epoch", "crop", "split", "loss", "acc"]
    assert len(found) == 3 * 3 * 2  # rows, epochs, splits
    assert found["model"].drop_duplicates().tolist() == ["alexnet", "vgg16"]
    for one in rows:
        for split, measures in (("train", ["loss", "acc"]), ("val", ["val_loss", "val_acc"])):
            of_row = (found["model"] == one.summary.model) & (found["seed"] == one.summary.seed)
            part = found[of_row & (found["split"] == split)].reset_index(drop=True)
            expected = one.history[["epoch", "crop", *measures]].set_axis(["epoch", "crop", "loss", "acc"], axis=1)
            pd.testing.assert_frame_equal(part[["epoch", "crop", "loss", "acc"]], expected)
    assert "model" not in rows[0].history  # the rows stay as they are


def test_by_class_is_over_all_seeds_of_a_model(rows):
    first, second, other = (one.answers for one in rows)
    assert first["answer"].tolist() == ["cat", "cat"]  # of a cat and a dog
    second = second.assign(answer=["dog", "dog"])
    other = other.assign(answer=["dog", "dog"])
    rows = [replace(one, answers=given) for one, given in zip(rows, (first, second, other), strict=True)]
    found = results.by_class(rows)
    assert list(found) == ["class", "model", "acc"]
    assert found.to_numpy().tolist() == [
        ["cat", "alexnet", 0.5], ["cat", "vgg16", 0.0], ["dog", "alexnet", 0.5], ["dog", "vgg16", 1.0],
    ]  # fmt: skip


def test_figures_are_the_same_bytes(rows, tmp_path):
    described = description(8).model_copy(update={"classes": ["a", "b"], "superclasses": {}})
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    for name in ("one", "two"):
        figures.curves(tmp_path / f"{name}.png", rows, "title")
        pictures.crops(tmp_path / f"{name}-crops.png", image, 256, 227, 0)
        pictures.montage(
            tmp_path / f"{name}-montage.png", Split(np.stack([image] * 4), np.array([1, 0, 1, 1])), described
        )
    for suffix in (".png", "-crops.png", "-montage.png"):
        content = (tmp_path / f"one{suffix}").read_bytes()
        assert content == (tmp_path / f"two{suffix}").read_bytes()
        assert content.startswith(b"\x89PNG")


def test_the_montage_shows_every_class_of_a_large_group(tmp_path):
    colors = [(0, shade, 200) for shade in range(40)]
    names = [f"class {index}" for index in range(40)]
    described = description(2).model_copy(
        update={"classes": names, "superclasses": {"few": names[:3], "many": names[3:]}, "side": 2}
    )
    images = np.stack([np.full((2, 2, 3), color, np.uint8) for color in colors])
    pictures.montage(tmp_path / "montage.png", Split(images, np.arange(40)), described)
    with Image.open(tmp_path / "montage.png") as picture:
        shown = {color for _, color in picture.getcolors(picture.width * picture.height)}
    assert set(colors) <= shown


def test_a_network_as_a_table_and_a_drawing(tf, tmp_path):
    from alexvgg.networks import counting, registry

    model = registry.named("alexnet").build(227, 100, {})
    made = row("a")
    made = replace(made, evaluation=made.evaluation.model_copy(update={"layers": counting.layers(model)}))
    text = drawing.markdown(made)
    assert text.startswith("# a\n\nalexnet for 227 × 227 px.")
    assert "| Conv2D 96, 11 × 11, strides 4, valid, relu | 55 × 55 × 96 | 34,944 | 210,830,400 |" in text
    assert text.splitlines()[-1] == f"| all | | 58,696,548 | {counting.forward_flop(model):,} |"
    drawings = [tmp_path / "one.png", tmp_path / "two.png"]
    for path in drawings:
        drawing.draw(path, made)
    assert drawings[0].read_bytes() == drawings[1].read_bytes()
