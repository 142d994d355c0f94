"""Somebody who adds a network: a file of their own, what they run, what they read."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from alexvgg.system import console

NAME = "src/alexvgg/networks/mine.py"
HERE = "# here"  # on the line of a file that a message has to name; without it, that of `build`
TEMPLATE = """
from alexvgg.networks.architecture import Architecture, Options


class MineOptions(Options):
    \"\"\"What may be chosen.\"\"\"
{options}


def build(input_shape, classes, options):
    import keras
    import tensorflow as tf
    from keras import layers

    from alexvgg.networks import blocks

    inputs = x = blocks.image_input(input_shape)
{body}


ARCHITECTURE = Architecture("Mine", MineOptions, build, input_size=16, classes=2)
"""


def indented(text: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in text.strip("\n").splitlines())


def network(body: str, options: str = "") -> str:
    """A file with a network whose `build` goes on with `body`, where `inputs` and `x` are the image."""
    return TEMPLATE.format(body=indented(body), options=indented(options))


def write(folder: Path, text: str) -> Path:
    path = folder / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def imported(path: Path, patch: pytest.MonkeyPatch) -> ModuleType:
    """The module of a file, as the registry would import it."""
    spec = importlib.util.spec_from_file_location("alexvgg.networks.mine", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    patch.setitem(sys.modules, "alexvgg.networks.mine", module)
    spec.loader.exec_module(module)
    return module


def where(text: str) -> str:
    """The file and line that a message about this text has to name."""
    lines = text.splitlines()
    mark = HERE if HERE in text else "def build"
    return f"{NAME}, line {next(i for i, line in enumerate(lines, start=1) if mark in line)}"


def answer(program: Callable[[], None], capsys: pytest.CaptureFixture) -> tuple[int, str]:
    """Exit code and the one line of a program that fails."""
    with pytest.raises(SystemExit) as ended:
        console.run(program, debug=False)
    written = capsys.readouterr().err
    lines = [line for line in written.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, written
    assert lines == written.splitlines()[-1:]
    assert "Traceback" not in written
    assert len(lines[0]) < 700
    return ended.value.code, lines[0].removeprefix("error: ")
