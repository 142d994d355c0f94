"""The page says what the files say, and needs nothing but itself."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from alexvgg.data.dataset import Split
from alexvgg.reporting import calibration, mistakes, page
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


def without_scripts(text):
    return re.sub("<script.*?</script>", "", text, flags=re.DOTALL)


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
    assert "no &lt;em&gt;" in text and "<em>" not in without_scripts(text)
    assert "no \\u003cem>" in text  # in the charts' JSON


def test_a_claim_is_shown_with_what_was_found(given, test_split, described, tmp_path):
    rows = [variant(seed=i, val_acc=acc) for i, acc in enumerate((0.50, 0.51))]
    for model, normalization, accuracies in (("plain", "none", (0.30, 0.31)), ("lrn", "lrn", (0.30, 0.33))):
        rows += [variant(model, i, acc, options={"normalization": normalization}) for i, acc in enumerate(accuracies)]
    rows = [replace(one, answers=given) for one in rows]
    text = page.html(contents(tmp_path, rows, described), test_split)
    assert '<li class="held"><b>batch normalisation</b> held</li>' in text
    assert '<li class="open"><b>LRN</b> no significant difference</li>' in text
    assert text.count('class="chart"') == 3 + 2  # curves and calibration; errors and what is compared
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
    assert all(image["alt"] and image["src"].startswith("data:image/") for image in tags.of("img"))
    assert len(tags.of("img")) == 2 + 2 * (1 + 3)  # crops, montage; of two models, all classes and three mistakes
    [policy] = [one["content"] for one in tags.of("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:;")  # a browser fetches nothing at all
    assert not tags.of("link") and not [one for one in tags.of("script") if "src" in one]
    targets = {attributes.get("id") for _, attributes in tags.found}
    assert {link["href"][1:] for link in tags.of("a")} <= targets
    assert "<b>d</b>, answered as a &lt; b (97&nbsp;%)" in text and "a < b" not in without_scripts(text)
    assert "83.0&nbsp;% in the right superclass" in text
    assert "2.0500 <small>± 0.0707</small>" in text
    assert "58,696,548" in text and "animals" in text
    assert "CIFAR-&lt;100&gt;: 10 images to train, 5 to validate, 6 to test, 4 classes" in text
    assert "PFLOP" in text and "0.125" in text
    assert "Compared with alexnet" not in text
    assert rows[0].summary.key in text and rows[2].summary.key in text and identified["weights_sha256"] in text
    assert "0.1.9" in text


def test_the_slide_is_beside_the_table_only_where_the_images_are_its(given, test_split, described, tmp_path):
    known = replace(row("alexnet"), answers=given)
    text = page.html(contents(tmp_path, [known], described), test_split)
    block = [re.findall(r">([^<>]+)</t", line) for line in text.splitlines() if 'role="row"' in line]
    assert block[2:4] == [
        ["the slide", "58,696,548", "2.0653", "2.1413", "0.4529", "0.4432"],
        ["difference", "+0", "-0.0653", "-0.0413", "+0.0471", "+0.0000"],
    ]
    elsewhere = replace(row("alexnet", source="digits"), answers=given)
    text = page.html(contents(tmp_path, [elsewhere], described), test_split)
    assert ">the slide<" not in text and "What the slide prints is of other images" in text
    assert "slide alexnet" not in text  # in the chart


def test_charts_are_there_without_javascript(given, test_split, described, tmp_path):
    text = page.html(contents(tmp_path, [replace(row(), answers=given)], described), test_split)
    drawn = re.findall(r'<div class="canvas"[^>]*><svg (.*?)</svg>', text, re.DOTALL)
    assert len(drawn) == 3
    assert all("var(--model-0)" in one and "var(--soft)" in one for one in drawn)  # as dark as the page
    assert "slide alexnet" in drawn[0]
    hidden = [one for one in Tags(text).of("input") if "hidden" in one]
    assert len(hidden) == 3  # what does nothing without it


def test_calibration_is_the_error_that_evaluation_measures(tf):
    from alexvgg.evaluation import measures

    generator = np.random.default_rng(0)
    logits, labels = generator.normal(0, 3, (500, 4)).astype(np.float32), generator.integers(0, 4, 500)
    answered = measures.answers(logits, labels, CLASSES)
    assert calibration.error(calibration.bins(answered)) == pytest.approx(measures.calibration_error(logits, labels))
    assert calibration.BINS == measures.BINS


def test_data_without_superclasses(given, test_split, described, tmp_path):
    one = row()
    one = replace(one, answers=given, evaluation=one.evaluation.model_copy(update={"test_superclass_acc": None}))
    text = page.html(contents(tmp_path, [one], described.model_copy(update={"superclasses": {}})), test_split)
    assert "uperclass" not in without_scripts(text)
    assert "44.0&nbsp;% right" in text and "calibration error 10.0&nbsp;%" in text
