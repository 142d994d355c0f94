"""The journal of a training or evaluation, and the process that sends it on while it is written."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from alexvgg import files, provenance
from alexvgg.errors import Interrupted
from alexvgg.identity import Inputs, Outputs
from alexvgg.journal import Journal, newest, read
from alexvgg.monitor import watching
from alexvgg.tracking.follower import following

STEPS_EVERY = 10.0


def begin(folder: Path, identity: dict[str, Any], profile: str, inputs: Inputs) -> Journal:
    """A new journal in `folder`, for the training that `identity` describes."""
    description = files.read_json(inputs.description)
    dataset = {
        "name": description["source"],
        "digest": files.digest({name: identity["data"][name] for name in ("train", "val", "description")}),
        "path": str(inputs.train),
        "images": description["images"],
    }
    stage = f"train@{identity['model']}-{identity['seed']}"
    return Journal.create(folder, profile=profile, **identity, dataset=dataset, tags=provenance.tags(stage))


def begin_or_resume(folder: Path, identity: dict[str, Any], profile: str, inputs: Inputs, resumed: bool) -> Journal:
    """The journal of a training: the earlier one if training goes on from a checkpoint, otherwise a new one."""
    found = newest(folder, identity["key"]) if resumed else None
    if found is None:
        return begin(folder, identity, profile, inputs)
    journal = Journal(found)
    journal.resume()
    return journal


def steps_into(journal: Journal) -> Callable[..., None]:
    """A function that adds the running means after a step to a journal, every `STEPS_EVERY` seconds."""
    last = time.monotonic()

    def add(*, epoch: int, step: int, loss: float, acc: float) -> None:
        nonlocal last
        if time.monotonic() - last >= STEPS_EVERY:
            last = time.monotonic()
            with suppress(OSError):  # a full disk is told by what needs it
                journal.append("step", epoch=epoch, step=step, loss=loss, acc=acc)

    return add


def epochs_into(journal: Journal) -> Callable[[dict[str, Any]], None]:
    """A function that adds an epoch's row to a journal, unless it has it from before an interruption."""
    known = {record["epoch"] for record in read(journal.path) if record["kind"] == "epoch"}

    def add(row: dict[str, Any]) -> None:
        if row["epoch"] not in known:
            journal.append("epoch", **row)
            known.add(row["epoch"])

    return add


@contextmanager
def of_training(journal: Journal, package: Path) -> Iterator[None]:
    """Send the journal on and watch the machine while the block runs; say in the journal how it failed."""
    with following(journal.path, package):
        try:
            with watching(journal):
                yield
        except (KeyboardInterrupt, Interrupted):
            journal.append("end", status="KILLED")
            raise
        except BaseException:
            journal.append("end", status="FAILED")
            raise


def finish(journal: Journal, summary: dict[str, Any], inputs: Inputs, outputs: Outputs) -> None:
    """Say in the journal that the training is done, and where its model lies."""
    artifacts = {"weights": outputs.weights, "summary": outputs.summary, "description": inputs.description}
    journal.append(
        "end",
        status="FINISHED",
        params=summary["params"],
        val_acc=summary["val_acc"],
        weights_sha256=summary["weights_sha256"],
        artifacts={name: str(path.absolute()) for name, path in artifacts.items()},
    )


def find_or_rebuild(
    folder: Path, profile: str, inputs: Inputs, outputs: Outputs, evaluation: tuple[Path, Path] | None = None
) -> Journal:
    """The journal of a finished training; made from DVC's files where they came without one.

    That is so on a run-cache hit and after `dvc pull`: outputs are there, and nothing ran. `evaluation` are the files
    of metrics and of accuracies by class, if there was one.
    """
    summary = files.read_json(outputs.summary)
    found = newest(folder, summary["key"])
    if found is not None:
        return Journal(found)
    names = (
        "model",
        "seed",
        "architecture",
        "options",
        "crop",
        "recipe",
        "evaluation_batch_size",
        "data",
        "key",
    )
    journal = begin(folder, {name: summary[name] for name in names}, profile, inputs)
    for row in pd.read_csv(outputs.history).to_dict("records"):
        journal.append("epoch", **{str(name): value for name, value in row.items()})
    finish(journal, summary, inputs, outputs)
    if evaluation is not None and all(path.exists() for path in evaluation):
        metrics, by_class = map(files.read_json, evaluation)
        evaluated(journal, metrics, by_class)
    return journal


def evaluated(journal: Journal, metrics: dict[str, float], by_class: dict[str, float]) -> None:
    """Add what `evaluate` measured to the journal of a training, unless it ends with the same."""
    measured = {name: value for name, value in metrics.items() if name.startswith(("test_", "train_"))}
    measured |= {f"by_class/{name}": value for name, value in by_class.items()}
    earlier = [record["metrics"] for record in read(journal.path) if record["kind"] == "evaluation"]
    if earlier[-1:] != [measured]:
        journal.append("evaluation", metrics=measured)
