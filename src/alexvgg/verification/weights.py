"""The weights of a reported row, from DVC, and what they answer.

Imports TensorFlow where they are asked: call `runtime.start` before that.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from alexvgg.data import arrays
from alexvgg.evaluation import metrics
from alexvgg.pipeline import locks
from alexvgg.rows import answers
from alexvgg.rows.summary import Summary
from alexvgg.system import files, web
from alexvgg.system.errors import AlexvggError
from alexvgg.verification.findings import Finding, compared
from alexvgg.verification.paper import LAST_DIGIT

# How far rounding moves the probability of a class, on another type of processor or with other threads: more than was
# seen between any two here, or between bfloat16 and float32 (benchmarks/results/rounding.md).
ROUNDING = {"float32": 1e-4, "mixed_bfloat16": 5e-2}


@dataclass(frozen=True)
class Data:
    """Files of what a network is evaluated on."""

    test: Path
    train: Path
    description: Path


def stored(root: Path, lock: Path, weights: Path) -> Path:
    """The file of a row's weights, `weights` of the project in `root`: there, in DVC's cache, or from its remote.

    `lock` is the profile's. Raises AlexvggError, saying where they are not.
    """
    here = root / weights
    md5 = next((one.outs[weights] for one in locks.stages(lock).values() if weights in one.outs), None)
    if here.is_file() and md5 in (None, files.md5(here)):
        return here
    if md5 is None:
        raise AlexvggError(f"{lock} does not say which weights were made as {weights}")
    what = f"{weights} is" if not here.exists() else f"{weights} is another than {lock} names, which is"
    try:
        cached = _cached(root, md5)
    except Exception as error:  # noqa: BLE001 - each kind of remote raises its own
        why = web.public(" ".join(str(error).split()))
        raise AlexvggError(f"{what} neither here nor in DVC's cache, and no remote gives it: {why}") from None
    if not cached.is_file():
        raise AlexvggError(f"{what} neither here, nor in DVC's cache, nor in its remote")
    if files.md5(cached) != md5:
        raise AlexvggError(
            f"{cached} is damaged, or what the remote has is; `alexvgg doctor --fix`, then run this again"
        )
    return cached


def _cached(root: Path, md5: str) -> Path:
    """Where DVC's cache has a file, once it was fetched from the remote if need be."""
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo

    with Repo(str(root)) as repo:
        path = Path(repo.cache.local.oid_to_path(md5))
        if not path.is_file():
            repo.cloud.pull([HashInfo("md5", md5)])
        return path


def of(
    summary: Summary, evaluation: dict[str, float], reported: pd.DataFrame, file: Path, data: Data, batch_size: int
) -> Iterator[Finding]:
    """Whether the file has the weights of the report, and whether they answer and measure what is reported.

    `evaluation` is the row of `results.json`, `reported` its answers.
    """
    same = compared(summary.name, "sha256 of its weights", summary.weights_sha256, files.sha256(file))
    if same.level != "same":
        yield same
        return
    from alexvgg.evaluation import measures
    from alexvgg.evaluation.prediction import Predictor
    from alexvgg.evaluation.run import evenly

    known = arrays.load_description(data.description)
    split = arrays.load(data.test, known)
    on_train = evenly(arrays.load(data.train, known), len(split))
    with TemporaryDirectory() as folder:
        named = Path(folder) / "row.weights.h5"  # Keras goes by the name, which a file in DVC's cache does not have
        named.symlink_to(file.resolve())
        model = measures.rebuild(summary, known, named)
    images = np.concatenate([split.images, on_train.images])  # in the same batches as `evaluate`, to the bit
    both = Predictor.of(model, known, summary.crop, batch_size).logits(images)
    logits, logits_on_train = np.split(both, [len(split)])
    answered = _answered(summary, reported, logits, split.labels, known.classes)
    yield answered
    bound = LAST_DIGIT if answered.level == "same" else ROUNDING[summary.recipe.precision]
    anew = measures.test_metrics(logits, split.labels, known)
    anew["train_acc"] = metrics.accuracy(logits_on_train, on_train.labels)
    bounds = {
        "test_loss": bound * max(1.0, float(anew["test_loss"] or 0)),
        "train_acc": undecided(logits_on_train, bound),
    }
    for name, most in bounds.items():
        yield measured(summary.name, name, evaluation[name], float(anew[name] or 0), most)


def _answered(
    summary: Summary, reported: pd.DataFrame, logits: np.ndarray, labels: np.ndarray, classes: list[str]
) -> Finding:
    from alexvgg.evaluation import measures

    with TemporaryDirectory() as folder:  # with as many digits as are reported
        path = Path(folder) / "answers.csv"
        answers.write(path, measures.answers(logits, labels, classes))
        anew = answers.read(path)
    if reported.equals(anew):
        return Finding("same", summary.name, f"what its weights answer to {len(anew)} test images")
    return judged(summary, reported, np.exp(metrics.log_softmax(logits)), labels, classes)


def measured(row: str, metric: str, reported: float, anew: float, bound: float) -> Finding:
    """Whether a metric that needs all probabilities is the reported one, or within what rounding moves it by."""
    if abs(reported - anew) <= bound + 1e-12 and reported != anew:
        return Finding("unknown", row, f"{metric}: {reported} and {anew} differ by no more than rounding may")
    return compared(row, metric, reported, anew)


def undecided(logits: np.ndarray, bound: float) -> float:
    """The share of images whose answer may be another one, if each probability may move by `bound`."""
    highest = np.sort(np.exp(metrics.log_softmax(logits)), axis=1)[:, -2:]
    return float((highest[:, 1] - highest[:, 0] <= 2 * bound).mean())


def judged(
    summary: Summary, reported: pd.DataFrame, probabilities: np.ndarray, labels: np.ndarray, classes: list[str]
) -> Finding:
    """Whether answers that are not the reported ones differ by no more than rounding.

    `probabilities`, float64 (n, classes), are those of the weights; `labels`, int32 (n,), the right answers.
    """
    if len(reported) != len(labels):
        return Finding("differs", summary.name, f"{len(reported)} answers are reported to {len(labels)} test images")
    bound = ROUNDING[summary.recipe.precision]
    numbers = {name: number for number, name in enumerate(classes)}
    given = reported["answer"].map(numbers)
    lines = np.arange(len(labels))
    of_answer = np.where(given.isna(), -1.0, probabilities[lines, given.fillna(0).astype(int)])
    of_label = probabilities[lines, labels][:, None]
    wrong = (probabilities.max(axis=1) - of_answer > 2 * bound) | (
        np.abs(reported["confidence"] - probabilities.max(axis=1)) > bound
    )
    wrong |= reported["rank"] < 1 + (probabilities > of_label + 2 * bound).sum(axis=1)
    wrong |= reported["rank"] > (probabilities >= of_label - 2 * bound).sum(axis=1)
    if wrong.any():
        return Finding("differs", summary.name, f"its weights answer {int(wrong.sum())} test images otherwise")
    right, right_anew = given == labels, probabilities.argmax(axis=1) == labels
    better, worse = int((right & ~right_anew).sum()), int((right_anew & ~right).sum())
    if abs(better - worse) > 3 * math.sqrt(better + worse):
        text = f"{better} answers are right only in the report, {worse} only anew; rounding has no preference"
        return Finding("differs", summary.name, text)
    return Finding("unknown", summary.name, "its weights answer as reported, as far as rounding lets that be told")
