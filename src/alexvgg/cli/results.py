"""`alexvgg show`, `times`, `models`: what was computed."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from alexvgg.params import file
from alexvgg.pipeline import layout, provenance
from alexvgg.rows.paths import RowFiles
from alexvgg.rows.row import Row
from alexvgg.rows.summary import Summary
from alexvgg.system import files
from alexvgg.system.errors import AlexvggError


def show(models: list[str]) -> None:
    """Print results.md of the current profile, or the rows that are made, and where to look next."""
    params = file.load(layout.PARAMS)
    folder = layout.reports(params.profile)
    paths = {name: layout.row(params.profile, name) for name in params.rows(models)}
    made = {name: row for name, row in paths.items() if row.whole}
    report = folder / "results.md"
    here = layout.rows(params.profile).is_dir()  # else a report came without its rows, as in a fresh clone
    if not models and report.exists() and (not here or _keys(folder) == _row_keys(made, len(paths))):
        print(report.read_text(encoding="utf-8"))
        around = provenance.around_training(params, layout.PARAMS)
        if differs := provenance.said(provenance.differing(params, _rows(folder)), around):
            print(f"This table is older than what is here ({differs}); `make repro` makes it anew.", end="\n\n")
        print(f"Table and curves: {folder}/    MLflow: make ui    What changed: alexvgg compare")
        return
    if not made:
        raise AlexvggError(f"no row of profile {params.profile} is made; run `make repro`, and see what it says")
    from alexvgg.reporting import results, table

    print(table.main_table(results.summarize([Row.read(row) for row in made.values()])), end="\n\n")
    if missing := [name for name in paths if name not in made]:
        print(f"Not made: {', '.join(missing)} (what went wrong is above; `dvc repro` tries again)")
    print("These rows only: `make repro` makes the report with all of them    MLflow: make ui")


def _keys(folder: Path) -> list[str]:
    """The keys of the rows in a report."""
    return sorted(row["key"] for row in _rows(folder))


def _rows(folder: Path) -> list[dict[str, Any]]:
    """The rows in a report; none if it cannot be read."""
    try:
        rows = files.read_json(folder / "results.json")["rows"]
        return [row for row in rows if {"key", "model", "seed"} <= set(row)]
    except (AlexvggError, KeyError, TypeError):
        return []


def _row_keys(made: dict[str, RowFiles], expected: int) -> list[str] | None:
    """The keys of rows on disk; None if some are missing."""
    return sorted(Summary.read(row.summary).key for row in made.values()) if len(made) == expected else None


def show_times() -> None:
    """Print how long each training of the current profile took, and how often it was interrupted."""
    from alexvgg.cli import times

    params = file.load(layout.PARAMS)
    rows = [layout.row(params.profile, name) for name in params.rows()]
    keys = [Summary.read(row.summary).key for row in rows if row.summary.exists()]
    print(times.table(params.profile, times.read(layout.journals(), keys)), end="")


def list_models(as_json: bool) -> None:
    """Build every network and print its size and cost."""
    from alexvgg.networks import catalogue, registry, runtime

    runtime.start("float32", 0)
    counted = catalogue.count(registry.ARCHITECTURES)
    print(
        json.dumps({name: asdict(one) for name, one in counted.items()}, indent=2)
        if as_json
        else catalogue.table(counted)
    )
