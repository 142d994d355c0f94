"""What the test metrics say, by hand."""

import numpy as np
import pytest

import records
from alexvgg.evaluation.by_class import accuracy_by_class
from test_crops import description

LABELS = np.array([0, 1, 2, 3], np.int32)
# Answers 0, 0, 2, 2 with confidence 0.7, 0.4, 0.97, 0.55.
PROBABILITIES = [[0.7, 0.1, 0.1, 0.1], [0.4, 0.3, 0.2, 0.1], [0.01, 0.01, 0.97, 0.01], [0.05, 0.1, 0.55, 0.3]]
LOGITS = np.log(np.array(PROBABILITIES, np.float32))


@pytest.fixture
def grouped():
    return description(8).model_copy(
        update={"classes": ["a", "b", "c", "d"], "superclasses": {"first": ["a", "b"], "second": ["d", "c"]}}
    )


def test_by_hand(tf, grouped):
    from alexvgg.evaluation import measures

    measured = measures.test_metrics(LOGITS, LABELS, grouped)
    assert measured["test_acc"] == 0.5
    assert measured["test_superclass_acc"] == 1.0
    # Each image has a bin of its own: the mean of 0.3, 0.4, 0.03, 0.55.
    assert measured["test_ece"] == pytest.approx((0.3 + 0.4 + 0.03 + 0.55) / 4, abs=1e-6)
    given = measures.answers(LOGITS, LABELS, grouped.classes)
    assert accuracy_by_class(given) == {"a": 1, "b": 0, "c": 1, "d": 0}


def test_right_and_wrong_answers_of_one_confidence_offset_each_other(tf):
    from alexvgg.evaluation import measures

    logits = np.log(np.array([[0.5, 0.3, 0.2]] * 4, np.float32))
    assert measures.calibration_error(logits, np.array([0, 0, 1, 2])) == pytest.approx(0, abs=1e-6)
    assert measures.calibration_error(logits, np.array([1, 1, 1, 1])) == pytest.approx(0.5, abs=1e-6)


def test_data_without_superclasses_has_no_accuracy_of_them(tf, grouped):
    from alexvgg.evaluation import measures

    plain = grouped.model_copy(update={"superclasses": {}})
    measured = measures.test_metrics(LOGITS, LABELS, plain)
    assert measured["test_superclass_acc"] is None
    assert "test_superclass_acc" not in records.evaluation(**measured).metrics
    assert "test_superclass_acc" in records.evaluation(**measures.test_metrics(LOGITS, LABELS, grouped)).metrics


def test_answers_are_named_and_say_how_sure_they_are(tf, grouped):
    from alexvgg.evaluation import measures

    found = measures.answers(LOGITS, LABELS, grouped.classes)
    assert list(found["label"]) == ["a", "b", "c", "d"]
    assert list(found["answer"]) == ["a", "a", "c", "c"]
    assert found["confidence"].tolist() == pytest.approx([0.7, 0.4, 0.97, 0.55])
    assert found["rank"].tolist() == [1, 2, 1, 2]
