"""The page says what the files say, and needs nothing but itself."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from alexvgg.data.dataset import Split
from alexvgg.reporting import mistakes, page
from alexvgg.rows import answers
from alexvgg.system.errors import DataError
from records import row
from test_comparisons import contents, variant
from test_crops import description
from test_reporting import shifted

CLASSES = ["cat", "dog", "a < b", "d"]
LABELS = np.array([0, 0, 1, 1, 2, 3], np.int32)
ANSWERS = [0, 1, 1, 3, 2, 2]  # right, wrong within "animals", right, wrong, right, wrong within "rest"
SURE = [0.9, 0.6, 0.9, 0.8, 0.9, 0.97]
RANKS = [1, 2, 1, 3, 1, 2]


@pytest.fixture
def test_split():
    return Split(np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8), LABELS)


@pytest.fixture
def given():
    labels, said = ([CLASSES[i] for i in indices] for indices in (LABELS, ANSWERS))
    return pd.DataFrame({"label": labels, "answer": said, "confidence": SURE, "rank": RANKS})


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
    assert mistakes.confusion(given, described).tolist() == [[0.75, 0.25], [0.0, 1.0]]
    plain = described.model_copy(update={"superclasses": {}})
    assert mistakes.confusion(given, plain)[0].tolist() == [0.5, 0.5, 0, 0]


def test_confused_pairs_and_mistakes_come_worst_first(given):
    pairs = mistakes.confused_pairs(given, CLASSES, 10)
    assert pairs == [("d", "a < b", 1.0), ("cat", "dog", 0.5), ("dog", "d", 0.5)]
    assert mistakes.confused_pairs(given, CLASSES, 1) == pairs[:1]
    found = mistakes.mistakes(given, 2)
    assert [(m.index, m.label, m.answer) for m in found] == [(5, "d", "a < b"), (3, "dog", "d")]
    assert found[0].confidence == pytest.approx(0.97)


def test_accuracy_by_class_has_the_best_first(given):
    assert mistakes.by_class(given) == [("a < b", 1.0), ("cat", 0.5), ("dog", 0.5), ("d", 0.0)]


def test_answers_come_back_from_their_file_and_are_of_this_split(given, test_split, tmp_path):
    path = tmp_path / "answers.csv"
    answers.write(path, given)
    read = answers.read(path)
    pd.testing.assert_frame_equal(read, given)
    answered = replace(row(), answers=read)
    mistakes.check(answered, test_split, CLASSES)
    other = Split(test_split.images[::-1], test_split.labels[::-1])
    with pytest.raises(DataError, match=r"the answers of alexnet-0 are on another test split; run `dvc repro`"):
        mistakes.check(answered, other, CLASSES)


def test_a_class_may_be_called_as_pandas_calls_what_is_missing(tmp_path):
    given = pd.DataFrame({"label": ["NA", "1"], "answer": ["", "NA"], "confidence": [0.5, 0.5], "rank": [2, 1]})
    answers.write(tmp_path / "answers.csv", given)
    pd.testing.assert_frame_equal(answers.read(tmp_path / "answers.csv"), given)


def test_variants_are_compared_with_the_first(given, test_split, described, tmp_path):
    rows = [variant(), variant("no <em>", val_acc=0.4, recipe={"flip": "random"})]
    rows = [replace(one, answers=given) for one in rows]
    text = page.html(contents(tmp_path, rows, described), test_split)
    assert "Compared with alexnet" in text and "-0.1000" in text and "flip random" in text
    assert "no &lt;em&gt;" in text and "<em>" not in text


def test_a_claim_is_shown_with_what_was_found(given, test_split, described, tmp_path):
    rows = [variant(seed=i, val_acc=acc) for i, acc in enumerate((0.50, 0.51))]
    for model, normalization, accuracies in (("plain", "none", (0.30, 0.31)), ("lrn", "lrn", (0.30, 0.33))):
        rows += [variant(model, i, acc, options={"normalization": normalization}) for i, acc in enumerate(accuracies)]
    rows = [replace(one, answers=given) for one in rows]
    text = page.html(contents(tmp_path, rows, described), test_split)
    in_words = "Fig 4: Local response normalisation. batch normalisation: held; LRN: no significant difference."
    [figure] = [image for image in Tags(text).of("img") if image["alt"] == in_words]
    assert figure["src"].startswith("data:image/png;base64,")
    assert "Measured: validation error; the lower, the better." in text
    assert "<td>no significant difference</td>" in text and "<td>held</td>" in text


def test_the_page(given, test_split, described, tmp_path):
    described = described.model_copy(update={"title": "CIFAR-<100>"})
    identified = {"weights_sha256": "77cc" + "0" * 60, "version": "0.1.9"}
    rows = [row("alexnet", 0, **identified), shifted("alexnet", 1, 0.1), row("vgg16", 0, **identified)]
    superclass = {"test_superclass_acc": 0.83}
    rows = [replace(one, evaluation=one.evaluation.model_copy(update=superclass)) for one in rows]
    rows = [replace(one, answers=given) for one in rows]
    shown = contents(tmp_path, rows, described)
    text = page.html(shown, test_split)
    assert text == page.html(shown, test_split)
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
    assert "CIFAR-&lt;100&gt;: 10 images to train, 5 to validate, 6 to test, 4 classes" in text
    assert "PFLOP" in text and "0.125" in text
    assert "Compared with alexnet" not in text
    assert rows[0].summary.key in text and rows[2].summary.key in text and identified["weights_sha256"] in text
    assert "0.1.9" in text


def test_data_without_superclasses(given, test_split, described, tmp_path):
    one = row()
    one = replace(one, answers=given, evaluation=one.evaluation.model_copy(update={"test_superclass_acc": None}))
    text = page.html(contents(tmp_path, [one], described.model_copy(update={"superclasses": {}})), test_split)
    assert "uperclass" not in text
    assert "44.0 % right" in text and "calibration error 10.0 %" in text
