"""The process that sends a journal on as it grows."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from alexvgg.system import web
from alexvgg.system.errors import TrackingError
from alexvgg.tracking import connection, journal

EVERY = 2.0  # seconds between two looks
LONGEST_PAUSE = 60.0  # seconds between two tries to reach a server that is gone


def send(path: Path, send_new: Callable[[], Any], finish: Callable[[], Any]) -> None:
    """Call `send_new` whenever the journal has grown, until standard input ends; then `finish`.

    A failure is reported once and tried again. Raises TrackingError if `finish` fails.
    """
    over = threading.Event()
    threading.Thread(target=_wait_for_end_of_input, args=(over,), daemon=True).start()
    seen, pause, complained = -1, EVERY, False
    next_try = 0.0
    while not over.wait(EVERY):
        size = path.stat().st_size
        if size == seen or time.monotonic() < next_try:
            continue
        try:
            send_new()
            seen, pause = size, EVERY
        except Exception as error:  # noqa: BLE001 - whatever a server does, training goes on
            if not complained:
                print(f"tracking: {in_a_line(error)}; training goes on", file=sys.stderr, flush=True)
            complained = True
            pause = min(2 * pause, LONGEST_PAUSE)
            next_try = time.monotonic() + pause
    if close_if_killed(path):
        print(
            "tracking: the training was killed, by hand or because memory ran out; "
            "the same command goes on from its last checkpoint",
            file=sys.stderr,
            flush=True,
        )
    try:
        finish()
    except Exception as error:  # noqa: BLE001 - as above
        raise TrackingError(
            f"{in_a_line(error)}; the run is safe in {path.name}, send it later: alexvgg sync"
        ) from None


def close_if_killed(path: Path) -> bool:
    """Note in the journal of a training that stopped without an end record that it was killed."""
    killed = journal.status(journal.read(path)) == "RUNNING"
    if killed:
        journal.Journal(path).append("end", status="KILLED")
    return killed


def _wait_for_end_of_input(over: threading.Event) -> None:
    sys.stdin.buffer.read()
    over.set()


def in_a_line(error: Exception) -> str:
    """What an exception says, without anybody's password."""
    if refused := connection.refusal(error):
        return f"MLflow's server did not take it: {refused}"
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if isinstance(cause, requests.RequestException):
        return f"MLflow's server does not answer ({web.reason(cause, '')})"
    if "(sqlite3." in str(error) and (remedy := connection.remedy(error)):
        return f"MLflow's database did not take it: {remedy}"
    return web.public(" ".join((str(error) or type(error).__name__).split()))[:300]
