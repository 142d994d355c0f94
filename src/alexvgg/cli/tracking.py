"""`alexvgg sync`, `ui`, `send`: MLflow."""

import os
from pathlib import Path

from alexvgg.params import file
from alexvgg.pipeline import layout
from alexvgg.tracking import connection, recording, sender, sync, ui


def target() -> sync.Target:
    """Where journals are sent."""
    return sync.Target(layout.default_tracking_uri(), layout.project_root(), layout.PACKAGE)


def send_journal(journal: Path) -> None:
    """Send a journal on until standard input ends."""
    to = target()
    sender.send(journal, lambda: to.send(journal), lambda: to.register(journal))


def sync_runs() -> None:
    """Send every journal, and make those of rows that DVC restored instead of running them."""
    params = file.load(layout.PARAMS)
    for model in params.models:
        inputs = layout.inputs(model)
        for name in params.rows([model]):
            row = layout.row(params.profile, name)
            if row.trained and row.weights.is_file() and all(path.exists() for path in vars(inputs).values()):
                recording.find_or_rebuild(layout.journals(), params.profile, row, inputs)
    print(sync.everything(target(), layout.journals()))


def open_ui(port: int) -> None:
    """Run the MLflow UI on loopback; with a remote tracking server, print its address."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or layout.default_tracking_uri()
    if uri.startswith(("http://", "https://")):
        print(f"MLflow is at {uri}")
        return
    connection.connect(uri, connection.lock_of(layout.project_root()))  # makes or checks the database, once
    ui.serve(uri, port)
