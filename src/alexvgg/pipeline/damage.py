"""Whether a file that people, git and DVC write can be read, and what repairs it.

Functions that look at a file raise one error, in one line: what is wrong with it, and what to do.
"""

import csv
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from alexvgg.system import git
from alexvgg.system.errors import DataError, ParamsError
from alexvgg.system.lines import line

SETTINGS = Path(".dvc/config")
LONGEST = 200  # characters of what a reader says
MARKERS = re.compile(r"^(<{7}|>{7}|\|{7}) ", re.MULTILINE)
KEPT = "then `make repro`: what was computed here is in DVC's cache, nothing is lost"


class _File(BaseModel):
    path: str


class _LockedStage(BaseModel):
    cmd: str | list[str]
    deps: list[_File] = []
    params: dict[str, dict[str, Any]] = {}
    outs: list[_File] = []


class _Lock(BaseModel):
    version: Literal["2.0"] = Field(alias="schema")
    stages: dict[str, _LockedStage] = {}


class _Stage(BaseModel):
    model_config = ConfigDict(extra="allow")

    cmd: str | list[str]


class _Pipeline(BaseModel):
    stages: dict[str, _Stage] = Field(min_length=1)


def lock(path: Path) -> None:
    """Raise DataError if a lock of DVC's is there and DVC cannot use it."""

    def remedy() -> str:
        return f"`git checkout HEAD {_quoted(path)}`" if git.has_another(path) else f"`rm {_quoted(path)}`"

    if _is_there(path):
        _look(path, lambda: _Lock.model_validate(_yaml(path)), remedy, f", {KEPT}")


def pipeline(path: Path) -> None:
    """Raise DataError if `dvc.yaml` is no pipeline."""
    _look(path, lambda: _Pipeline.model_validate(_yaml(path)), lambda: _back(path))


def stages_of(path: Path) -> list[str]:
    """The names of the stages in a pipeline; none if it cannot be read."""
    try:
        return list(_Pipeline.model_validate(_yaml(path)).stages)
    except Exception:  # noqa: BLE001 - `pipeline` says why
        return []


def settings_files() -> list[Path]:
    """Where DVC reads settings: of the project, of this copy of it, of the person, of the machine."""
    from dvc.config import Config

    levels = [Path(Config.get_dir(level), Config.CONFIG) for level in Config.SYSTEM_LEVELS]
    return [SETTINGS, SETTINGS.with_name(Config.CONFIG_LOCAL), *levels]


def all_settings() -> None:
    """Raise DataError if any of these files cannot be read."""
    for path in settings_files():
        settings(path)


def settings(path: Path) -> None:
    """Raise DataError if a file of DVC's settings is there and cannot be read."""
    from dvc.config import Config

    remedy = _back(path) if path == SETTINGS else f"correct it, or remove it: `rm {_quoted(path)}`"
    if _is_there(path):
        _look(path, lambda: (_text(path, may_be_empty=True), Config.load_file(str(path))), lambda: remedy)


def parameters(path: Path) -> None:
    """Raise ParamsError if a parameter file is there and is no YAML mapping."""
    remedy = "correct it, or copy one of profiles/*.yaml to it" if path.name == "params.yaml" else _back(path)
    if _is_there(path):
        try:
            _look(path, lambda: _yaml(path), lambda: remedy)
        except DataError as error:
            raise ParamsError(str(error)) from None


def record(path: Path, remedy: str) -> None:
    """Raise DataError if a JSON file holds no mapping."""
    _look(path, lambda: _mapping(json.loads(_text(path))), lambda: remedy)


def table(path: Path, remedy: str) -> None:
    """Raise DataError if a CSV file is no table."""
    _look(path, lambda: _rectangular(list(csv.reader(_text(path).splitlines()))), lambda: remedy)


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _look(path: Path, read: Callable[[], object], remedy: Callable[[], str], afterwards: str = "") -> None:
    """Raise DataError if `path` cannot be read. `remedy` repairs it, and `afterwards` follows."""
    try:
        read()
    except Exception as error:  # noqa: BLE001 - whatever a damaged file does to its reader
        raise DataError(f"{path.as_posix()} {line(_said(error))}; {_advice(path, error, remedy)}{afterwards}") from None


def _advice(path: Path, error: Exception, remedy: Callable[[], str]) -> str:
    if path.is_dir():
        return "move this folder away"
    if isinstance(error, PermissionError):
        return f"`chmod u+rw {_quoted(path)}`, or see whose it is"
    if git.is_unmerged(path):
        return f"take one side with `git checkout --theirs {_quoted(path)}` (or --ours)"
    return remedy()


def _said(error: Exception) -> str:
    """What is wrong with a file, as the rest of a sentence."""
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror or error})"
    if isinstance(error, UnicodeDecodeError):
        return "is not text (UTF-8)"
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        return f"is not valid YAML (line {error.problem_mark.line + 1}: {error.problem})"
    if isinstance(error, YAMLError):
        return "is not valid YAML"
    if isinstance(error, json.JSONDecodeError):
        return f"is damaged (line {error.lineno}: {error.msg})"
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"is damaged ({'.'.join(map(str, first['loc']))}: {first['msg'].partition(' or instance')[0]})"
    if isinstance(error, _Wrong):
        return str(error)
    return f"is damaged ({str(error)[:LONGEST]})"


class _Wrong(ValueError):
    """What is wrong with a file, as the rest of a sentence."""


def _text(path: Path, may_be_empty: bool = False) -> str:
    text = path.read_text(encoding="utf-8")
    if found := MARKERS.search(text):
        raise _Wrong(f"has conflict markers (line {text.count(chr(10), 0, found.start()) + 1})")
    if not text.strip() and not may_be_empty:
        raise _Wrong("is empty")
    return text


def _yaml(path: Path) -> Any:
    return _mapping(YAML(typ="safe").load(_text(path)))


def _mapping(value: object) -> object:
    if not isinstance(value, dict):
        raise _Wrong(f"holds {type(value).__name__}, not a mapping")
    return value


def _rectangular(rows: list[list[str]]) -> None:
    if len(rows) < 2 or len(rows[0]) < 2:
        raise _Wrong("is damaged (it holds no table)")
    if uneven := next((number for number, row in enumerate(rows, 1) if len(row) != len(rows[0])), None):
        raise _Wrong(f"is damaged (line {uneven} has another number of columns)")


def _back(path: Path) -> str:
    return f"correct it, or bring back what was committed: `git checkout HEAD {_quoted(path)}`"


def _quoted(path: Path) -> str:
    return shlex.quote(path.as_posix())
