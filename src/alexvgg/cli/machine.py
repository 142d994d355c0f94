"""The machine and the person's settings: the part of `alexvgg doctor` about what is outside of the project."""

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import alexvgg
from alexvgg.cli.doctor import Diagnosis
from alexvgg.cli.place import unwritable
from alexvgg.system import hardware

# `#!/there/.venv/bin/python`; or, where that is long or has a space, `'''exec' "/there/.venv/bin/python"` in a shell.
INTERPRETER = re.compile(r'(?:^#!|")(/.*)/bin/python[\d.]*"?')
BEGINNING = 1000  # characters


def python(root: Path, prefix: Path) -> Iterator[Diagnosis]:
    """Whether the Python in `prefix` and the package are the project's own."""
    here = root / ".venv"
    made_in = _made_in(here)
    if made_in is not None and made_in != here.resolve():
        text = f"{here} was made as {made_in}, and its programs still look there; `rm -r .venv`, then `make setup`"
        yield Diagnosis("note", "environment", text)
    elif not prefix.resolve().is_relative_to(root.resolve()):
        text = f"this is the Python of {prefix}, not the project's own; `make setup`, then `source .venv/bin/activate`"
        yield Diagnosis("note", "environment", text)
    package = Path(alexvgg.__file__).resolve().parent
    if (root / "src/alexvgg").is_dir() and package != (root / "src/alexvgg").resolve():
        text = f"this `alexvgg` is the one in {package}, not this project's; `source .venv/bin/activate`"
        yield Diagnosis("note", "environment", text)


def folders() -> Iterator[Diagnosis]:
    """Whether the person's folder and the temporary one can be written to."""
    home = Path(os.environ.get("HOME") or Path.home())
    if why := unwritable(home):
        text = f"HOME, {home}, cannot be written to ({why}); DVC and others keep settings there: set HOME to a folder"
        yield Diagnosis("note", "machine", text)
    try:
        temporary = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        yield Diagnosis("note", "machine", f"{error.strerror or error}; set TMPDIR to a folder that can be written to")
        return
    wanted = Path(os.environ.get("TMPDIR") or temporary)
    if why := unwritable(wanted):
        yield Diagnosis("note", "machine", f"TMPDIR, {wanted}, cannot be written to ({why}); set it to another folder")


def processors() -> Iterator[Diagnosis]:
    """Whether all processors of the machine compute."""
    allowed, there = hardware.threads(), os.cpu_count() or 1
    if allowed < there:
        text = (
            f"{allowed} of this machine's {there} processors compute (affinity, a container's quota or "
            f"{hardware.THREADS}); trainings take longer than they could"
        )
        yield Diagnosis("note", "machine", text)


def _made_in(environment: Path) -> Path | None:
    """Where a virtual environment was made, by the beginning of one of its programs; None if that does not say."""
    for name in ("dvc", "alexvgg"):
        try:
            found = INTERPRETER.search((environment / "bin" / name).read_text(encoding="utf-8")[:BEGINNING])
        except (OSError, UnicodeDecodeError):
            continue
        if found:
            return Path(found[1]).resolve()
    return None
