"""What DVC recorded when it made a report and its rows, compared with what is committed."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from alexvgg.evaluation import cost
from alexvgg.networks.counting import Layer
from alexvgg.pipeline import damage
from alexvgg.rows import history
from alexvgg.rows.evaluation import Evaluation
from alexvgg.rows.history import Epoch
from alexvgg.rows.paths import RowFiles
from alexvgg.rows.summary import Summary
from alexvgg.system import files
from alexvgg.training import schedule
from alexvgg.verification.findings import Finding

NOT_IN_GIT = ("index.html", "slides.pptx")

Md5s = dict[Path, str]


def outs(lock: Path) -> dict[str, Md5s]:
    """The md5 of each file that a stage made, by stage. Raises DataError."""
    damage.lock(lock)
    content = YAML(typ="safe", pure=True).load(lock.read_text(encoding="utf-8")) if lock.is_file() else {}
    return {
        stage: {Path(out["path"]): str(out["md5"]) for out in entry.get("outs", []) if "md5" in out}
        for stage, entry in (content or {}).get("stages", {}).items()
    }


def of_report(lock: Path, folder: Path) -> Md5s:
    """Those of the files of the report in `folder`; none in another profile's lock. Raises DataError."""
    made = outs(lock).get("report", {})
    return {path: md5 for path, md5 in made.items() if path.is_relative_to(folder)}


def report(folder: Path, lock: Path) -> Iterator[Finding]:
    """Whether the report's files are those that DVC recorded when it made them."""
    made = of_report(lock, folder)
    if not made:
        yield Finding("unknown", "files", f"{lock} does not say what DVC made in {folder}")
    for path, md5 in made.items():
        if path.name in NOT_IN_GIT and not (path.exists() and _md5(path) == md5):
            if path.exists():
                yield Finding("unknown", "files", f"{path} is of another report; `dvc checkout` brings back this one's")
        elif path.exists():
            yield _as_recorded("files", str(path), _md5(path) == md5, lock)
        else:
            yield Finding("differs", "files", f"{path} is missing")
    for path in sorted(folder.glob("[!.]*")) if made else []:
        if path not in made:
            yield Finding("unknown", "files", f"{lock} does not say that DVC made {path}")


def row(folder: Path, lock: Path, files_of_row: RowFiles, summary: Summary) -> Iterator[Finding]:
    """Whether the report in `folder` says of a row what was in the row's own files, which git does not have."""
    with TemporaryDirectory() as temporary:
        as_file = Path(temporary) / "row"
        summary.write(as_file)
        said = {files_of_row.summary: files.md5(as_file)}
        history.write(as_file, list(epochs(folder, summary)))
        said[files_of_row.history] = files.md5(as_file)
    said[files_of_row.answers] = files.md5(folder / "answers" / f"{summary.name}.csv")
    yield from _recorded(lock, summary.name, said)


def evaluation(
    lock: Path, file: Path, reported: dict[str, Any], layers: list[Layer], training_flop: dict[str, int | None]
) -> Finding:
    """Whether a report says of a row what was in its `evaluation.json`.

    `reported` is the row in `results.json`; `layers` and `training_flop` are those of its network, built anew.
    """
    said = {name: reported.get(name) for name in Evaluation.model_fields}
    anew = Evaluation.model_validate(said | {"layers": layers, "training_flop": training_flop})
    name = f"{reported['model']}-{reported['seed']}"
    with TemporaryDirectory() as temporary:
        anew.write(as_file := Path(temporary) / "row")
        return _recorded(lock, name, {file: files.md5(as_file)})[0]


def _recorded(lock: Path, name: str, said: Md5s) -> list[Finding]:
    """Whether DVC recorded files of a row with these md5s."""
    made = {path: md5 for of_stage in outs(lock).values() for path, md5 in of_stage.items()}
    return [
        _as_recorded(name, f"what its {path.name} was", made[path] == md5, lock)
        if path in made
        else Finding("unknown", name, f"{lock} does not say that DVC made {path}")
        for path, md5 in said.items()
    ]


def _as_recorded(subject: str, what: str, same: bool, lock: Path) -> Finding:
    text = what if same else f"{what}: not as DVC recorded it in {lock}"
    return Finding("same" if same else "differs", subject, text)


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
    """As DVC writes it; of a folder, that of the list of its files."""
    if path.is_file():
        return files.md5(path)
    listed = [{"md5": files.md5(one), "relpath": one.relative_to(path).as_posix()} for one in path.rglob("*")
              if one.is_file()]  # fmt: skip
    text = json.dumps(sorted(listed, key=lambda one: one["relpath"]), sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + ".dir"
