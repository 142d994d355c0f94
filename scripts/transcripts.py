"""Run the commands of the transcripts in docs/ in a throwaway clone, and write down what they say.

    python scripts/transcripts.py [--base FOLDER] [page …]

A transcript is a fenced `console` block below a comment:

    <!-- transcript
    before: a command that is run first, and not shown
    after: one that is run at the end
    only: a regular expression; other lines are left out, as `…`
    code: the exit code of the last command, if it is not 0
    -->

What begins with `$ ` is run by bash, and what is below it replaced by what the command says now. The blocks of a page
are run in order. `docs/start.md` comes first, in a fresh clone with the changes that are not committed yet, where it
trains the quickstart. Every other page has a copy of what that has made, committed.

`--base` keeps that state in a folder, and uses it if it is there.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRST = ROOT / "docs/start.md"
PATTERN = re.compile(
    r"^(?P<head><!-- transcript(?P<settings>.*?)-->\n```console\n)(?P<content>.*?)(?P<tail>^```$)", re.M | re.S
)
PROGRESS = re.compile(r"^.* step \d+/\d+ .* left\n", re.M)
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# What differs from run to run, and what is written instead.
CHANGING = [
    (re.compile(r"\bstep \d+ of"), "step … of"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?\b"), "…"),
    (re.compile(r"\b\d+(\.\d+)? (seconds?|minutes?|min|s) ago\b"), "… ago"),
    (re.compile(r"\b\d+ MB\b"), "… MB"),
]
EVERYBODY = {f"GIT_{who}_{what}": "transcripts" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@dataclass(frozen=True)
class Settings:
    """What the comment above a transcript says."""

    before: str = ""
    after: str = ""
    only: str = ""
    code: int = 0

    @classmethod
    def read(cls, text: str) -> "Settings":
        found = dict(line.split(": ", 1) for line in text.strip().splitlines())
        return cls(**found | ({"code": int(found["code"])} if "code" in found else {}))


class Terminal:
    """A shell in a clone of the project, whose `make` uses the environment that runs this, and not a `.venv`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tools = folder.parent / "tools"
        tools.mkdir(exist_ok=True)
        make = tools / "make"
        make.write_text(f'#!/bin/sh\nexec {shutil.which("make")} --old-file=.venv/ready BIN="{sys.prefix}/bin" "$@"\n')
        make.chmod(0o755)
        foreign = ("MLFLOW", "DVC", "GIT", "MAKE", "MFLAGS")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self.environment |= EVERYBODY | {
            "PATH": os.pathsep.join([str(tools), f"{sys.prefix}/bin", self.environment["PATH"]]),
            "PYTHONPATH": str(folder / "src"),
            "COLUMNS": "120",
            "DVC_NO_ANALYTICS": "1",
        }

    def run(self, line: str, code: int = 0) -> str:
        """What a command says. Ends the program if its exit code is another one."""
        print(f"$ {line}", flush=True)
        done = subprocess.run(
            ["bash", "-c", line], cwd=self.folder, env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        said = done.stdout.decode(errors="replace")  # not as text, which takes a carriage return for a new line
        if done.returncode != code:
            sys.exit(f"{said}\nexit code {done.returncode}, and not {code}: {line}")
        return said


def clone(folder: Path) -> Terminal:
    """A clone of the project, and in a commit what is not committed here."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    for listed in (["diff", "--name-only", "-z", "HEAD"], ["ls-files", "-z", "--others", "--exclude-standard"]):
        found = subprocess.run(["git", *listed], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, found.split("\0")):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_file():
                shutil.copy2(ROOT / name, target)
            else:
                target.unlink(missing_ok=True)
    terminal = Terminal(folder)
    terminal.run("git add --all && git commit --quiet --allow-empty --message 'What is not committed yet'")
    terminal.run(f"{sys.executable} -m compileall -q src stages")  # somebody may be in the middle of an edit
    terminal.run("cp profiles/quickstart.yaml params.yaml")
    terminal.run("git commit --quiet --all --allow-empty --message quickstart")
    return terminal


def copy(base: Path, folder: Path) -> Terminal:
    """A copy of a clone in which the quickstart is made, with its results committed."""
    shutil.copytree(base, folder, symlinks=True)
    terminal = Terminal(folder)
    terminal.run("git add --all && git commit --quiet --allow-empty --message 'Results of the quickstart'")
    return terminal


def written(text: str, terminal: Terminal) -> str:
    """A page with its transcripts made again."""
    return PATTERN.sub(lambda found: found["head"] + block(found, terminal) + found["tail"], text)


def block(found: re.Match[str], terminal: Terminal) -> str:
    settings = Settings.read(found["settings"])
    lines = [line for line in found["content"].splitlines() if line.startswith("$ ")]
    if settings.before:
        terminal.run(settings.before)
    shown = []
    for line in lines:
        said = terminal.run(line[2:], settings.code if line is lines[-1] else 0)
        shown += [line, *chosen(cleaned(said, terminal.folder), settings.only)]
    if settings.after:
        terminal.run(settings.after)
    return "".join(f"{line}\n" for line in shown)


def cleaned(said: str, folder: Path) -> list[str]:
    """Lines as a terminal shows them in the end, without what differs from run to run."""
    said = PROGRESS.sub("", COLOURS.sub("", said)).replace(str(folder), "~/alexvgg").replace(sys.prefix, ".venv")
    for pattern, instead in CHANGING:
        said = pattern.sub(instead, said)
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in said.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def chosen(lines: list[str], only: str) -> list[str]:
    """The lines that match, with `…` for those between that do not."""
    if not only:
        return lines
    shown: list[str] = []
    for line in lines:
        one = line if re.search(only, line) else "…"
        if one != "…" or not shown or shown[-1] != "…":
            shown.append(one)
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path)
    parser.add_argument("pages", nargs="*", type=Path)
    asked = parser.parse_args()
    found = [path for path in sorted((ROOT / "docs").rglob("*.md")) if PATTERN.search(path.read_text(encoding="utf-8"))]
    pages = [path.resolve() for path in asked.pages] or found
    with tempfile.TemporaryDirectory(prefix="alexvgg-transcripts-") as temporary:
        base = (asked.base or Path(temporary) / "base").resolve() / "alexvgg"
        if not base.exists():
            base.parent.mkdir(parents=True, exist_ok=True)
            text = written(FIRST.read_text(encoding="utf-8"), clone(base))
            if FIRST in pages:
                FIRST.write_text(text, encoding="utf-8")
        for number, page in enumerate(page for page in pages if page != FIRST):
            terminal = copy(base, Path(temporary) / str(number) / "alexvgg")
            page.write_text(written(page.read_text(encoding="utf-8"), terminal), encoding="utf-8")


if __name__ == "__main__":
    main()
