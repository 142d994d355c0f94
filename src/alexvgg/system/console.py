"""How a program of this project ends: errors for people on one line, and an exit code."""

import argparse
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from alexvgg.system import cache, faults, process, streams
from alexvgg.system.errors import AlexvggError, NetworkError

INTERRUPTED = 130
PERSISTENT = ("check", "report")  # stages whose outputs DVC leaves in place
OUT_OF_MEMORY = "out of memory; lower batch_size, evaluation.batch_size or crop, or close other programs"


def stage(main: Callable[..., None], description: str | None, **arguments: Callable[[str], Any]) -> None:
    """Run a stage from the command line: positional `arguments` (name and type), and `--debug`."""
    parser = argparse.ArgumentParser(description=description)
    for name, kind in arguments.items():
        parser.add_argument(name, type=kind)
    parser.add_argument("--debug", action="store_true", help="show a traceback on errors")
    given = vars(parser.parse_args())
    debug = given.pop("debug")
    item = "-".join(map(str, given.values()))

    def program() -> None:
        if where := faults.early_import():
            raise NetworkError(
                f"{where}: move this import into the function that needs it; TensorFlow is set up before it is imported"
            )
        main(**given)

    # What a stage makes are files: it does not end because its output cannot be read or kept.
    streams.survive(streams.READER_GONE | streams.DISK_FULL)
    name = Path(sys.argv[0]).stem + (f"@{item}" if item else "")
    _run(program, debug, lambda: _way_back(name))


def _way_back(stage: str) -> str:
    """How to get a stage's earlier outputs back, which DVC removed before it ran the stage; empty if it cannot."""
    if stage in PERSISTENT:
        return ""
    try:
        lock = Path("dvc.lock").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    found = re.search(rf"^  {re.escape(stage)}:\n((?:    .*\n)+)", lock, re.M)
    outputs = found[1].partition("    outs:\n")[2] if found else ""
    objects = cache.folder(Path(os.environ.get("DVC_ROOT", "."))) / "files/md5"
    digests = re.findall(r"^ +md5: ([0-9a-f]{32}(?:\.dir)?)$", outputs, re.M)
    cached = digests and all((objects / digest[:2] / digest[2:]).exists() for digest in digests)
    return f"; `dvc checkout {stage}` brings its earlier result back" if cached else ""


def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """For what is raised while a program is still being imported, such as by a file of the user's."""
    if "--debug" in sys.argv or not isinstance(error, Exception):
        sys.__excepthook__(kind, error, trace)
    else:
        message, code = _answer(error)
        print(f"error: {' '.join(message.split())}", file=sys.stderr)
        sys.exit(code)


def run(program: Callable[[], None], debug: bool) -> None:
    """Run `program` and leave the process; a traceback is printed only with `debug`.

    SIGTERM ends it like Ctrl-C, and so does the end of the terminal (SIGHUP), unless it was told to ignore that.
    """
    streams.survive(streams.READER_GONE)
    _run(program, debug)


def _run(program: Callable[[], None], debug: bool, way_back: Callable[[], str] = str) -> None:
    """What `way_back` says is added to the message of an error."""

    def fail(message: str, code: int) -> None:
        if debug:
            traceback.print_exc()
        more = "" if code == INTERRUPTED else way_back()  # after an interruption the work goes on
        print(f"error: {' '.join(message.split())}{more}", file=sys.stderr, flush=True)
        sys.exit(code)

    for number in process.ENDINGS - process.ignored():
        signal.signal(number, signal.default_int_handler)
    try:
        program()
        if sys.stdout is not None:
            sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last line of defence
        fail(*_answer(error))
    sys.exit(0)


def _answer(error: BaseException) -> tuple[str, int]:
    """What is said of an exception, and the exit code."""
    if isinstance(error, AlexvggError):
        return str(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; run the same command again", INTERRUPTED
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's
        return OUT_OF_MEMORY, 6
    if lacking := faults.left_behind(error):
        return lacking, 6
    theirs = faults.line_of(error)
    if isinstance(error, ModuleNotFoundError):
        if theirs:
            return f"{theirs}: there is no module {error.name} here; correct the import, or install it into .venv", 6
        return f"{error.name} is not installed here; run `make setup`, then `source .venv/bin/activate`", 6
    if isinstance(error, OSError) and not theirs:
        what = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
        return f"{what}; check that there is space and that the folder can be written to, then run this again", 6
    return faults.explain(error), 1
