"""What a stage computes with must not change while it runs.

DVC hashes parameters afterwards, and would record new ones as those that were used; of source files it would record
the list that was there before (docs/decisions/0012-check-stage.md).
"""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from alexvgg.pipeline import code
from alexvgg.system import files
from alexvgg.system.errors import ChangedMeanwhile

SOURCES = ("src/", "stages")
IGNORED = {".pyc"}
RECORDED = "data/code/"


class Guard:
    """The source files and parameters that a stage computes with, as they were when it was made.

    Raises ChangedMeanwhile if the source files are not those that the stage `check` has written down.
    """

    def __init__(self, stage: str, pipeline: Path, params: Path, package: Path, **item: Any) -> None:
        self._stage = "-".join([stage, *map(str, item.values())])
        definition = _yaml(pipeline)["stages"][stage]
        deps = [_fill(template, item) for template in definition["deps"]]
        names = [_fill(template, item) for template in definition.get("params", [])]
        self._recorded = _recorded(deps)
        self._now = lambda: _sources(deps, self._recorded, package, params) | _parameters(names, params)
        self._at_start = self._now()
        edited = [name for name, digest in self._recorded.items() if self._at_start[name] != digest]
        if edited:
            raise ChangedMeanwhile(
                f"{', '.join(edited)} changed since the stage `check` listed the code of {self._stage}; run "
                "`dvc repro` (again), which begins with that"
            )

    def check(self) -> None:
        """Call before the first output is written. Raises ChangedMeanwhile, naming what changed."""
        now = self._now()
        changed = [name for name in self._at_start | now if self._at_start.get(name) != now.get(name)]
        if changed:
            raise ChangedMeanwhile(
                f"{', '.join(changed)} changed while {self._stage} ran; nothing was written, since the result would "
                "be recorded as made with another version; run the same command again, or undo the edit first "
                "(an interrupted training then goes on from its checkpoint)"
            )


def _recorded(deps: list[str]) -> dict[str, str]:
    """The sha256 of each source file that the stage `check` has written down, by its name in the project."""
    found: dict[str, str] = {}
    for dep in map(Path, deps):
        if dep.as_posix().startswith(RECORDED):
            for file in [dep] if dep.suffix else sorted(dep.glob("*.json")):
                found |= files.read_json(file)["code"]
    return found


def _sources(deps: list[str], recorded: dict[str, str], package: Path, params: Path) -> dict[str, str]:
    """The same of the present files, including those that `dvc.yaml` lists itself, such as `params`."""
    folders = [Path(dep) for dep in deps if dep.startswith(SOURCES)]
    listed = [file for folder in folders for file in sorted(folder.rglob("*.*")) if file.suffix not in IGNORED]
    here = {name: code.located(name, package) for name in recorded} | {str(file): file for file in listed}
    here |= {dep: params for dep in deps if Path(dep) == params}
    return {name: files.sha256(file) if file.is_file() else "missing" for name, file in here.items()}


def _parameters(names: list[str], params: Path) -> dict[str, str]:
    """The digest of each parameter."""
    values = _yaml(params)
    return {f"{params}: {name}": files.digest(_at(values, name.split("."))) for name in names}


def _fill(template: str, item: dict[str, Any]) -> str:
    return re.sub(r"\$\{item\.(\w+)\}", lambda match: str(item[match[1]]), template)


def _at(values: Any, keys: list[str]) -> Any:
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def _yaml(path: Path) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError):
        return {}
