"""A real MLflow server behind a proxy that can be told to misbehave."""

import socket
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import requests

FAULTS = ("down", "black hole", "error 500", "slow", "dies midway")
LOSES_AN_ANSWER = "loses an answer"  # the next one to a request that makes a run or a version, which is made
MAKING = (b"/runs/create", b"/model-versions/create")
SLOW = 1.5  # seconds that a slow server takes for an answer


class FaultyServer:
    """`fault` is None, LOSES_AN_ANSWER or one of FAULTS but the last, and can be changed at any time."""

    def __init__(self, folder: Path) -> None:
        self.fault: str | None = None
        self._mute: socket.socket | None = None
        port = _free_port()
        self._log = (folder / "server.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
             "--backend-store-uri", f"sqlite:///{folder / 'server.db'}", "--artifacts-destination", str(folder / "artifacts")],
            cwd=folder, stdout=self._log, stderr=self._log, start_new_session=True,
        )  # fmt: skip
        try:
            _wait_for(f"http://127.0.0.1:{port}/health")
        except TimeoutError:
            self._process.terminate()
            raise
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer._serve(self.request, port)

        class Proxy(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._proxy = Proxy(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self._proxy.server_address[1]}"
        threading.Thread(target=self._proxy.serve_forever, daemon=True).start()

    def __enter__(self) -> "FaultyServer":
        return self

    def __exit__(self, *_: Any) -> None:
        self._proxy.shutdown()
        self._process.terminate()
        self._process.wait(30)
        self._log.close()

    def _serve(self, client: socket.socket, port: int) -> None:
        if self.fault == "down":
            return
        if self.fault == "black hole":
            while self.fault == "black hole":
                time.sleep(0.1)
            return
        if self.fault == "error 500":
            client.recv(65536)
            client.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", port)) as server:
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server, delayed=True)
            back.join(5)

    def _pump(self, source: socket.socket, target: socket.socket, delayed: bool = False) -> None:
        try:
            while data := source.recv(65536):
                if self.fault == "slow" and delayed:
                    time.sleep(SLOW)
                if self.fault in ("down", "black hole") or source is self._mute:
                    break
                if self.fault == LOSES_AN_ANSWER and delayed and any(one in data for one in MAKING):
                    self.fault, self._mute = None, target
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str) -> None:
    for _ in range(900):
        try:
            requests.get(url, timeout=1).raise_for_status()
            return
        except requests.RequestException:
            time.sleep(0.2)
    raise TimeoutError(f"{url} does not answer")
