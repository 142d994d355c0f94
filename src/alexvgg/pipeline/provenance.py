"""Whether results are of the sources and the parameters that are here."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from alexvgg.params.schema import Params
from alexvgg.pipeline import code, layout
from alexvgg.system import files

SOURCES, SETTINGS, GONE = "made by other sources", "made with other parameters", "not in the roster"
SET = ("architecture", "crop", "options", "recipe")


def differing(params: Params, rows: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Names of rows, those of `results.json`, by what is not as it was when they were made."""
    stage = _digest({"code": code.of_stage(Path("stages/train.py"), layout.PACKAGE)})
    networks = {model: _digest(code.of_entry(entry, layout.PACKAGE)) for model, entry in params.models.items()}
    found: dict[str, list[str]] = {}
    for row in rows:
        model, made_of = row["model"], row.get("data", {})
        if model not in params.models or row["seed"] not in params.seeds:
            what = GONE
        elif made_of.get("code") != stage:
            what = SOURCES
        elif {name: row.get(name) for name in SET} != _set(params, model):
            what = SETTINGS
        elif made_of.get("network") != networks[model]:
            what = SOURCES
        else:
            continue
        found.setdefault(what, []).append(f"{model}-{row['seed']}")
    return found


def _set(params: Params, model: str) -> dict[str, Any]:
    """What parameters decide of a training, as rows have it."""
    entry = params.models[model]
    recipe = params.recipe(model).model_dump(mode="json")
    return dict(zip(SET, (entry.architecture, entry.crop, entry.complete_options, recipe), strict=True))


def said(found: Mapping[str, list[str]]) -> str:
    """The same in a line; empty if nothing differs."""
    return "; ".join(f"{', '.join(names)}: {what}" for what, names in found.items())


def _digest(value: Any) -> str:
    """Of a list of sources, as a training notes that of the file."""
    return hashlib.sha256(files.json_text(value).encode()).hexdigest()
