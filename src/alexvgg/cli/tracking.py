"""`alexvgg sync`, `ui`, `send`: MLflow."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from alexvgg.params import file
from alexvgg.pipeline import layout
from alexvgg.rows.identity import Inputs
from alexvgg.rows.paths import RowFiles
from alexvgg.system.errors import AlexvggError, TrackingError
from alexvgg.tracking import connection, experiments, recording, sender, shared_table, sync, ui, views
from alexvgg.tracking import journal as journals


def target() -> sync.Target:
    """Where journals are sent."""
    return sync.Target(layout.default_tracking_uri(), layout.project_root(), layout.PACKAGE)


def send_journal(journal: Path) -> None:
    """Send a journal on until standard input ends; none from a clone whose journals travel."""
    if layout.journals_travel().exists():
        return
    to = target()
    sender.send(journal, lambda: to.send(journal), lambda: to.register(journal))


def sync_runs(restore: bool = False) -> None:
    """Send every journal, and make those of rows that DVC restored instead of running them.

    With `restore` what somebody deleted in MLflow comes back first, of all profiles.
    """
    if restore:
        to, profiles = target(), {start["profile"] for _, start in journals.starts(layout.journals())}
        for profile in sorted(profiles | {file.load(layout.PARAMS).profile}):
            _restore(to, profile)
    print(_brought_up_to_date())


def _restore(to: sync.Target, profile: str) -> None:
    try:
        to.restore(profile)
    except AlexvggError:
        raise
    except Exception as error:  # noqa: BLE001 - MLflow, SQLAlchemy and `requests` raise their own
        raise TrackingError(sender.in_a_line(error)) from None


def after_repro() -> None:
    """As `sync_runs`, but MLflow is only a view: that it cannot be used is said, and is no error."""
    try:
        _brought_up_to_date()
    except Exception as error:  # noqa: BLE001 - nor is whatever it raises
        print(f"tracking: {sender.in_a_line(error)}", file=sys.stderr)


def waiting() -> sync.Waiting:
    """What MLflow lacks of the present table and of all journals."""
    found = sync.waiting(target(), layout.journals())
    profile = file.load(layout.PARAMS).profile
    unrecorded = [row for row, _ in _rows() if not _is_recorded(profile, row)]
    return replace(found, runs=found.runs + len(unrecorded))


def _is_recorded(profile: str, row: RowFiles) -> bool:
    """Whether there is a journal of a row; of one that cannot be read there is none that says the same."""
    try:
        return recording.is_recorded(layout.journals(), profile, row)
    except Exception:  # noqa: BLE001 - as below
        return False


def _brought_up_to_date() -> str:
    """Raises TrackingError, at last, if one of the rows cannot be read: it keeps no others back."""
    profile = file.load(layout.PARAMS).profile
    damaged = {}
    for row, inputs in _rows():
        try:
            recording.find_or_rebuild(layout.journals(), profile, row, inputs)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with its files
            damaged[row.summary.parent.name] = sender.in_a_line(error)
    said = sync.everything(target(), layout.journals(), profile)
    if damaged:
        names = ", ".join(damaged)
        raise TrackingError(f"{said}; but not all of {names}: {next(iter(damaged.values()))}")
    return said


def _rows() -> list[tuple[RowFiles, Inputs]]:
    """The rows of the present table that are trained, and what they were trained with."""
    params = file.load(layout.PARAMS)
    rows = [(layout.row(params.profile, name), model) for model in params.models for name in params.rows([model])]
    return [(row, layout.inputs(model)) for row, model in rows if row.trained]


def open_ui(port: int, browse: bool = False) -> None:
    """Bring MLflow up to date and print three links into it; for a database, run its UI on loopback."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or layout.default_tracking_uri()
    elsewhere = connection.is_server(uri)
    if not elsewhere:
        ui.require_free(port)
    profile = file.load(layout.PARAMS).profile
    with ui.waiting("bringing MLflow up to date …"):
        sent, notes, shown = _up_to_date_views(profile)
    for note in notes:
        print(f"tracking: {note}", file=sys.stderr)
    if shown is None:
        print(f"MLflow has no runs of profile {profile}; make them: make repro PROFILE={profile}")
        return
    if sent:
        print(sent)
    if elsewhere:
        ui.show(uri, shown, browse)
    else:
        ui.serve(uri, port, layout.project_root() / ".alexvgg" / f"mlflow-ui-{port}.log", shown, browse)


def _up_to_date_views(profile: str) -> tuple[str, list[str], views.Shown | None]:
    """Send what MLflow lacks, and write the views of the runs: what was sent, what was refused, what there is."""
    to = target()
    client = to.connected()
    sent, notes = "", []
    try:
        experiments.find(client, profile)  # one that somebody deleted is told before anything is sent to it
        try:
            sent = _brought_up_to_date()
        except Exception as error:  # noqa: BLE001 - what cannot be sent, or read, is a note: the rest can be seen
            notes.append(sender.in_a_line(error))
        experiment = experiments.find(client, profile)
        report = layout.reports(profile) / "results.md"
        text = report.read_text(encoding="utf-8", errors="replace") if report.is_file() else ""
        keys = set(to.table(profile)) | shared_table.keys(client, experiment.experiment_id) if experiment else set()
        shown = views.update(client, experiment, keys, profile, text) if experiment else None
    except AlexvggError:
        raise
    except Exception as error:  # noqa: BLE001 - MLflow and what it builds on raise their own
        raise TrackingError(f"MLflow cannot be read: {sender.in_a_line(error)}") from None
    if shown and shown.refused:
        notes.append(f"MLflow did not take all views and the description of the runs: {shown.refused}")
    return sent, notes, shown
