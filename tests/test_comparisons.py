"""What a roster's models differ in, and whether that bears out what the slides claim."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import records
from alexvgg.reporting import comparisons, drawing, effort, figures, slide, talk, variants
from alexvgg.reporting.contents import Contents, Pictures
from alexvgg.reporting.png import plt, save
from alexvgg.rows.history import Epoch
from alexvgg.rows.row import Row, by_model
from test_crops import description

DRAWN = {
    "alexnet": {"input_size": 227, "classes": 100, "parameters": 58_696_548, "forward_flop": 2_263_000_000},
    "vgg_e": {"input_size": 224, "classes": 1000, "parameters": 143_667_240, "forward_flop": 39_264_000_000},
}


def variant(
    model="alexnet", seed=0, val_acc=0.5, train_acc=0.6, options=None, recipe=None, curve=None, **changes
) -> Row:
    """A row of AlexNet, unless `architecture` says otherwise; `curve` has its accuracies by epoch."""
    settings = {"architecture": "alexnet", "options": options or {}, "recipe": records.recipe(**(recipe or {}))}
    made = records.row(model, seed, val_acc=val_acc, **settings | changes)
    evaluation = made.evaluation.model_copy(update={"train_acc": train_acc})
    return replace(made, evaluation=evaluation, history=made.history if curve is None else history(*curve))


def history(*acc: float) -> pd.DataFrame:
    return records.history(*[Epoch(i, 227, one, one, one, one, 0.001) for i, one in enumerate(acc, start=1)])


def contents(folder, rows, described) -> Contents:
    """A report's contents; pictures that are not made from the rows are empty."""
    found = comparisons.comparisons(rows)
    pictures = Pictures(*[folder / f"{name}.png" for name in ("curves", "crops", "montage")], folder / "layers", folder)
    for path in (pictures.curves, pictures.crops, pictures.montage):
        save(plt.figure(), path)
    for one in found:
        figures.comparison(folder / f"{one.name}.png", one, rows)
    for model, several in by_model(rows).items():
        drawing.draw(folder / f"layers/{model}.png", several[0])
    efforts = [effort.Effort(one.summary.model, "a", 0.25, 0.4432, 2, 0.125) for one in rows]
    return Contents("ablations", rows, found, efforts, DRAWN, described, pictures)


def only(rows):
    [found] = comparisons.comparisons(rows)
    return found


def test_models_that_differ_in_one_thing_are_compared_and_no_others():
    plain = variant("plain", options={"normalization": "none"})
    both = variant("both", options={"normalization": "none", "overlapping_pooling": False})
    found = comparisons.comparisons([variant(), plain, both])
    assert [(one.claim.slide, [v.model for v in one.variants]) for one in found] == [
        ("Fig 3", ["both", "plain"]),
        ("Fig 4", ["plain", "alexnet"]),
    ]
    assert comparisons.comparisons([variant(), variant("other", options={"activation": "tanh"}, crop=99)]) == []
    assert comparisons.comparisons([variant(), variant("other", options={"dropout": 0.3})]) == []


@pytest.mark.parametrize(
    ("with_crops", "without", "held"),
    [((0.10, 0.11), (0.30, 0.31), True), ((0.30, 0.31), (0.10, 0.11), False), ((0.1, 0.3), (0.15, 0.35), None)],
)
def test_a_claim_holds_if_the_difference_is_beyond_chance(with_crops, without, held):
    rows = [variant(seed=i, val_acc=0.5, train_acc=0.5 + gap) for i, gap in enumerate(with_crops)]
    rows += [
        variant("centre", i, 0.5, 0.5 + gap, recipe={"random_crop": False}) for i, gap in enumerate(without)
    ]  # fmt: skip
    found = only(rows)
    assert found.claim.slide == "Fig 5"
    [one] = found.differences
    assert one.held is held
    assert one.in_words == {True: "held", False: "did not hold", None: "no significant difference"}[held]
    assert one.difference == pytest.approx(np.mean(with_crops) - np.mean(without))
    # By hand: two variants of two seeds, so two degrees of freedom, whose t is 4.303.
    error = math.sqrt((np.var(with_crops, ddof=1) + np.var(without, ddof=1)) / 2)
    assert one.interval == pytest.approx(4.303 * error, rel=1e-3)


def test_one_seed_tells_nothing_of_chance():
    [one] = only([variant(val_acc=0.6), variant("lrn", val_acc=0.1, options={"normalization": "none"})]).differences
    assert one.held is None and math.isnan(one.interval)
    assert one.in_words == "no significant difference"


def test_what_is_said_not_to_help_holds_unless_it_helps():
    def vgg(model, architecture, *accuracies):
        return [variant(model, i, acc, architecture=architecture) for i, acc in enumerate(accuracies)]

    for accuracies, held in (((0.30, 0.31), True), ((0.50, 0.51), False)):
        rows = vgg("a", "vgg_a", 0.30, 0.31) + vgg("lrn", "vgg_a_lrn", *accuracies) + vgg("b", "vgg_b", 0.40, 0.41)
        lrn, b = only(rows).differences
        assert (lrn.variant.name, lrn.held, b.variant.name, b.held) == ("A-LRN", held, "B", True)


def test_epochs_to_an_error_lie_on_the_lines_between_epochs():
    errors = np.array([0.9, 0.5, 0.1])
    assert comparisons.epochs_to(0.5, errors) == 1.5
    assert comparisons.epochs_to(0.3, errors) == pytest.approx(2.0)
    assert comparisons.epochs_to(0.95, errors) == 0.5
    relu = variant(curve=(0.2, 0.6, 0.8))
    found = only([relu, variant("alexnet_tanh", options={"activation": "tanh"}, curve=(0.1, 0.2, 0.6))])
    assert found.measured == "epochs to a training error of 0.400"
    assert [v.values for v in found.variants] == [[2.5], [1.5]]
    assert "1.67 times as fast" in talk.comparison_cells(found)[1][2]


@pytest.fixture
def everything(tmp_path):
    rows = [variant(seed=i, val_acc=0.5 + i / 100, curve=(0.2, 0.6, 0.8)) for i in (0, 1)]
    rows += [
        variant("alexnet_tanh", i, 0.3 + i / 100, options={"activation": "tanh"}, curve=(0.1, 0.2, 0.6 + i / 100))
        for i in (0, 1)
    ]
    groups = {f"superclass number {i}": [f"class {5 * i + j} by name" for j in range(5)] for i in range(20)}
    described = description(8).model_copy(update={
        "classes": [name for members in groups.values() for name in members], "superclasses": groups, "source": "cifar100",
        "images": {"train": 10, "val": 5, "test": 6}, "sha256": {"train": "12ab"},
    })  # fmt: skip
    return contents(tmp_path, rows, described)


def test_the_talk_slide_by_slide(everything, tmp_path):
    text = talk.markdown(everything)
    assert "| alexnet | 227 × 227 × 3 |     100 |  58,696,548 |  58,696,548 |  yes |         2.263 |" in text
    assert "| vgg_e   | 224 × 224 × 3 |    1000 | 143,667,240 | 144 million |  yes |        39.264 |" in text
    assert "## Fig 2: ReLU and tanh" in text and "(#fig-2-relu-and-tanh)" in text
    assert "(relu-alexnet_tanh.png)" in text and (tmp_path / "relu-alexnet_tanh.png").exists()
    assert "| superclass number 19 | class 95 by name," in text
    wrong = talk.drawn_cells({"alexnet": DRAWN["alexnet"] | {"parameters": 1}})
    assert wrong[0][5] == "no"


def test_every_claim_names_what_a_roster_can_choose():
    from alexvgg.networks import registry
    from alexvgg.networks.alexnet import AlexNetOptions
    from alexvgg.params.recipe import Recipe

    for claim in slide.CLAIMS:
        assert claim.reference in claim.names
        known = [*AlexNetOptions.model_fields, *Recipe.model_fields, "architecture"]
        assert claim.setting in known
    assert set(slide.MILLIONS) | set(slide.RESULTS) <= set(registry.ARCHITECTURES)


def cells(markdown):
    rows = [line for line in markdown.splitlines() if line.startswith("| ") and not line.startswith("| -")]
    split = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    return {name: rest for name, *rest in split[1:]}


def test_every_model_of_the_first_ones_size_is_compared_with_it():
    rows = [variant(seed=seed, val_acc=acc) for seed, acc in enumerate((0.50, 0.52, 0.54))]
    rows += [variant("other", seed, acc, recipe={"flip": "random"}) for seed, acc in enumerate((0.6, 0.62, 0.64))]
    rows += [variant("larger", seed, 0.9, crop=300) for seed in range(3)]
    rows += [variant(name, seed, 0.7, recipe={"epochs": 9}) for name in ("long", "long_too") for seed in range(3)]
    text, _, longer = variants.markdown(rows).partition("## Compared with long")
    assert list(cells(longer)) == ["long", "long_too"]  # another budget is another table
    assert "## Compared with alexnet" in text
    # pooled deviation 0.02, t(0.975, 4) = 2.776, times sqrt(2/3)
    assert cells(text) == {
        "alexnet": ["", "0.5200 ± 0.0200", "", ""],
        "other": ["flip random", "0.6200 ± 0.0200", "+0.1000", "± 0.0453"],
    }
    assert variants.NOTE in text


def test_with_one_seed_nothing_is_said_of_chance_and_with_one_model_nothing_at_all():
    early = {"weight_decay": 0.02, "gradient_clip_norm": 1.0, "early_crops": [{"crop": 99, "fraction": 0.5}]}
    rows = [variant(recipe=early), variant("other", val_acc=0.4), variant("same", recipe=early)]
    text = variants.markdown(rows)
    changed = "weight_decay 0, gradient_clip_norm none, early_crops none"
    assert cells(text)["other"] == [changed, "0.4000", "-0.1000", "–"]
    assert cells(text)["same"] == ["nothing", "0.5000", "+0.0000", "–"]
    assert variants.ONE_SEED in text
    assert variants.markdown(rows[:1]) == ""


def test_a_claim_that_is_measured_twice_has_a_heading_each():
    def measured(model: str) -> comparisons.Comparison:
        return comparisons.Comparison(slide.CLAIMS[0], comparisons.Variant("ReLU", model, [0.5]), [], "")

    once, twice = [measured("small")], [measured("small"), measured("large")]
    assert talk._heading(once[0], once).startswith(f"{slide.CLAIMS[0].slide}: ")
    headings = [talk._heading(one, twice) for one in twice]
    assert [heading.rpartition(" ")[2] for heading in headings] == ["(small)", "(large)"]
    assert [talk._anchor(heading).rpartition("-")[2] for heading in headings] == ["small", "large"]
