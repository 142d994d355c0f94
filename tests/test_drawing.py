"""Networks as people draw them, and what is said of them."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from alexvgg.networks.counting import Layer
from alexvgg.reporting import drawing, likeness, slide, volumes
from records import row

ALEXNET = [
    Layer("InputLayer", [227, 227, 3], 0, 0),
    Layer("Conv2D 96, 11 × 11, strides 4, valid, relu", [55, 55, 96], 34_944, 1),
    Layer("BatchNormalization", [55, 55, 96], 384, 0),
    Layer("MaxPooling2D 3 × 3, strides 2", [27, 27, 96], 0, 0),
    Layer("Conv2D 384, 3 × 3, same, relu", [27, 27, 384], 885_120, 1),
    Layer("BatchNormalization", [27, 27, 384], 1_536, 0),
    Layer("Conv2D 384, 3 × 3, same, relu", [27, 27, 384], 885_120, 1),
    Layer("BatchNormalization", [27, 27, 384], 1_536, 0),
    Layer("Flatten", [279_936], 0, 0),
    Layer("Dense 4096, relu", [4096], 37_752_832, 1),
    Layer("Dropout 0.5", [4096], 0, 0),
    Layer("Dense 100", [100], 409_700, 1),
    Layer("Activation softmax", [100], 0, 0),
]


def made_of(layers, **changes):
    known = row("alexnet", **changes)
    return replace(known, evaluation=known.evaluation.model_copy(update={"layers": layers}))


def test_layers_of_one_size_are_a_stage():
    found = volumes.stages(ALEXNET)
    assert [(one.title, one.lines) for one in found] == [
        ("227 × 227", ["input, 3"]),
        ("55 × 55", ["conv 11×11/4, 96", "batch norm"]),
        ("27 × 27", ["max pool 3×3/2", "2 × conv 3×3, 384", "2 × batch norm"]),
        ("dense", ["dense 4096", "dropout 0.5", "dense 100"]),
    ]
    assert [[volume.kind for volume in one.volumes] for one in found] == [
        ["input"], ["convolution"], ["pooling", "convolution", "convolution"], ["dense", "dense"],
    ]  # fmt: skip
    assert "27 × 27: max pool 3×3/2, 2 × conv 3×3, 384, 2 × batch norm; dense: dense 4096" in volumes.in_words(found)


def test_one_scale_has_an_image_and_4096_units():
    image, dense = volumes.stages(ALEXNET)[0].volumes[0], volumes.stages(ALEXNET)[-1].volumes[0]
    assert dense.height / image.height == pytest.approx((4096 / 227) ** (1 / 3))
    assert 2 < dense.height / image.height < 3  # both can be seen
    assert volumes.length(8 * 27) == pytest.approx(2 * volumes.length(27))


def test_networks_of_any_kind_can_be_drawn(tmp_path):
    deep = [Layer("Conv2D 8, 3 × 3, same", [9, 9, 8 + i % 9], 1, 1) for i in range(30)]
    odd = [Layer("Mine", [], 0, None), Layer("GRU 8", [7, 8], 0, None), Layer("Conv3D 8", [0, 4, 4, 8], 0, None)]
    sides = [Layer(f"Conv2D 8, 3 × 3, strides {i}, same", [i, i, 8], 1, 1) for i in range(20, 0, -1)]
    stages = volumes.stages([*deep, *odd])
    assert len(stages[0].volumes) == volumes.MOST_VOLUMES and "(6 of 30 drawn)" in stages[0].lines
    assert [one.title for one in stages[1:]] == ["vector", "7", "? × 4 × 4"]
    drawing.draw(tmp_path / "any.png", made_of([*deep, *odd, *sides]))
    assert Image.open(tmp_path / "any.png").width == int(drawing.WIDTH * 110)


def test_a_drawing_is_the_same_bytes_and_nothing_runs_over_its_edge(tmp_path):
    for name in ("one", "two"):
        drawing.draw(tmp_path / f"{name}.png", made_of(ALEXNET))
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    pixels = np.asarray(Image.open(tmp_path / "one.png").convert("L"))
    assert all((strip == 255).all() for strip in (pixels[:4], pixels[-4:], pixels[:, :4], pixels[:, -4:]))


def test_text_has_twelve_points_on_a_slide():
    assert drawing.TEXT >= 12 and drawing.WIDTH <= 13.333 - 2 * 0.5  # a deck's page, less its margins


@pytest.mark.parametrize(
    ("changes", "figure", "said"),
    [
        ({}, "Fig 1, 7", "AlexNet as the talk has it (Fig 1, 7)."),
        ({"options": {"activation": "tanh"}}, "", "After the talk's AlexNet (Fig 1, 7), with activation tanh."),
        (
            {"crop": 67, "options": {"kernel_initializer": "he_normal"}},
            "Fig 1, 7",
            "After the talk's AlexNet (Fig 1, 7), with kernel_initializer he_normal; "
            "images of 67 × 67 px, not 227 × 227.",
        ),
        ({"architecture": "residual", "options": {}}, "", "Not a network of the talk."),
    ],
)
def test_only_the_talks_networks_are_called_so(changes, figure, said):
    made = made_of(ALEXNET, **changes)
    assert likeness.figure(made.summary) == figure
    assert likeness.in_words(made) == said
    assert said in drawing.markdown(made)


def test_the_number_of_classes_is_said_where_it_differs():
    ten = [*ALEXNET[:-2], Layer("Dense 10", [10], 1, 1)]
    assert likeness.in_words(made_of(ten)).endswith("with 10 classes, not 100.")


def test_without_drawings_to_compare_with_nothing_is_said(monkeypatch):
    monkeypatch.setattr(slide, "DRAWINGS", {})
    assert likeness.in_words(made_of(ALEXNET)) == "" and "talk" not in drawing.markdown(made_of(ALEXNET))
