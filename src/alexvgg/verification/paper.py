"""What a committed report says, computed anew from what is committed beside it: no network is built for that."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from alexvgg.evaluation.metrics import accuracy_interval
from alexvgg.params.recipe import Recipe
from alexvgg.reporting import calibration, results, table, variants
from alexvgg.rows import answers
from alexvgg.rows.evaluation import Evaluation
from alexvgg.rows.identity import name_of
from alexvgg.rows.row import Row
from alexvgg.rows.summary import Summary
from alexvgg.system import files
from alexvgg.system.errors import AlexvggError
from alexvgg.verification import recorded
from alexvgg.verification.findings import EXPECTED, Finding, carefully, compared

COLUMNS = ["label", "answer", "confidence", "rank"]  # of answers
LAST_DIGIT = 1e-6  # of a probability, as answers are written


def report(folder: Path) -> dict[str, Any]:
    """`results.json` of a report. Raises AlexvggError."""
    path = folder / "results.json"
    if not path.is_file():
        raise AlexvggError(f"{path} is missing; `git checkout {folder}`, or make it: `make repro`")
    document = files.read_json(path)
    with suppress(KeyError, TypeError, AttributeError):
        rows = document["rows"]
        if {"profile", "table"} <= document.keys() and rows and all({"model", "seed"} <= row.keys() for row in rows):
            return dict(document)
    raise AlexvggError(f"{path} is no report of this version; `git checkout {path}`")


def row(folder: Path, reported: dict[str, Any]) -> Iterator[Finding]:
    """The accuracies of a row, from its answers, its last epoch, and its key."""
    name = name_of(reported)
    summary = training_of(reported)
    given = answers.read(folder / "answers" / f"{name}.csv")
    if summary is not None:
        yield compared(name, "columns of its answers", list(given), COLUMNS, EXPECTED)
    right = given["label"] == given["answer"]
    yield compared(name, "test images", reported["images"]["test"], len(given))
    yield compared(name, "test accuracy", reported["test_acc"], float(right.mean()))
    interval = accuracy_interval(float(right.mean()), len(given))
    yield compared(name, "its 95 % interval", (reported["test_acc_low"], reported["test_acc_high"]), interval)
    if "rank" in given:
        yield _ranks(name, given)
        if "test_top5" in reported:
            yield compared(name, "top-5 accuracy", reported["test_top5"], float((given["rank"] <= 5).mean()))
    if summary is not None:
        yield _calibration(name, reported["test_ece"], given)
    curves = pd.read_csv(folder / "curves.csv", float_precision="round_trip")
    of_row = curves[(curves["model"] == reported["model"]) & (curves["seed"] == reported["seed"])]
    for split, prefix in (("train", ""), ("val", "val_")):
        of_split = of_row[of_row["split"] == split]
        for measure in ("loss", "acc"):
            last = float(of_split[measure].iloc[-1])
            yield compared(name, f"{prefix}{measure}", reported[f"{prefix}{measure}"], last)
        if summary is not None:
            epochs = list(zip(of_split["epoch"], of_split["crop"], strict=True))
            yield compared(name, f"epochs and crops of its {split} curve", epochs, recorded.planned(summary), EXPECTED)
    if summary is not None:
        yield compared(name, "key", reported["key"], summary.key)
    else:
        yield Finding("unknown", name, "its recipe is of another version of the project: no key, no beginning")


def _ranks(name: str, given: pd.DataFrame) -> Finding:
    """Whether the right class has rank 1 where it was answered, and only there."""
    ranks, right = given["rank"], given["label"] == given["answer"]
    wrong = int(((ranks < 1) | ((ranks == 1) != right)).sum())
    text = f"{wrong} ranks do not agree with the answers" if wrong else "ranks of the right classes"
    return Finding("differs" if wrong else "same", name, text)


def _calibration(name: str, reported: float, given: pd.DataFrame) -> Finding:
    """The calibration error, as far as the digits of the confidences go."""
    place = given["confidence"] * calibration.BINS
    other_bin = ((place - place.round()).abs() <= LAST_DIGIT * calibration.BINS).mean()
    anew = calibration.error(calibration.bins(given))
    if abs(reported - anew) <= LAST_DIGIT + other_bin:
        return Finding("same", name, "calibration error")
    return compared(name, "calibration error", reported, anew)


def whole(folder: Path, document: dict[str, Any]) -> Iterator[Finding]:
    """Everything that has numbers of all rows, from the rows."""
    trainings = [training_of(one) for one in document["rows"]]
    if None in trainings:
        yield from _whole_of_another_version(folder, document)
        return
    rows = [row_of(folder, one) for one in document["rows"]]
    anew = results.summarize(rows)
    texts = {
        "results.json": files.json_text(results.document(document["profile"], rows)),
        "results.csv": _csv(results.flat(anew)),
        "by_class.csv": _csv(results.by_class(rows)),
        **{f"metrics/{model}.json": files.json_text(one) for model, one in results.headline(anew).items()},
    }
    for name, content in texts.items():
        yield _as_computed(name, text(folder / name) == content, "the rows")
    yield from carefully("table", partial(_curves, folder, rows))
    yield _nothing_else(folder, document)
    printed = text(folder / "results.md") or ""
    written = table.markdown(document["profile"], anew, rows) + variants.markdown(rows)
    yield _as_computed("results.md", tables(printed).startswith(tables(written)), "the rows")
    if not printed.startswith(written):
        yield Finding("unknown", "table", "the words of results.md are not those of this version of the project")


def _nothing_else(folder: Path, document: dict[str, Any]) -> Finding:
    """Whether all answers, metrics and networks are those of a row or model of the report."""
    models = {one["model"] for one in document["rows"]}
    known = {folder / "answers" / f"{name_of(one)}.csv" for one in document["rows"]}
    known |= {folder / "metrics" / f"{model}.json" for model in models}
    known |= {folder / "networks" / f"{model}.{kind}" for model in models for kind in ("md", "png")}
    there = {path for name in ("answers", "metrics", "networks") for path in (folder / name).glob("[!.]*")}
    if more := sorted(map(str, there - known)):
        return Finding("differs", "files", f"{', '.join(more)}: of no row of the report")
    return Finding("same", "files", "answers, metrics and networks are those of the rows")


def tables(markdown: str) -> str:
    """The lines of the tables in a text."""
    return "".join(line for line in markdown.splitlines(keepends=True) if line.startswith("|"))


def row_of(folder: Path, reported: dict[str, Any]) -> Row:
    """A row of the report, without its history, and without what a report does not say: its layers."""
    summary = Summary.model_validate({name: value for name, value in reported.items() if name in Summary.model_fields})
    said = {name: reported.get(name) for name in Evaluation.model_fields}
    evaluation = Evaluation.model_validate(said | {"layers": [], "training_flop": {}})
    return Row(summary, evaluation, pd.DataFrame(), answers.read(folder / "answers" / f"{summary.name}.csv"))


def with_history(folder: Path, row: Row) -> Row:
    """A row of the report with its history, which is that of the report's curves."""
    epochs = recorded.epochs(folder, row.summary)
    return replace(row, history=pd.DataFrame([asdict(epoch) for epoch in epochs]))


def _curves(folder: Path, rows: list[Row]) -> Iterator[Finding]:
    anew = _csv(results.curves([with_history(folder, row) for row in rows]))
    yield _as_computed("curves.csv", text(folder / "curves.csv") == anew, "the rows")


def _csv(content: pd.DataFrame) -> str:
    return content.to_csv(index=False, lineterminator="\n")


def text(path: Path) -> str | None:
    """The content of a file, if it is there."""
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _whole_of_another_version(folder: Path, document: dict[str, Any]) -> Iterator[Finding]:
    """The table and the accuracies by class, from the rows."""
    parts = [
        answers.read(folder / "answers" / f"{name_of(one)}.csv").assign(model=one["model"]) for one in document["rows"]
    ]
    by_class = _csv(results.shares(pd.concat(parts)))
    yield _as_computed("by_class.csv", text(folder / "by_class.csv") == by_class, "the answers")
    trainings = [_for_table(one) for one in document["rows"]]
    metrics = [{k: v for k, v in one.items() if k not in {"key", *Summary.model_fields}} for one in document["rows"]]
    anew = results.table_of(list(zip(trainings, metrics, strict=True)))
    yield compared("table", "results.json", document["table"], results.entries(anew))
    printed = re.search(r"^(?:\|.*\n)+", text(folder / "results.md") or "", re.M)
    same = printed is not None and printed[0].strip() == table.main_table(anew).strip()
    yield _as_computed("results.md", same, "the rows")
    rest = "results.csv, metrics, other epochs of the curves, the talk's claims and networks"
    yield Finding("unknown", "table", f"{rest}: of another version of the project")


def _as_computed(name: str, same: bool, what: str) -> Finding:
    return Finding("same", "table", name) if same else Finding("differs", "table", f"{name} is not what {what} say")


def training_of(reported: dict[str, Any]) -> Summary | None:
    """The training of a row of `results.json`; None if another version of the project made it."""
    try:
        return Summary.model_validate({name: value for name, value in reported.items() if name in Summary.model_fields})
    except ValidationError:
        return None


def _for_table(reported: dict[str, Any]) -> Summary:
    """The same of a row of another version, whose recipe has other keys; those that the table needs are in all."""
    recipe = Recipe.model_construct(**reported["recipe"] | {"early_crops": []})
    values = {name: reported[name] for name in Summary.model_fields if name in reported}
    return Summary.model_construct(**values | {"recipe": recipe, "beginning": []})
