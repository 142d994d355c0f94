"""The journal of a training or evaluation, and the process that sends it on while it is written."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from alexvgg.evaluation.by_class import accuracy_by_class
from alexvgg.rows import answers, history
from alexvgg.rows.evaluation import Evaluation
from alexvgg.rows.history import Epoch
from alexvgg.rows.identity import Identity, Inputs
from alexvgg.rows.paths import RowFiles
from alexvgg.rows.summary import Summary
from alexvgg.system import files
from alexvgg.system.errors import Interrupted
from alexvgg.tracking import provenance
from alexvgg.tracking.journal import ENDING, Journal, of_kind, read, weights, with_key
from alexvgg.tracking.monitor import watching
from alexvgg.tracking.sender_process import sending

STEPS_EVERY = 10.0
HALF = ".half"  # how the name of a journal ends that is being rebuilt
UNKNOWN = 1  # a time, milliseconds since 1970; for 0 MLflow takes the present


def begin(folder: Path, profile: str, identity: Identity, inputs: Inputs) -> Journal:
    """A new journal in `folder`, for the training that `identity` describes."""
    description = files.read_json(inputs.description)
    start = _start(identity, inputs, description["source"], description["images"])
    return Journal.create(folder, profile=profile, tags=provenance.tags(f"train@{identity.name}"), **start)


def _start(identity: Identity, inputs: Inputs, source: str, images: dict[str, int]) -> dict[str, Any]:
    """What is trained, and on what; `images` are the numbers of each split."""
    start = {name: getattr(identity, name) for name in Identity.model_fields} | {"recipe": identity.recipe.model_dump()}
    dataset = {
        "name": source,
        "digest": files.digest({name: identity.data[name] for name in ("train", "val", "description")}),
        "path": str(inputs.train),
        "images": images,
    }
    return {**start, "key": identity.key, "dataset": dataset}


def begin_or_resume(folder: Path, profile: str, identity: Identity, inputs: Inputs, resumed: bool) -> Journal:
    """The journal of a training: the earlier one if training goes on from a checkpoint, otherwise a new one."""
    earlier = with_key(folder, profile, identity.key) if resumed else []
    if not earlier:
        return begin(folder, profile, identity, inputs)
    journal = Journal(earlier[-1])
    journal.resume()
    return journal


def steps_into(journal: Journal) -> Callable[..., None]:
    """A function that adds the running means after a step to a journal, every `STEPS_EVERY` seconds."""
    last = time.monotonic()

    def add(*, epoch: int, step: int, loss: float, acc: float) -> None:
        nonlocal last
        if time.monotonic() - last >= STEPS_EVERY:
            last = time.monotonic()
            with suppress(OSError):  # what needs the disk says that it is full
                journal.append("step", epoch=epoch, step=step, loss=loss, acc=acc)

    return add


def epochs_into(journal: Journal) -> Callable[[Epoch], None]:
    """A function that adds an epoch's row to a journal, unless it has it from before an interruption.

    While the disk is full rows wait: a training that cannot save a checkpoint must not end.
    """
    known = {record["epoch"] for record in of_kind(journal.path, "epoch")}
    waiting: list[Epoch] = []

    def add(row: Epoch) -> None:
        if row.epoch not in known:
            known.add(row.epoch)
            waiting.append(row)
        with suppress(OSError):
            while waiting:
                journal.append("epoch", **asdict(waiting[0]))
                waiting.pop(0)

    return add


@contextmanager
def of_training(journal: Journal, package: Path) -> Iterator[None]:
    """Send the journal on and watch the machine while the block runs; note in the journal how it failed."""
    with sending(journal.path, package):
        try:
            with watching(journal):
                yield
        except (KeyboardInterrupt, Interrupted):
            journal.append("end", status="KILLED")
            raise
        except BaseException:
            journal.append("end", status="FAILED")
            raise


def finish(journal: Journal, summary: Summary, row: RowFiles, inputs: Inputs, **when: int) -> None:
    """Note in the journal that the training is done, and where its model lies, as seen from the project's folder."""
    artifacts = {"weights": row.weights, "summary": row.summary, "description": inputs.description}
    journal.append(
        "end",
        status="FINISHED",
        params=summary.params,
        val_acc=summary.val_acc,
        weights_sha256=summary.weights_sha256,
        artifacts={name: path.as_posix() for name, path in artifacts.items()},
        **when,
    )


def find_or_rebuild(folder: Path, profile: str, row: RowFiles, inputs: Inputs) -> Journal:
    """The journal of a finished training, with its evaluation if there is one.

    It is made from DVC's files if they came without one, as from the run cache, by `dvc pull` or `dvc exp apply`. What
    they do not hold is unknown in it: times, what the machine did, the commit. `evaluate` may have been restored alone.
    """
    summary = Summary.read(row.summary)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "rebuild.lock", timeout=60):  # else two processes make two
        found = _find(folder, profile, summary, row)
        journal = Journal(found) if found else _rebuild(folder, profile, summary, row, inputs)
        if row.whole:
            evaluated(journal, Evaluation.read(row.evaluation), answers.read(row.answers), restored=True)
    return journal


def is_recorded(folder: Path, profile: str, row: RowFiles) -> bool:
    """Whether a journal has the training of a row, and its evaluation if there is one."""
    found = _find(folder, profile, Summary.read(row.summary), row)
    if found is None or not row.whole:
        return found is not None
    metrics = Evaluation.read(row.evaluation).metrics
    return [record["metrics"] for record in of_kind(found, "evaluation")][-1:] == [metrics]


def _find(folder: Path, profile: str, summary: Summary, row: RowFiles) -> Path | None:
    """The newest journal of the training that made a row. The same one with other threads made another row."""
    epochs = [_numbers(epoch) for epoch in history.read(row.history).to_dict("records")]
    for path in reversed(with_key(folder, profile, summary.key)):
        records = read(path)
        noted = [_numbers(record) for record in records if record["kind"] == "epoch"]
        if weights(records) == summary.weights_sha256 and noted == epochs:
            return path
    return None


def _numbers(epoch: Mapping[Any, Any]) -> list[str]:
    """What a line of a history says, as text: a loss may be no number, which equals nothing."""
    return [str(float(epoch.get(field.name, math.nan))) for field in fields(Epoch)]


def _rebuild(folder: Path, profile: str, summary: Summary, row: RowFiles, inputs: Inputs) -> Journal:
    """Under another name until it is whole."""
    for half in folder.glob(f"*{HALF}"):  # of a process that was killed
        half.unlink()
    start = _start(summary, inputs, summary.source, summary.images)
    journal = Journal.create(folder, HALF, profile=profile, tags={}, rebuilt=True, time=UNKNOWN, **start)
    for epoch in history.read(row.history).to_dict("records"):
        journal.append("epoch", **{str(name): value for name, value in epoch.items()}, time=UNKNOWN)
    finish(journal, summary, row, inputs, time=UNKNOWN)
    whole = journal.path.with_suffix(ENDING)
    files.put(journal.path, whole)
    return Journal(whole)


def evaluated(journal: Journal, evaluation: Evaluation, given: pd.DataFrame, restored: bool = False) -> None:
    """Add what `evaluate` measured to the journal of a training, unless it ends with the same.

    When it was measured is unknown if it was `restored`; but MLflow shows the latest, so it is later than another, also
    where the clock was set back.
    """
    measured = {"metrics": evaluation.metrics, "by_class": accuracy_by_class(given)}
    earlier = of_kind(journal.path, "evaluation")
    if not earlier or any(earlier[-1].get(name) != value for name, value in measured.items()):
        after = max((record["time"] + 1 for record in earlier), default=UNKNOWN)
        now = UNKNOWN if restored else int(time.time() * 1000)
        journal.append("evaluation", **measured, time=max(after, now))
