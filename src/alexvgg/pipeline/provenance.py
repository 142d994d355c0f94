"""Whether results are of the sources and the parameters that are here."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from alexvgg.params.schema import Params
from alexvgg.pipeline import code, damage, layout
from alexvgg.system import files
from alexvgg.system.errors import AlexvggError

SOURCES, SETTINGS, GONE = "made by other sources", "made with other parameters", "no longer in the roster"
MISSING = "not in the table"
SET = ("architecture", "crop", "options", "recipe")


def differing(params: Params, rows: Collection[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Names of rows, those of `results.json`, by what is not as it was when they were made."""
    found: dict[str, list[str]] = {}
    for row in rows:
        model, made_of = row["model"], row.get("data", {})
        if model not in params.models or row["seed"] not in params.seeds:
            what = GONE
        elif made_of.get("code") != _training():
            what = SOURCES
        elif {name: row.get(name) for name in SET} != _set(params, model):
            what = SETTINGS
        elif by_other_sources(model, made_of, params):
            what = SOURCES
        else:
            continue
        found.setdefault(what, []).append(f"{model}-{row['seed']}")
    there = {f"{row['model']}-{row['seed']}" for row in rows}
    if missing := [name for name in params.rows() if name not in there]:
        found[MISSING] = missing
    return found


def by_other_sources(model: str, made_of: Mapping[str, str], params: Params) -> bool:
    """Whether the code that trains, or that of the network, is not what a training was made of."""
    network = _digest(code.of_entry(params.models[model], layout.PACKAGE))
    return (made_of.get("code"), made_of.get("network")) != (_training(), network)


def _training() -> str:
    return _digest(_code("train"))


def _code(stage: str) -> dict[str, Any]:
    return {"code": code.of_stage(Path(f"stages/{stage}.py"), layout.PACKAGE)}


def around_training(parameters: Path, lock: Path) -> dict[str, list[str]]:
    """What DVC made of data and answers otherwise than it would now, as `differing`; `lock` is the profile's."""
    try:
        damage.lock(lock)
    except AlexvggError:
        return {}  # which is said elsewhere
    yaml = YAML(typ="safe", pure=True)
    stages = yaml.load(lock)["stages"] if lock.is_file() else {}
    found: dict[str, list[str]] = {}
    for stage, what in (("preprocess", "data"), ("evaluate", "answers")):
        made = next((one for name, one in stages.items() if name.partition("@")[0] == stage), None)
        if made is None:
            continue
        deps = {one["path"]: one["md5"] for one in made["deps"]}
        code_here = hashlib.md5(files.json_text(_code(stage)).encode(), usedforsecurity=False).hexdigest()
        if deps.get(layout.stage_code(stage).as_posix()) != code_here:
            found.setdefault(SOURCES, []).append(what)
        here = yaml.load(parameters)
        recorded = made.get("params", {}).get("params.yaml", {})
        if {name: here.get(name) for name in recorded} != recorded:
            found.setdefault(SETTINGS, []).append(what)
    return found


def _set(params: Params, model: str) -> dict[str, Any]:
    """What parameters decide of a training, as rows have it."""
    entry = params.models[model]
    recipe = params.recipe(model).model_dump(mode="json")
    return dict(zip(SET, (entry.architecture, entry.crop, entry.complete_options, recipe), strict=True))


def said(*found: Mapping[str, list[str]]) -> str:
    """The same in a line; empty if nothing differs."""
    return "; ".join(f"{', '.join(names)}: {what}" for one in found for what, names in one.items())


def _digest(value: Any) -> str:
    """Of a list of sources, as a training notes that of the file."""
    return hashlib.sha256(files.json_text(value).encode()).hexdigest()
