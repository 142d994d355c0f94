"""What trainings read, made anew in a folder by the pipeline's own stages; and what rows say of their inputs."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from alexvgg.data import arrays
from alexvgg.data.registry import SOURCES
from alexvgg.data.source import SourceSettings
from alexvgg.params import file
from alexvgg.params.schema import Params
from alexvgg.pipeline import provenance
from alexvgg.rows.identity import Inputs, name_of
from alexvgg.rows.summary import Summary
from alexvgg.system import files
from alexvgg.system.errors import AlexvggError
from alexvgg.verification import paper
from alexvgg.verification.findings import EXPECTED, HERE, Finding, compared

LINKED = ("src", "stages", "dvc.yaml")


class NotMade(AlexvggError):
    """The data could not be made anew here, such as without a network."""


@contextmanager
def made_anew(root: Path, params: Path, archive: Path) -> Iterator[None]:
    """Work in a folder in which data are made by the parameters; leave nothing of it.

    They are made from `archive`, if that is the one that the parameters accept. Raises NotMade if a stage fails, which
    has said why.
    """
    before, data = Path.cwd(), file.load(params).data
    with TemporaryDirectory() as made:
        named = _beside_the_project(data)
        folder = Path(made).joinpath(*["inside"] * sum(Path(name).parts.count("..") for name in named))
        for name in (*LINKED, *named):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to(root / name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "params.yaml").write_bytes(params.read_bytes())
        stages = ["check", "download", "preprocess"]
        if archive.is_file() and files.sha256(archive) in data.sha256:
            stages.remove("download")
            (folder / "data").mkdir(exist_ok=True)
            (folder / "data/archive").symlink_to(archive.resolve())
        for stage in stages:
            command = [sys.executable, f"stages/{stage}.py"]
            if subprocess.run(command, cwd=folder, env=_environment(root, folder, data)).returncode:
                raise NotMade(f"the data could not be made anew: {stage} failed (see above)")
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def _environment(root: Path, folder: Path, data: SourceSettings) -> dict[str, str]:
    """That of a stage in `folder`; a path from the project in `root` is from there."""
    variable = SOURCES[data.source].by_hand
    named = {variable: str(root / os.environ[variable])} if variable and os.environ.get(variable) else {}
    return os.environ | named | {"DVC_ROOT": str(folder)}


def _beside_the_project(data: SourceSettings) -> list[str]:
    """The archives that parameters name by a path from the project."""
    return [name for name in data.addresses if not urlsplit(name).scheme and not Path(name).is_absolute()]


def settings(summary: Summary, params: Params) -> Iterator[Finding]:
    """Whether a reported training is the one that parameters and sources here describe."""
    if summary.model not in params.models:
        return  # which is told of the rows
    entry = params.models[summary.model]
    here = {"architecture": entry.architecture, "crop": entry.crop, "options": entry.complete_options}
    for field, value in {**here, "recipe": params.recipe(summary.model)}.items():
        yield compared(summary.name, field, getattr(summary, field), value, HERE)
    yield compared(summary.name, "inputs", list(summary.data), [field.name for field in fields(Inputs)], EXPECTED)
    if summary.archive_sha256 in params.data.sha256:
        yield Finding("same", summary.name, "an archive that the parameters accept")
    else:
        yield Finding("differs", summary.name, f"archive {summary.archive_sha256}: the parameters do not accept it")
    if provenance.by_other_sources(summary.model, summary.data, params):
        yield Finding("unknown", summary.name, "made by other sources than those here; `git log -- src stages`")
    else:
        yield Finding("same", summary.name, "sources that decide the result")


def splits(summary: Summary, made: Inputs) -> Iterator[Finding]:
    """Whether a reported training read the arrays that are here."""
    for split in ("train", "val", "description"):
        here = files.sha256(getattr(made, split))
        yield compared(summary.name, f"sha256 of {split}", summary.data[split], here, HERE)


def another_archive(summary: Summary, accepted: list[str], description: Path) -> Finding | None:
    """That a training read another of the archives that the parameters accept than the one here; None if the same."""
    here = arrays.load_description(description).archive_sha256
    if summary.archive_sha256 == here or summary.archive_sha256 not in accepted:
        return None
    text = f"made from another of the accepted archives, {summary.archive_sha256[:12]}…; the one here is {here[:12]}…"
    return Finding(
        "unknown", summary.name, f"{text}, with images in another order: no splits and no beginning to compare"
    )


def described(summary: Summary, description: Path, in_order: bool) -> Iterator[Finding]:
    """Whether a reported training read the data that are here, or, not in this order, such data."""
    known = arrays.load_description(description)
    for field in ("source", "title", "images") if in_order else ("source", "title"):
        yield compared(summary.name, field, getattr(summary, field), getattr(known, field))
    yield compared(summary.name, "resize", summary.resize, known.resize_for(summary.crop))


def labels(name: str, given: pd.DataFrame, test: Path, description: Path, in_order: bool) -> Finding:
    """Whether the answers of a row are to the images of the test split: in its order, or as many of each class."""
    known = arrays.load_description(description)
    true = [known.classes[label] for label in arrays.load(test, known).labels]
    if not in_order:
        same = Counter(given["label"]) == Counter(true)
        text = "test images by class" if same else "the archive here has other numbers of test images by class"
        return Finding("same" if same else "unknown", name, text)
    if list(given["label"]) == true:
        return Finding("same", name, "labels of the test images")
    wrong = sum(a != b for a, b in zip(given["label"], true, strict=False)) + abs(len(given) - len(true))
    return Finding("differs", name, f"{wrong} labels of its answers are not the test split's")


def superclasses(name: str, reported: float | None, given: pd.DataFrame, description: Path) -> Iterator[Finding]:
    """The share of answers in the label's superclass, counted anew; nothing where the data has no superclasses."""
    groups = arrays.load_description(description).superclasses
    of_class = {one: group for group, classes in groups.items() for one in classes}
    right = given["answer"].map(of_class) == given["label"].map(of_class)
    if groups or reported is not None:
        yield compared(name, "accuracy by superclass", reported, float(right.mean()) if groups else None)


def not_as_written(rows: list[dict[str, Any]]) -> Iterator[Finding]:
    """Rows of which the sources that are here could not have written the summary, though they say so."""
    here = provenance.training_code()
    for row in rows:
        if paper.training_of(row) is None and row.get("data", {}).get("code") == here:
            yield Finding("differs", name_of(row), "it is not what the sources here write")


def rows_of(params: Params, reported: list[str]) -> Iterator[Finding]:
    """Whether the report has the rows that the parameters ask for, once each; `reported` are its names, in order."""
    asked = params.rows()
    wrong = [f"{row} is missing" for row in asked if row not in reported]
    wrong += [f"{row} is not in the roster" for row in dict.fromkeys(reported) if row not in asked]
    wrong += [f"{row} is there {times} times" for row, times in Counter(reported).items() if times > 1]
    if wrong:
        yield Finding("differs", "table", f"rows: {', '.join(wrong)}")
    else:
        yield compared("table", "rows", reported, asked, HERE)
