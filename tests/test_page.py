"""The page says what the files say, and needs nothing but itself."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from alexvgg.data.dataset import Split
from alexvgg.errors import DataError
from alexvgg.reporting import answers, page
from test_ablations import contents, variant
from test_crops import description
from test_reporting import run

CLASSES = ["cat", "dog", "a < b", "d"]
LABELS = np.array([0, 0, 1, 1, 2, 3], np.int32)
ANSWERS = [0, 1, 1, 3, 2, 2]  # right, wrong within "animals", right, wrong, right, wrong within "rest"
SURE = [0.9, 0.6, 0.9, 0.8, 0.9, 0.97]


@pytest.fixture
def test_split():
    return Split(np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8), LABELS)


@pytest.fixture
def given():
    labels, said = ([CLASSES[i] for i in indices] for indices in (LABELS, ANSWERS))
    return pd.DataFrame({"label": labels, "answer": said, "confidence": SURE})


@pytest.fixture
def described():
    return description(8).model_copy(update={
        "classes": CLASSES, "superclasses": {"animals": ["cat", "dog"], "rest": ["a < b", "d"]}, "source": "cifar100",
        "images": {"train": 10, "val": 5, "test": 6}, "sha256": {"train": "12ab"},
    })  # fmt: skip


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def of(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def test_confusion_is_by_superclass(given, described):
    assert answers.confusion(given, described).tolist() == [[0.75, 0.25], [0.0, 1.0]]
    plain = described.model_copy(update={"superclasses": {}})
    assert answers.confusion(given, plain)[0].tolist() == [0.5, 0.5, 0, 0]


def test_confused_pairs_and_mistakes_come_worst_first(given):
    pairs = answers.confused_pairs(given, CLASSES, 10)
    assert pairs == [("d", "a < b", 1.0), ("cat", "dog", 0.5), ("dog", "d", 0.5)]
    assert answers.confused_pairs(given, CLASSES, 1) == pairs[:1]
    found = answers.mistakes(given, 2)
    assert [(m.index, m.label, m.answer) for m in found] == [(5, "d", "a < b"), (3, "dog", "d")]
    assert found[0].confidence == pytest.approx(0.97)


def test_accuracy_by_class_has_the_best_first(given):
    assert answers.accuracy_by_class(given) == [("a < b", 1.0), ("cat", 0.5), ("dog", 0.5), ("d", 0.0)]


def test_answers_come_back_from_their_file_and_are_of_this_split(given, test_split, tmp_path):
    path = tmp_path / "answers.csv"
    given.to_csv(path, index=False)
    pd.testing.assert_frame_equal(answers.load(path, test_split, CLASSES), given)
    other = Split(test_split.images[::-1], test_split.labels[::-1])
    with pytest.raises(DataError, match=r"answers.csv has the answers on another test split; run `dvc repro`"):
        answers.load(path, other, CLASSES)


def test_variants_are_held_against_the_first(given, test_split, described, tmp_path):
    runs = [variant(), variant("no <em>", val_acc=0.4, recipe={"flip": "none"})]
    text = page.html(contents(tmp_path, runs, described), [given] * 2, test_split)
    assert "Against alexnet" in text and "-0.1000" in text
    assert "no &lt;em&gt;" in text and "<em>" not in text


def test_the_page(given, test_split, described, tmp_path):
    runs = [run("alexnet", 0), run("alexnet", 1, shift=0.1), run("vgg16", 0)]
    for one in runs:
        one.summary.update(weights_sha256="77cc", key="88dd", version="0.1")
        one.metrics.update(test_superclass_acc=0.83, test_ece=0.1)
    shown = contents(tmp_path, runs, described)
    text = page.html(shown, [given] * 3, test_split)
    assert text == page.html(shown, [given] * 3, test_split)
    tags = Tags(text)
    assert tags.of("html")[0]["lang"] == "en"
    assert all(image["alt"] and image["src"].startswith("data:image/png;base64,") for image in tags.of("img"))
    assert len(tags.of("img")) == 3 + 2 * 3  # curves, crops, montage; three mistakes of two models
    assert not tags.of("script") and not tags.of("link") and "http" not in re.sub('base64,[^"]*', "", text)
    targets = {attributes.get("id") for _, attributes in tags.found}
    assert {link["href"][1:] for link in tags.of("a")} <= targets
    assert "d, answered as a &lt; b (97 %)" in text and "a < b" not in text
    assert "83.0 % in the right superclass" in text
    assert "2.0500 ± 0.0707" in text
    assert "58,696,548" in text and "animals" in text
    assert "PFLOP" in text and "0.125" in text
    assert "Against alexnet" not in text
    assert "88dd" in text and "77cc" in text
