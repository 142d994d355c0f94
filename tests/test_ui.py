"""`make ui`: MLflow's own server on loopback, which leaves nothing behind."""

import socket
import subprocess
import sys
import time

import psutil
import pytest
import requests

from project import Project


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(port: int, server: subprocess.Popen) -> None:
    for _ in range(600):
        assert server.poll() is None
        try:
            requests.get(f"http://127.0.0.1:{port}/health", timeout=5).raise_for_status()
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("no answer")


def test_sigterm_ends_the_server_and_all_that_it_started(tmp_path, port):
    project = Project(tmp_path / "with space")
    project.environment["PYTHONPATH"] = str(project.folder / "src")
    command = [sys.executable, "-m", "alexvgg", "ui", "--port", str(port)]
    server = subprocess.Popen(command, cwd=project.folder, env=project.environment)
    wait_for(port, server)
    started = psutil.Process(server.pid).children(recursive=True)
    assert started
    assert not [process for process in started if "mlflow.server.jobs" in " ".join(process.cmdline())]
    server.terminate()
    assert server.wait(60) == 0
    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []


def test_a_port_in_use_is_told(tmp_path):
    project = Project(tmp_path / "project")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        output = project.alexvgg("ui", "--port", str(port), code=1)
    assert output == f"error: port {port}: Address already in use; try another, as in: make ui PORT=5001\n"
