"""Whether results are of the sources and the parameters that are here."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from alexvgg.data import registry
from alexvgg.params.schema import Params
from alexvgg.pipeline import code, layout, locks
from alexvgg.pipeline.locks import Recorded
from alexvgg.rows.identity import name_of
from alexvgg.system import files
from alexvgg.system.errors import AlexvggError

SOURCES, SETTINGS, GONE = "made by other sources", "made with other parameters", "no longer in the roster"
MISSING = "not in the table"
SET = ("architecture", "crop", "options", "recipe")


def differing(params: Params, rows: Collection[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Names of rows, those of `results.json`, by what is not as it was when they were made."""
    found: dict[str, list[str]] = {}
    stage = training_code()
    for row in rows:
        model, made_of = row["model"], row.get("data", {})
        if model not in params.models or row["seed"] not in params.seeds:
            what = GONE
        elif made_of.get("code") != stage:
            what = SOURCES
        elif {name: row.get(name) for name in SET} != _set(params, model):
            what = SETTINGS
        elif by_other_sources(model, made_of, params):
            what = SOURCES
        else:
            continue
        found.setdefault(what, []).append(f"{model}-{row['seed']}")
    there = {name_of(row) for row in rows}
    if missing := [name for name in params.rows() if name not in there]:
        found[MISSING] = missing
    return found


def by_other_sources(model: str, made_of: Mapping[str, str], params: Params) -> bool:
    """Whether the code that trains, or that of the network, is not what a training was made of."""
    network = _digest(code.of_entry(params.models[model], layout.PACKAGE))
    return (made_of.get("code"), made_of.get("network")) != (training_code(), network)


def training_code() -> str:
    """The digest of the code that trains, as a summary has it."""
    return _digest(_code("train"))


def _code(stage: str) -> dict[str, Any]:
    return {"code": code.of_stage(Path(f"stages/{stage}.py"), layout.PACKAGE)}


def around_training(params: Params, parameters: Path) -> dict[str, list[str]]:
    """What DVC made of data and answers otherwise than it would now, as `differing`; `params` are those in the file."""
    try:
        recorded = locks.stages(locks.of_report(params.profile))
    except AlexvggError:
        return {}  # which is said elsewhere
    here, other_code = YAML(typ="safe", pure=True).load(parameters), changed_code(params, recorded)
    found: dict[str, list[str]] = {}
    for what, stage in (("data", "preprocess"), ("answers", "evaluate")):
        if stage in other_code:
            found.setdefault(SOURCES, []).append(what)
        set_then = [one.params.get("params.yaml", {}) for one in _runs(stage, params, recorded)]
        if any({key: here.get(key) for key in then} != then for then in set_then):
            found.setdefault(SETTINGS, []).append(what)
    return found


def changed_code(params: Params, recorded: Mapping[str, Recorded]) -> set[str]:
    """The stages beside `train` that DVC ran with other code than they have here."""
    others = ("preprocess", "networks", "evaluate", "report")
    here = {stage: {layout.stage_code(stage): _code(stage)} for stage in others}
    source = registry.SOURCES[params.data.source].source_file
    here["preprocess"][layout.source_code()] = {"code": code.of_plugin(source, layout.PACKAGE)}
    return {
        stage
        for stage, lists in here.items()
        for path, content in lists.items()
        if any(run.deps.get(path) != _md5(content) for run in _runs(stage, params, recorded))
    }


def _runs(stage: str, params: Params, recorded: Mapping[str, Recorded]) -> list[Recorded]:
    """What is recorded of a stage, of `evaluate` for each row that is in the roster."""
    names = [f"{stage}@{row}" for row in params.rows()] if stage == "evaluate" else [stage]
    return [recorded[name] for name in names if name in recorded]


def _set(params: Params, model: str) -> dict[str, Any]:
    """What parameters decide of a training, as rows have it."""
    entry = params.models[model]
    recipe = params.recipe(model).model_dump(mode="json")
    return dict(zip(SET, (entry.architecture, entry.crop, entry.complete_options, recipe), strict=True))


def said(*found: Mapping[str, list[str]]) -> str:
    """The same in a line; empty if nothing differs."""
    return "; ".join(f"{', '.join(names)}: {what}" for one in found for what, names in one.items())


def _md5(value: Any) -> str:
    """Of a list of sources, as DVC notes that of the file."""
    return hashlib.md5(files.json_text(value).encode(), usedforsecurity=False).hexdigest()


def _digest(value: Any) -> str:
    """Of a list of sources, as a training notes that of the file."""
    return hashlib.sha256(files.json_text(value).encode()).hexdigest()
