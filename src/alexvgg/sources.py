"""Which source files a piece of this package uses, found from its imports."""

import ast
from pathlib import Path

from alexvgg import files


def closure(entry: Path, package: Path) -> list[Path]:
    """`entry` and every module of `package` that it imports, directly or not, in order of their names.

    Imports inside functions count. An `__init__.py` counts where it is imported itself, not on the way to a
    module of its folder.
    """
    found: set[Path] = set()
    waiting = [entry]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        waiting.extend(_imported(file, package))
    return sorted(found)


def digests(entry: Path, package: Path) -> dict[str, str]:
    """The sha256 of each file of `closure`, by its path relative to `package`."""
    return {file.relative_to(package).as_posix(): files.sha256(file) for file in closure(entry, package)}


def _imported(file: Path, package: Path) -> list[Path]:
    found: list[Path | None] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [_file_of(alias.name, package) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                found.append(_file_of(f"{node.module}.{alias.name}", package) or _file_of(node.module, package))
    return [path for path in found if path is not None]


def _file_of(name: str, package: Path) -> Path | None:
    """The file of the module with the dotted `name`, if it is one of the package's."""
    top, *rest = name.split(".")
    if top != package.name:
        return None
    base = package.joinpath(*rest)
    file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    return file if file.is_file() else None
