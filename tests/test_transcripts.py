"""Transcripts in docs/ are made by scripts/transcripts.py: what it finds, runs and writes."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from test_documents import BLOCK, HOW_TO, PAGES

# Their blocks are run, and compared with what is shown, by tests.
TESTED = {
    HOW_TO / f"{name}.md"
    for name in ("own-network", "own-images", "own-augmentation", "own-project", "serve", "team-server")
}


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("transcripts_script", ROOT / "scripts/transcripts.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # for dataclasses
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def terminal(script, tmp_path):
    folder = tmp_path / "alexvgg"
    folder.mkdir()
    return script.Terminal(folder)


def test_it_writes_down_what_commands_say(script, terminal):
    page = """Text.

<!-- transcript
before: echo 1 > number
only: number|^[12]$
after: rm number
code: 3
-->
```console
$ echo number; echo other; echo another; cat number
what was said before
$ echo 2 > number; cat number; exit 3
```

```console
$ echo this one is not run
```
"""
    made = script.written(page, terminal)
    assert made.count("$ ") == 3
    assert "$ echo number; echo other; echo another; cat number\nnumber\n…\n1\n$ echo 2" in made
    assert "exit 3\n2\n```" in made
    assert not (terminal.folder / "number").exists()
    assert script.written(made, terminal) == made


def test_a_command_that_fails_ends_it(script, terminal):
    with pytest.raises(SystemExit, match="exit code 1, and not 0: false"):
        script.written("<!-- transcript -->\n```console\n$ false\n```\n", terminal)


def test_what_differs_from_run_to_run_is_left_out(script, terminal):
    said = f"\x1b[31mloading\r\rdone {terminal.folder}/data\x1b[0m\nstep 55 of 152 at 2026-11-28 20:09:57\n\n"
    assert script.cleaned(said, terminal.folder) == ["done ~/alexvgg/data", "step … of 152 at …"]


def test_make_uses_the_environment_that_is_there(script, terminal):
    (terminal.folder / "Makefile").write_text(
        "BIN := .venv/bin\nshow: .venv/ready\n\t@echo $(BIN)\n.venv/ready:\n\tfalse\n"
    )
    assert terminal.run("make show") == f"{sys.prefix}/bin\n"


def test_every_shown_output_is_made_or_tested(script):
    for page in set(PAGES) - TESTED:
        text = script.PATTERN.sub("", page.read_text(encoding="utf-8"))
        shown = [block["content"] for block in BLOCK.finditer(text) if block["language"] == "console"]
        assert [one for one in shown if re.search(r"^(?!\$ |$)", one, re.MULTILINE)] == [], page.name


def test_every_transcript_was_made(script):
    found = {page.name: list(script.PATTERN.finditer(page.read_text(encoding="utf-8"))) for page in PAGES}
    assert {name for name, blocks in found.items() if blocks} == {
        "start.md",
        "compare-runs.md",
        "sweep.md",
        "recover.md",
    }
    for name, blocks in found.items():
        for block in blocks:
            assert script.Settings.read(block["settings"])
            said = [line for line in block["content"].splitlines() if not line.startswith("$ ")]
            assert said, f"{name}: make docs-transcripts"
            assert not any(place in block["content"] for place in ("/tmp/", str(ROOT), f"{Path.home()}/"))
