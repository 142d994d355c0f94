"""The MLflow UI: its server for a database, on this machine only, and three links into it or into one elsewhere."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from urllib.parse import quote, urlsplit

import requests

from alexvgg.system import process
from alexvgg.system.errors import AlexvggError
from alexvgg.tracking.views import CURVES, TABLE, Shown

HOST = "127.0.0.1"
# The jobs are for MLflow's judges of language models, which nothing here uses: eight more processes, 1.9 GB.
WITHOUT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
MODE = "workflowType=machine_learning"  # else the pages for language models open
STARTING = "starting MLflow …"
SPINNER = "|/-\\"
PATIENCE = 10.0  # seconds for the server to end by itself


def links(address: str, shown: Shown) -> dict[str, str]:
    """The runs as the results table, their curves, their comparison; of an address without what gets one in."""
    parts = urlsplit(address)
    page = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}/#"
    runs = f"{page}/experiments/{shown.experiment}/runs?{MODE}"
    view = {key: f"&viewStateShareKey={key}" if key in shown.views else "" for key in (TABLE, CURVES)}
    compared, within = (quote(json.dumps(one, separators=(",", ":"))) for one in (shown.runs, [shown.experiment]))
    return {
        "table": runs + view[TABLE],
        "curves": f"{runs}&compareRunsMode=CHART{view[CURVES]}",
        "comparison": f"{page}/compare-runs?runs={compared}&experiments={within}&{MODE}",
    }


def show(address: str, shown: Shown, browse: bool) -> None:
    """Print the links; with `browse`, open them in the browser, the table in front."""
    named = links(address, shown)
    for name, link in named.items():
        print(f"{name:<11} {link}", flush=True)
    if browse and not all([_open(link) for link in reversed(named.values())]):
        print("no browser can be opened from here; open a link yourself", file=sys.stderr)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show on a terminal that something goes on while the block runs."""
    over = threading.Event()
    thread = threading.Thread(target=_spin, args=(text, over), daemon=True)
    if sys.stdout and sys.stdout.isatty():
        thread.start()
    try:
        yield
    finally:
        over.set()
        if thread.ident:
            thread.join()


def require_free(port: int) -> None:
    """Raise AlexvggError if the port is in use. MLflow itself says so among other lines, and ends as if all were well.

    It takes seconds before it does.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise AlexvggError(f"port {port}: {why}; try another, as in: make ui PORT=5001") from None


def serve(uri: str, port: int, log: Path, shown: Shown, browse: bool) -> None:
    """Run until interrupted. Raises AlexvggError if the server ends by itself."""
    address = f"http://{HOST}:{port}"
    server = None
    try:
        server = _start(uri, port, log)
        _wait(server, address)
        if server.poll() is None:
            show(address, shown, browse)
            print("Ctrl-C ends MLflow", flush=True)
        code = server.wait()
    except KeyboardInterrupt:  # or SIGTERM, SIGHUP
        return
    finally:
        if server is not None:
            _end(server)
    raise AlexvggError(f"MLflow ended with code {code}; what it said is in {log}")


def _start(uri: str, port: int, log: Path) -> subprocess.Popen[bytes]:
    """The server, in a process group of its own, by which all that it starts can be ended.

    The database is named by a variable: it may have a password in it, and commands are seen by everybody.
    """
    command = [sys.executable, "-m", "mlflow", "ui", "--host", HOST, "--port", str(port), "--workers", "1"]
    environment = WITHOUT | os.environ | {"MLFLOW_BACKEND_STORE_URI": uri}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )


def _wait(server: subprocess.Popen[bytes], address: str) -> None:
    """Return when the server answers, or is gone."""
    session = requests.Session()
    session.trust_env = False  # a proxy does not know this machine
    if not (sys.stdout and sys.stdout.isatty()):
        print(STARTING, flush=True)
    with waiting(STARTING):
        while server.poll() is None:
            with suppress(requests.RequestException):
                if session.get(f"{address}/health", timeout=5).ok:
                    return
            time.sleep(0.2)


def _spin(text: str, over: threading.Event) -> None:
    for mark in cycle(SPINNER):
        print(f"\r{mark} {text}", end="", flush=True)
        if over.wait(0.1):
            break
    print(f"\r{' ' * (len(text) + 2)}\r", end="", flush=True)


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and all that it started, whatever is pressed meanwhile."""
    earlier = {number: signal.signal(number, signal.SIG_IGN) for number in process.ENDINGS}
    until = time.monotonic() + PATIENCE
    with suppress(ProcessLookupError, PermissionError):  # there is none left
        os.killpg(server.pid, signal.SIGTERM)
        while time.monotonic() < until:
            server.poll()  # else it stays in the group when it has ended
            os.killpg(server.pid, 0)
            time.sleep(0.05)
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    for number, handler in earlier.items():
        signal.signal(number, handler)


def _open(link: str) -> bool:
    """Open a link in a browser with a window. One in the terminal would wait there."""
    with suppress(webbrowser.Error, OSError):
        browser = webbrowser.get()
        return type(browser) is not webbrowser.GenericBrowser and browser.open(link)
    return False
