"""Write what editors check params.yaml with, and the pages of all parameters and all commands.

python scripts/schema.py
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from alexvgg.cli import main as command_line
from alexvgg.params import json_schema, reference
from alexvgg.system import errors, files

ROOT = Path(__file__).parent.parent
# A profile and its copy, params.yaml, name the same path, so there is a schema beside each.
BESIDE_PROFILES = {"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "../params.schema.json"}
COMMANDS = """\
# The command line

`alexvgg` is on the path after `source .venv/bin/activate`. It works in any folder of the project. `make help` lists
what `make` does with it. `make schema` makes this page.

`alexvgg --version` prints the version; `alexvgg --debug COMMAND` shows a traceback on errors.
"""
CODES = """
## Exit codes

An error is one line on standard error. Stages end with the same codes. `dvc repro` ends with 255 and names
the stage's own; `make` ends with 2, or 130 after Ctrl-C. 0 is success; a wrong argument is 2, too.

| code | what it says |
| ---: | --- |
"""
COUNTS = {None: "{0}", "*": "[{0} …]", "+": "{0} [{0} …]", "?": "[{0}]"}


def contents() -> dict[str, str]:
    """What is written, by path in the project."""
    schema = json_schema.schema()
    return {
        "params.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
        "profiles/params.schema.json": json.dumps(BESIDE_PROFILES, indent=2) + "\n",
        "docs/reference/parameters.md": reference.page(schema),
        "docs/reference/command-line.md": commands(),
    }


def commands() -> str:
    """The page of all commands. Not `format_help`, which is laid out for a terminal, by each Python in its own way."""
    parser = command_line._parser()
    [named] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    sections = [_section(name, command) for name, command in named.choices.items()]
    return COMMANDS + "".join(sections) + CODES + "".join(f"| {code} | {said} |\n" for code, said in _codes())


def _section(name: str, command: argparse.ArgumentParser) -> str:
    actions = [action for action in command._actions if action.dest != "help"]
    positional = [COUNTS[action.nargs].format(_value(action)) for action in actions if not action.option_strings]
    options = ["[options]"] if any(action.option_strings for action in actions) else []
    lines = ["", f"## `{name}`", "", str(command.description), ""]
    lines += ["```text", " ".join(["alexvgg", name, *options, *positional]), "```", ""]
    described = [
        f"| `{_spelled(action)}` | {(action.help or '').replace('<', '&lt;')} |"
        for action in actions
        if action.help or action.option_strings
    ]
    return "\n".join([*lines, *(["| | |", "| --- | --- |", *described, ""] if described else [])])


def _spelled(action: argparse.Action) -> str:
    """Its names, and the value that it takes."""
    value = [] if action.nargs == 0 else [_value(action)]
    return " ".join([", ".join(action.option_strings), *value]).strip()


def _value(action: argparse.Action) -> str:
    """As one of them is called."""
    name = action.dest.removesuffix("s") if action.nargs == "*" else action.dest
    return str(action.metavar or name.upper())


def _codes() -> Iterator[tuple[int, str]]:
    """Every exit code, with what it says."""
    found = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.AlexvggError)]
    for error in sorted(found, key=lambda one: one.exit_code):
        said = "What fits none of the others." if error is errors.AlexvggError else str(error.__doc__)
        yield error.exit_code, " ".join(said.split())
    yield 137, "What `alexvgg row` began was killed; 128 and the number of the signal."


def main() -> None:
    for name, text in contents().items():
        files.write_text(ROOT / name, text)


if __name__ == "__main__":
    main()
