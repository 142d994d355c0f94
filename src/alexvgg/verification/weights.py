"""The weights of a reported row, from DVC, and what they answer.

Imports TensorFlow where they are asked: call `runtime.start` before that.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from alexvgg.data import arrays
from alexvgg.rows import answers
from alexvgg.rows.summary import Summary
from alexvgg.system import files
from alexvgg.system.errors import AlexvggError
from alexvgg.verification.findings import Finding, compared

# How far rounding moves the probability of an answer: on another type of processor, or with other threads.
ROUNDING = {"float32": 1e-3, "mixed_bfloat16": 5e-2}


def stored(root: Path, lock: Path, weights: Path) -> Path:
    """The file of a row's weights, `weights` of the project in `root`: there, in DVC's cache, or from its remote.

    `lock` is the profile's. Raises AlexvggError, saying where they are not.
    """
    if (root / weights).is_file():
        return root / weights
    md5 = _recorded(lock, weights)
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo

    try:
        with Repo(str(root)) as repo:
            cached = Path(repo.cache.local.oid_to_path(md5))
            if not cached.is_file():
                repo.cloud.pull([HashInfo("md5", md5)])
    except DvcException as error:
        raise AlexvggError(f"{weights} is neither here nor in DVC's cache, and no remote has it: {error}") from None
    if not cached.is_file():
        raise AlexvggError(f"{weights} is neither here, nor in DVC's cache, nor in its remote")
    return cached


def _recorded(lock: Path, weights: Path) -> str:
    """The md5 of the file, as DVC recorded it."""
    stages = YAML(typ="safe", pure=True).load(lock.read_text(encoding="utf-8"))["stages"] if lock.is_file() else {}
    for stage in stages.values():
        for out in stage.get("outs", []):
            if out["path"] == weights.as_posix():
                return str(out["md5"])
    raise AlexvggError(f"{lock} does not say which weights were made as {weights}")


def of(summary: Summary, file: Path, reported: pd.DataFrame, test: Path, description: Path, batch_size: int) -> Finding:
    """Whether the file has the weights of the report, and whether they answer what is reported."""
    same = compared(summary.name, "sha256 of its weights", summary.weights_sha256, files.sha256(file))
    if same.level != "same":
        return same
    from alexvgg.evaluation import measures
    from alexvgg.evaluation.prediction import Predictor

    known = arrays.load_description(description)
    split = arrays.load(test, known)
    predictor = Predictor.of(measures.rebuild(summary, known, file), known, summary.crop, batch_size)
    anew = measures.answers(predictor.logits(split.images), split.labels, known.classes)
    with TemporaryDirectory() as folder:  # with as many digits as are reported
        answers.write(Path(folder) / "answers.csv", anew)
        return judged(summary, reported, answers.read(Path(folder) / "answers.csv"))


def judged(summary: Summary, reported: pd.DataFrame, anew: pd.DataFrame) -> Finding:
    """Whether answers are the reported ones, or others by no more than rounding."""
    shared = [name for name in anew if name in reported]
    if reported[shared].equals(anew[shared]):
        return Finding("same", summary.name, f"what its weights answer to {len(anew)} test images")
    other = int((reported["answer"] != anew["answer"]).sum())
    apart = float(np.abs(reported["confidence"] - anew["confidence"]).max())
    found = (
        f"its weights answer {other} of {len(anew)} test images otherwise; probabilities differ by up to {apart:.1e}"
    )
    if apart <= ROUNDING[summary.recipe.precision]:
        return Finding("unknown", summary.name, f"{found}, as rounding explains")
    return Finding("differs", summary.name, found)
