"""What a stage computes with must not change while it runs: DVC hashes it afterwards, and would record the new one."""

import os
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from alexvgg import files
from alexvgg.errors import ChangedMeanwhile

SOURCES = ("src/", "stages/")
NETWORKS = "data/networks/"


class Guard:
    """The source files and parameters that `dvc.yaml` lists for a stage, as they are when this is made."""

    def __init__(self, stage: str, pipeline: Path, params: Path, package: Path, **item: Any) -> None:
        self._stage = "-".join([stage, *map(str, item.values())])
        self._arguments = (_yaml(pipeline)["stages"][stage], params, package, item)
        self._at_start = fingerprint(*self._arguments)

    def check(self) -> None:
        """Call before the first output is written. Raises ChangedMeanwhile, naming what changed."""
        now = fingerprint(*self._arguments)
        changed = [name for name in self._at_start | now if self._at_start.get(name) != now.get(name)]
        if changed:
            raise ChangedMeanwhile(
                f"{', '.join(changed)} changed while {self._stage} ran; nothing was written, since the result would "
                "be recorded as made with the new version; run the same command again, or undo the edit first "
                "(an interrupted training then goes on from its checkpoint)"
            )


def fingerprint(definition: dict[str, Any], params: Path, package: Path, item: dict[str, Any]) -> dict[str, str]:
    """The sha256 of each of a stage's source files, and the digest of each of its parameters, by name.

    `definition` is the stage's in `dvc.yaml`, `item` has the values of its matrix. A network's own sources are
    listed in its file of digests.
    """
    values = _yaml(params)
    found = {}
    for template in definition.get("params", []):
        name = _fill(template, item)
        found[f"{params}: {name}"] = files.digest(_at(values, name.split(".")))
    for template in definition["deps"]:
        dep = _fill(template, item)
        if dep.startswith(SOURCES):
            path = Path(dep)
            found |= {str(file): _sha256(file) for file in ([path] if path.suffix else sorted(path.rglob("*.py")))}
        if dep.startswith(NETWORKS):
            found |= {os.path.relpath(file): _sha256(file) for file in _network_sources(Path(dep), package)}
    return found


def _network_sources(network: Path, package: Path) -> list[Path]:
    return [package / name for name in files.read_json(network)["sources"]]


def _fill(template: str, item: dict[str, Any]) -> str:
    return re.sub(r"\$\{item\.(\w+)\}", lambda match: str(item[match[1]]), template)


def _at(values: Any, keys: list[str]) -> Any:
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def _sha256(path: Path) -> str:
    return files.sha256(path) if path.is_file() else "missing"


def _yaml(path: Path) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError):
        return {}
