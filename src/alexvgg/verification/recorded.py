"""What DVC recorded when it made a report and its rows, compared with what is committed."""

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from alexvgg.evaluation import cost
from alexvgg.networks.counting import Layer
from alexvgg.pipeline import locks
from alexvgg.rows import history
from alexvgg.rows.evaluation import Evaluation
from alexvgg.rows.history import Epoch
from alexvgg.rows.identity import name_of
from alexvgg.rows.paths import RowFiles
from alexvgg.rows.summary import Summary
from alexvgg.system import files
from alexvgg.training import schedule
from alexvgg.verification.findings import Finding

NOT_IN_GIT = ("index.html", "slides.pptx")

Counted = tuple[list[Layer], dict[str, int | None]]  # a network, built anew: its layers; operations of a step, by crop


def report(folder: Path, lock: Path) -> Iterator[Finding]:
    """Whether the report's files are those that DVC recorded when it made them."""
    made = locks.made(locks.stages(lock), folder)
    if not made:
        yield Finding("unknown", "files", f"{lock} does not say what DVC made in {folder}")
    for path, md5 in made.items():
        if path.name in NOT_IN_GIT and not (path.exists() and _md5(path) == md5):
            if path.exists():
                yield Finding("unknown", "files", f"{path} is of another report; `dvc checkout` brings back this one's")
        elif path.exists():
            yield _compared("files", str(path), md5, _md5(path))
        else:
            yield Finding("differs", "files", f"{path} is missing")
    for path in sorted(folder.glob("[!.]*")) if made else []:
        if path not in made:
            yield Finding("unknown", "files", f"{lock} does not say that DVC made {path}")


class Rows:
    """The files of a report's rows, which git does not have, as DVC recorded them in the lock of a profile."""

    def __init__(self, folder: Path, lock: Path, inside: Path, rows: dict[str, RowFiles]) -> None:
        """`folder` is the report's; `inside` that of its rows, which `rows` has by name.

        `of_report` is whether they are those from which the report was made. Raises DataError.
        """
        self._folder, self._rows = folder, rows
        recorded = locks.stages(lock)
        made = {path: md5 for stage in recorded.values() for path, md5 in stage.outs.items()}
        wanted = {inside / name for name in rows}
        self._made = {path: md5 for path, md5 in made.items() if path.parent in wanted}
        listed = {path.relative_to(inside).as_posix(): md5 for path, md5 in self._made.items()}
        read = recorded["report"].deps.get(inside) if "report" in recorded else None
        self.of_report = bool(listed) and read == _md5_of_folder(listed)

    def training(self, summary: Summary) -> Iterator[Finding]:
        """Whether the report says of a row what `train` had written, and the answers that `evaluate` had written."""
        row = self._rows[summary.name]
        with TemporaryDirectory() as temporary:
            summary.write(file := Path(temporary) / "row")
            yield self._found(summary.name, row.summary, file)
            history.write(file, list(epochs(self._folder, summary)))
            yield self._found(summary.name, row.history, file)
        yield self._found(summary.name, row.answers, self._folder / "answers" / f"{summary.name}.csv")

    def evaluation(self, reported: dict[str, Any], network: Counted) -> Finding:
        """Whether the report says of a row, as `results.json` has it, what `evaluate` had written."""
        layers, training_flop = network
        said = {name: reported.get(name) for name in Evaluation.model_fields}
        anew = Evaluation.model_validate(said | {"layers": layers, "training_flop": training_flop})
        name = name_of(reported)
        with TemporaryDirectory() as temporary:
            anew.write(file := Path(temporary) / "row")
            return self._found(name, self._rows[name].evaluation, file)

    def _found(self, name: str, path: Path, as_reported: Path) -> Finding:
        return _compared(name, f"what was in {path.name}", self._made.get(path), files.md5(as_reported))


def _compared(subject: str, what: str, recorded: str | None, here: str) -> Finding:
    if recorded == here:
        return Finding("same", subject, what)
    return Finding("differs", subject, f"{what}: DVC recorded another file (md5 {recorded}, here {here})")


def planned(summary: Summary) -> list[tuple[int, int]]:
    """Each epoch that a training made, from 1, with the side of its crops."""
    made, whole = cost.steps(summary.recipe, summary.images["train"])
    crops = schedule.crops(summary.recipe, summary.crop)
    return list(enumerate(crops[: math.ceil(made * len(crops) / whole)], 1))


def petaflop(summary: Summary, training_flop: dict[str, int | None]) -> float | None:
    """10¹⁵ operations of a training, from those of one image's step by crop; None if they cannot be counted."""
    by_epoch = cost.petaflop_by_epoch(summary, [crop for _, crop in planned(summary)], training_flop)
    return by_epoch[-1] if by_epoch else None


def epochs(folder: Path, summary: Summary) -> Iterator[Epoch]:
    """The history of a training, from the curves of a report."""
    curves = pd.read_csv(folder / "curves.csv", float_precision="round_trip")
    of_row = curves[(curves["model"] == summary.model) & (curves["seed"] == summary.seed)]
    on_train, on_val = (of_row[of_row["split"] == split].to_dict("records") for split in ("train", "val"))
    made, planned = cost.steps(summary.recipe, summary.images["train"])
    per_epoch = planned // summary.recipe.epochs
    for train, val in zip(on_train, on_val, strict=True):
        last_step = min(train["epoch"] * per_epoch, made) - 1
        yield Epoch(
            epoch=train["epoch"],
            crop=train["crop"],
            loss=train["loss"],
            acc=train["acc"],
            val_loss=val["loss"],
            val_acc=val["acc"],
            learning_rate=schedule.learning_rate(summary.recipe, last_step, planned),
        )


def _md5(path: Path) -> str:
    """As DVC writes it."""
    if path.is_file():
        return files.md5(path)
    inside = [one for one in path.rglob("[!.]*") if one.is_file()]
    return _md5_of_folder({one.relative_to(path).as_posix(): files.md5(one) for one in inside})


def _md5_of_folder(listed: dict[str, str]) -> str:
    """Of a folder, by the md5 of each file in it: that of the list of them."""
    text = json.dumps([{"md5": md5, "relpath": path} for path, md5 in sorted(listed.items())], sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + ".dir"
