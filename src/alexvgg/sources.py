"""Which source files a stage or a network is made of, found from its imports, with their digests."""

import ast
from pathlib import Path

from alexvgg import files
from alexvgg.errors import EnvironmentProblem

# What a stage computes does not depend on these: how it speaks and writes, where to, how it goes on after an
# interruption, what MLflow hears, and this list. An edit of theirs that is to change files all the same, such as how
# JSON is laid out, wants `dvc repro --force`. A new module counts until it is listed.
NEUTRAL = {
    "__init__.py", "checkpoint.py", "console.py", "data/__init__.py", "errors.py", "files.py", "guard.py",
    "journal.py", "keeper.py", "layout.py", "monitor.py", "names.py", "params_file.py", "progress.py", "provenance.py",
    "recording.py", "reporting/__init__.py", "snapshot.py", "sources.py", "tracking/follower.py",
}  # fmt: skip
# Every stage reads them for values that DVC tracks by itself; only a training computes with what they make of these.
FOR_TRAINING = {"params.py", "identity.py"}


def of_stage(entry: Path, package: Path) -> dict[str, str]:
    """The sha256 of each file that can change what a stage makes, by its name in the project; without the networks,
    which are `of_network`. `entry` is the stage's own file. Raises EnvironmentProblem.
    """
    ignored = NEUTRAL if entry.stem == "train" else NEUTRAL | FOR_TRAINING
    found = [file for file in closure(entry, package) if file != entry]
    inside = {file.relative_to(package).as_posix(): file for file in found}
    kept = [file for name, file in inside.items() if name not in ignored and not name.startswith("models/")]
    return _digests([entry, *kept, *_templates(kept)], package)


def of_network(entry: Path, package: Path) -> dict[str, str]:
    """The same for a network, whose own file is `entry`. Raises EnvironmentProblem."""
    found = closure(entry, package)
    return _digests([file for file in found if file.relative_to(package).as_posix() not in NEUTRAL], package)


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
    """`entry` and every module of `package` that it imports, directly or not, in order of their names.

    Imports inside functions count. An `__init__.py` counts where it is imported itself, not on the way to a
    module of its folder. Raises EnvironmentProblem for a file that is not Python or imports relatively.
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


def _imported(file: Path, package: Path) -> list[Path]:
    found: list[Path | None] = []
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.Import):
            found += [_file_of(alias.name, package) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise EnvironmentProblem(
                    f"{_short(file)}, line {node.lineno}: name modules in full, as in `from "
                    f"{package.name}.models import blocks`; relative imports are not followed"
                )
            for alias in node.names:
                found.append(_file_of(f"{node.module}.{alias.name}", package) or _file_of(node.module, package))
    return [path for path in found if path is not None]


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text(encoding="utf-8"), filename=file.name)
    except (SyntaxError, ValueError) as error:
        raise EnvironmentProblem(f"{_short(file)} is not Python: {error}; mend it, or undo the edit") from None


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
