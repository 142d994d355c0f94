"""Send journals to one tracking server or database."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from alexvgg.rows.summary import Summary
from alexvgg.system.errors import AlexvggError, TrackingError
from alexvgg.tracking import connection, experiments, journal, registration, runs, shared_table
from alexvgg.tracking.experiments import ExperimentDeleted
from alexvgg.tracking.sender import close_if_killed, in_a_line

AGAIN = 3  # looks at what another clone may have registered while the best was chosen


@dataclass(frozen=True)
class Waiting:
    """How many runs MLflow does not have completely, and how many somebody deleted there."""

    runs: int
    deleted: int


class Target:
    """Where journals are sent. Connects when first used.

    `root` is the project's folder, `package` the source folder that goes with a model.
    """

    def __init__(self, default_uri: str, root: Path, package: Path) -> None:
        self._uri, self._root, self._package = default_uri, root, package
        self._lock = connection.lock_of(root)
        self._client: Any = None

    def connected(self) -> Any:
        """The client. Raises TrackingError."""
        if self._client is None:
            self._client = connection.connect(self._uri, self._lock)
        return self._client

    def send(self, path: Path) -> str | None:
        """Send what is new in a journal. Returns the run's id; None if somebody deleted it there.

        Raises TrackingError or what MLflow raises.
        """
        client = self.connected()
        profile = journal.read(path)[0]["profile"]
        artifacts = None if connection.is_server(client.tracking_uri) else self._root / "mlruns"
        experiment = experiments.find_or_create(client, profile, self._lock, artifacts)
        return runs.push(client, experiment, path, self._lock)

    def state(self, path: Path) -> str:
        """How a journal stands in MLflow: `sent`, `waiting` or `deleted`.

        Raises TrackingError or what MLflow raises.
        """
        records = journal.read(path)
        try:
            experiment = experiments.find(self.connected(), records[0]["profile"])
        except ExperimentDeleted:
            return "deleted"
        run = runs.find_run(self._client, experiment.experiment_id, records) if experiment else None
        if run is None or runs.deleted(run):
            return "waiting" if run is None else "deleted"
        whole = runs.sent(self._client, run, records) == len(records) and runs.has_status(run, records)
        return "waiting" if not whole or registration.is_waiting(self._client, run, records) else "sent"

    def register(self, path: Path) -> str | None:
        """Send a journal, and register the model of the training if it is finished. Returns what `send` does."""
        run_id = self.send(path)
        alone = FileLock(path.with_suffix(".lock"))
        with suppress(Timeout), alone.acquire(timeout=0):  # else another process is about it
            if run_id is not None and registration.register(self._client, run_id, path, self._package):
                self.choose_best(journal.read(path)[0]["profile"], path.parent)
        return run_id

    def choose_best(self, profile: str, folder: Path) -> None:
        """Say in MLflow which rows are in the present table; put the alias `best` on the best of all clones' tables.

        `folder` has the journals: what is in one, and not in the table any longer, is known to be out of it.
        """
        experiment = experiments.find(self.connected(), profile)
        if experiment is None:
            return
        known = None  # nobody else uses the project's own database
        if self._client.tracking_uri != self._uri:
            known = _trainings(folder, profile)
        for _ in range(AGAIN):
            of_table = shared_table.update(self._client, experiment.experiment_id, self.table(profile), known)
            if not registration.choose_best(self._client, experiments.name_of(profile), of_table):
                break

    def restore(self, profile: str) -> None:
        """Bring back what somebody deleted in MLflow; models are registered again when they are sent next."""
        experiment = experiments.restore(self.connected(), profile)
        if experiment is not None:
            registration.forget_deleted(self._client, experiment, experiments.name_of(profile))

    def table(self, profile: str) -> dict[str, str]:
        """The keys of the rows that are in this clone now, and the sha256 of their weights.

        Those of an experiment in a copy elsewhere are not.
        """
        found = {}
        for path in (self._root / "rows" / profile).glob("*/summary.json"):
            with suppress(AlexvggError):
                summary = Summary.read(path)
                found[summary.key] = summary.weights_sha256
        return found


def _trainings(folder: Path, profile: str) -> set[tuple[str, str]]:
    """Keys and weights of all that was trained for a profile, as far as there are journals in `folder`."""
    starts = [(start["key"], path) for path, start in journal.starts(folder) if start["profile"] == profile]
    return {(key, weights) for key, path in starts if (weights := journal.weights(journal.read(path))) is not None}


def everything(target: Target, folder: Path, present: str | None = None) -> str:
    """Send every journal in `folder`; those of trainings that were killed are closed. Returns a summary.

    Raises TrackingError if MLflow cannot be used, or, when all were tried, if it did not take one of them, or if the
    experiment of the profile `present` was deleted there. That of another profile is only counted.
    """
    found = journal.starts(folder)
    if found:
        target.connected()
    refused, deleted, gone = {}, 0, {}
    for path, start in found:
        if not journal.is_written(path):
            close_if_killed(path)
        try:
            deleted += target.register(path) is None
        except ExperimentDeleted as error:
            deleted += 1
            gone[start["profile"]] = error
        except TrackingError:
            raise
        except Exception as error:  # noqa: BLE001 - MLflow and what it builds on raise their own
            refused[path.name] = in_a_line(error)
    _choose_best(target, folder, {start["profile"] for _, start in found} - set(gone), refused)
    if refused:
        raise TrackingError(
            f"{len(refused)} of {len(found)} runs could not be sent whole ({_why(refused)}); they are safe on disk, "
            "send them later: alexvgg sync"
        )
    if present in gone:
        raise gone[present]
    return f"{len(found) - deleted} runs are in MLflow{said_of_deleted(deleted)}"


def _choose_best(target: Target, folder: Path, profiles: set[str], refused: dict[str, str]) -> None:
    """The alias of each profile. Raises TrackingError, unless runs were `refused`, which says more."""
    for profile in profiles:
        try:
            target.choose_best(profile, folder)
        except ExperimentDeleted:
            continue  # just now
        except TrackingError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            if not refused:
                raise TrackingError(
                    f"the runs are in MLflow, but which of {profile} are in the table, and the best, could not be said "
                    f"({in_a_line(error)}); say it later: alexvgg sync"
                ) from None


def _why(refused: dict[str, str]) -> str:
    """What was said, with the name of a journal if it differs."""
    name, reason = next(iter(refused.items()))
    return reason if set(refused.values()) == {reason} else f"{name}: {reason}"


def said_of_deleted(count: int) -> str:
    """What to know of runs that somebody deleted in MLflow; empty if there are none."""
    return f"; {count} deleted there stay so (`alexvgg sync --restore` brings them back)" if count else ""


def waiting(target: Target, folder: Path) -> Waiting:
    """What MLflow lacks, of all journals in `folder`; one whose process is gone without an end record is to be sent."""
    states = {path: target.state(path) for path, _ in journal.starts(folder)}
    unsent = [
        path
        for path, state in states.items()
        if state == "waiting" or (journal.status(journal.read(path)) == "RUNNING" and not journal.is_written(path))
    ]
    return Waiting(len(unsent), list(states.values()).count("deleted"))
