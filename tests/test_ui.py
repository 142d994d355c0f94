"""`make ui`: MLflow's own server on loopback, which leaves nothing behind."""

import io
import shutil
import signal
import socket
import subprocess
import sys
import webbrowser

import psutil
import pytest
import requests

from alexvgg.system.errors import AlexvggError
from alexvgg.tracking import experiments, ui, views
from conftest import ROOT
from project import Project

SHOWN = views.Shown("1", ["a"], {views.TABLE, views.CURVES}, "")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def project(tmp_path) -> Project:
    """The quickstart, with nothing made."""
    made = Project(tmp_path / "with space")
    shutil.copy(ROOT / "profiles" / "quickstart.yaml", made.folder / "params.yaml")
    made.environment["PYTHONPATH"] = str(made.folder / "src")
    return made


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_the_server_and_all_that_it_started(project, number):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{project.folder / 'mlflow.db'}")
    lock, runs = project.folder / "lock", project.folder / "mlruns"
    client.create_run(experiments.find_or_create(client, "quickstart", lock, runs))
    port = free_port()
    command = [sys.executable, "-m", "alexvgg", "ui", "--port", str(port)]
    server = subprocess.Popen(
        command,
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed = [server.stdout.readline() for _ in range(6)]
    assert printed[:2] == ["0 runs are in MLflow\n", "starting MLflow …\n"]
    assert [line.split()[0] for line in printed[2:]] == ["table", "curves", "comparison", "Ctrl-C"]
    assert printed[2].split()[1].startswith(f"http://127.0.0.1:{port}/#/experiments/1/runs?")
    requests.get(f"http://127.0.0.1:{port}/health", timeout=5).raise_for_status()  # there are links when it answers
    started = psutil.Process(server.pid).children(recursive=True)
    assert len(started) == 2  # MLflow, and one server
    server.send_signal(number)
    assert (server.stdout.read(), server.wait(60)) == ("", 0)
    _, alive = psutil.wait_procs(started, timeout=0)
    assert alive == []


def test_without_runs_one_line_says_how_to_make_them(project):
    output = project.alexvgg("ui", "--port", str(free_port()))
    assert output == "MLflow has no runs of profile quickstart; make them: make repro PROFILE=quickstart\n"


def test_a_port_in_use_is_told(tmp_path):
    project = Project(tmp_path / "project")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        output = project.alexvgg("ui", "--port", str(port), code=1)
    assert output == f"error: port {port}: Address already in use; try another, as in: make ui PORT=5001\n"


def test_a_server_that_ends_by_itself_is_told_with_its_log(tmp_path, monkeypatch):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho a warning of MLflow\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    log = tmp_path / "project" / "mlflow.log"
    with pytest.raises(AlexvggError, match=f"MLflow ended with code 3; what it said is in {log}"):
        ui.serve("sqlite:///nothing.db", free_port(), log, SHOWN, browse=False)
    assert log.read_text() == "a warning of MLflow\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_on_a_terminal_something_turns_and_leaves_no_trace(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdout", terminal)
    with ui.waiting("starting"):
        pass
    assert terminal.getvalue() == f"\r| starting\r{' ' * 10}\r"


class Browser:
    def __init__(self) -> None:
        self.opened: list[str] = []

    def open(self, link: str) -> bool:
        self.opened.append(link)
        return True


def test_a_browser_opens_the_links_the_table_in_front(monkeypatch, capsys):
    browser = Browser()
    monkeypatch.setattr(webbrowser, "get", lambda: browser)
    ui.show("http://host", SHOWN, browse=True)
    printed = capsys.readouterr()
    assert browser.opened == [line.split()[1] for line in printed.out.splitlines()][::-1] and not printed.err


def test_a_browser_in_the_terminal_is_not_begun(monkeypatch, capsys):
    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.GenericBrowser("w3m"))
    ui.show("http://host", SHOWN, browse=True)
    assert capsys.readouterr().err == "no browser can be opened from here; open a link yourself\n"
