"""The MLflow UI of a database, on this machine only."""

import os
import socket
import subprocess
import sys

from alexvgg.system.errors import AlexvggError

HOST = "127.0.0.1"
# For MLflow's judges of language models, which nothing here uses: eight more processes, 1.9 GB.
WITHOUT_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def serve(uri: str, port: int) -> None:
    """Run until interrupted. Raises AlexvggError if the port is in use, or if the server ends by itself."""
    _require_free(port)
    print(f"MLflow UI: http://{HOST}:{port} (Ctrl-C ends it)", flush=True)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--host", HOST, "--port", str(port)]
    server = subprocess.Popen(command, env=WITHOUT_JOBS | os.environ)
    try:
        code = server.wait()
    except KeyboardInterrupt:  # or SIGTERM, which only this process has; killed, the server would leave its workers
        server.terminate()
        server.wait()
    else:
        raise AlexvggError(f"the MLflow UI ended with code {code}; its output is above")


def _require_free(port: int) -> None:
    """MLflow itself would say so among other lines, and end as if all were well."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise AlexvggError(f"port {port}: {why}; try another, as in: make ui PORT=5001") from None
