"""Which source files a stage, a network or a data set is made of, found from its imports, with their digests."""

import ast
from pathlib import Path
from typing import Any

from alexvgg.networks import registry
from alexvgg.params.schema import RosterEntry
from alexvgg.system import files
from alexvgg.system.errors import EnvironmentProblem

# No result depends on these rooms: how parameters are read, how the program speaks and writes, how it goes on after an
# interruption, what MLflow hears. An edit there runs no stage again but the first; if it should change outputs all the
# same, such as how JSON is laid out, use `dvc repro --force`. A new room counts until it is listed.
NEUTRAL = {"checkpoints", "cli", "jobs", "params", "pipeline", "rows", "system", "tracking", "verification"}
# The networks and data sets that these name have lists of their own: a new one changes no other.
REGISTRIES = {"networks/registry.py", "data/registry.py"}


def of_stage(entry: Path, package: Path) -> dict[str, str]:
    """The sha256 of each file that can change what a stage makes, by its name in the project.

    Networks and data sets are left out: see `of_plugin`. `entry` is the stage's program. Raises EnvironmentProblem.
    """
    found = closure(entry, package)
    return _digests([*found, *_templates(found)], package)


def of_plugin(entry: Path, package: Path) -> dict[str, str]:
    """The same for a network or a data set, whose own file is `entry`. Raises EnvironmentProblem."""
    return _digests(closure(entry, package), package)


def of_entry(entry: RosterEntry, package: Path) -> dict[str, Any]:
    """What the network of a roster entry is, and its source files. Raises EnvironmentProblem."""
    return {
        "architecture": entry.architecture,
        "crop": entry.crop,
        "options": entry.complete_options,
        "code": of_plugin(registry.named(entry.architecture).source_file, package),
    }


def located(name: str, package: Path) -> Path:
    """Where the file lies that is called `name` in the project."""
    top, *rest = Path(name).parts
    return package.joinpath(*rest[1:]) if top == "src" else Path(name)


def _digests(found: list[Path], package: Path) -> dict[str, str]:
    return {_name(file, package): files.sha256(file) for file in found}


def _name(file: Path, package: Path) -> str:
    if package in file.parents:
        return f"src/{package.name}/{file.relative_to(package).as_posix()}"
    return f"stages/{file.name}"


def _templates(modules: list[Path]) -> list[Path]:
    """The files beside a module, not Python, that it names, such as `page.html.j2`."""
    beside = ((file, module) for module in modules for file in sorted(module.parent.iterdir()) if file.is_file())
    return [file for file, module in beside if file.suffix != ".py" and file.name in module.read_text(encoding="utf-8")]


def closure(entry: Path, package: Path) -> list[Path]:
    """`entry` and every module of `package` that counts and that it imports, directly or not, in order of their names.

    Imports inside functions count. Neutral rooms and registries do not, nor what is imported only by them. Raises
    EnvironmentProblem for a file that is not Python or imports relatively.
    """
    found: set[Path] = set()
    waiting = [entry]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting.extend(imported for imported in _imported(file, package) if _counts(imported, package))
    return sorted(found)


def _counts(file: Path, package: Path) -> bool:
    name = file.relative_to(package)
    return file.name != "__init__.py" and name.parts[0] not in NEUTRAL and name.as_posix() not in REGISTRIES


def _imported(file: Path, package: Path) -> list[Path]:
    found: list[Path | None] = []
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.Import):
            found += [_file_of(alias.name, package) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise EnvironmentProblem(
                    f"{_short(file)}, line {node.lineno}: name modules in full, as in `from "
                    f"{package.name}.networks import blocks`; relative imports are not followed"
                )
            for alias in node.names:
                found.append(_file_of(f"{node.module}.{alias.name}", package) or _file_of(node.module, package))
    return [path for path in found if path is not None]


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), filename=file.name)
    except (SyntaxError, ValueError) as error:
        raise EnvironmentProblem(f"{_short(file)} is not Python: {error}; correct it, or undo the edit") from None


def _short(file: Path) -> str:
    return "/".join(file.parts[-2:])


def _file_of(name: str, package: Path) -> Path | None:
    """The file of the module with the dotted `name`, if it is one of the package's."""
    top, *rest = name.split(".")
    if top != package.name:
        return None
    base = package.joinpath(*rest)
    file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    return file if file.is_file() else None
