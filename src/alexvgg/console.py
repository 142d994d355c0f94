"""How a program of this project ends: errors for people on one line, and an exit code."""

import argparse
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

from alexvgg.errors import AlexvggError

INTERRUPTED = 130
OUT_OF_MEMORY = "out of memory; lower batch_size, evaluation.batch_size or crop, or close other programs"


def stage(main: Callable[..., None], description: str | None, **arguments: Callable[[str], Any]) -> None:
    """Run a stage from the command line: positional `arguments` (name and type), and `--debug`."""
    parser = argparse.ArgumentParser(description=description)
    for name, kind in arguments.items():
        parser.add_argument(name, type=kind)
    parser.add_argument("--debug", action="store_true", help="show a traceback on errors")
    given = vars(parser.parse_args())
    debug = given.pop("debug")
    run(lambda: main(**given), debug)


def run(program: Callable[[], None], debug: bool) -> None:
    """Run `program` and leave the process; a traceback is printed only with `debug`. SIGTERM ends it like Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        program()
    except AlexvggError as error:
        _fail(str(error), error.exit_code, debug)
    except KeyboardInterrupt:
        _fail("interrupted; earlier outputs are intact, run the same command again", INTERRUPTED, debug)
    except MemoryError:
        _fail(OUT_OF_MEMORY, 6, debug)
    except ModuleNotFoundError as error:
        _fail(f"{error.name} is not installed here; run `make setup`, then `source .venv/bin/activate`", 6, debug)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
        _fail(f"{what}; see that there is space and that the folder may be written to, then run this again", 6, debug)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        if type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's, which may not be imported here
            _fail(OUT_OF_MEMORY, 6, debug)
        _fail(f"{type(error).__name__}: {error} (a fault of the program; --debug shows where)", 1, debug)
    sys.exit(0)


def _fail(message: str, code: int, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    print(f"error: {' '.join(message.split())}", file=sys.stderr, flush=True)
    sys.exit(code)
