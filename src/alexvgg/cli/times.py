"""How long trainings took and how often they were stopped, from their journals.

Times are of a machine and a day: they are no output of DVC's, and nothing else is made from them.
"""

import math
import statistics
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from alexvgg.evaluation.cost import steps
from alexvgg.params.recipe import Recipe
from alexvgg.rows.identity import name_of
from alexvgg.system.errors import AlexvggError
from alexvgg.tracking import journal

ASLEEP = 60.0  # seconds without a record, where there is one every ten: the machine slept

HEADER = """\
| Run | Epochs (median time of one) | Training in all | Images/s | Interruptions | Processor |
| --- | --- | ---: | ---: | ---: | --- |"""


@dataclass(frozen=True)
class Timing:
    """One finished training. Seconds are those in which a process was at work, lost work and validation included."""

    run: str
    crops: list[int]  # by epoch, pixels
    seconds: list[float]  # by epoch; the first has the imports, too
    steps: tuple[int, int]  # made, and of the whole schedule
    last_steps: int | None  # of an epoch that `stop_after` cut short
    rate: float  # training images a second, without validation
    interruptions: int
    processor: str
    losses: list[tuple[int, float]]  # of a training that `stop_after` ended: a step, and the mean since the one before


def timing(records: list[dict[str, Any]]) -> Timing | None:
    """What the records of one journal say; None if its training is not finished or was not run here."""
    if journal.status(records) != "FINISHED":
        return None
    start = records[0]
    versions = next((r["versions"] for r in records if r["kind"] == "environment"), None)
    if versions is None:  # rebuilt from DVC's files
        return None
    end = max(i for i, r in enumerate(records) if r["kind"] == "end" and r["status"] == "FINISHED")
    records = [record for record in records[: end + 1] if record["kind"] != "damaged"]
    seconds = _seconds_by_epoch(records)
    recipe = Recipe.model_validate(start["recipe"])
    made, planned = steps(recipe, start["dataset"]["images"]["train"])
    per_epoch = planned // recipe.epochs
    return Timing(
        run=name_of(start),
        crops=[epoch["crop"] for epoch in records if epoch["kind"] == "epoch"],
        seconds=seconds,
        steps=(made, planned),
        last_steps=made % per_epoch or None,
        rate=_images_a_second(records, recipe.batch_size),
        interruptions=sum(_interrupted(before, after) for before, after in pairwise(records) if after["kind"] != "end"),
        processor=f"{versions['processor']}, {versions['threads']} thread{'s' * (versions['threads'] != '1')}",
        losses=_losses(records, made, per_epoch) if made < planned else [],
    )


def _interrupted(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether nothing was computed between two records."""
    return bool(after["kind"] == "resume" or after["time"] - before["time"] >= 1000 * ASLEEP)


def _seconds_by_epoch(records: list[dict[str, Any]]) -> list[float]:
    """The time between records, without interruptions."""
    seconds = [0.0]
    for before, after in pairwise(records):
        if not _interrupted(before, after):
            seconds[-1] += (after["time"] - before["time"]) / 1000
        if after["kind"] == "epoch":
            seconds.append(0.0)
    return seconds[:-1]  # what follows the last epoch is writing


def _images_a_second(records: list[dict[str, Any]], batch_size: int) -> float:
    """From one `step` record to the next in the same epoch, without what lies on either side of an interruption."""
    steps, milliseconds, last = 0, 0, None
    for before, after in pairwise(records):
        if _interrupted(before, after):
            last = None
        if after["kind"] == "step":
            if last is not None and last["epoch"] == after["epoch"]:
                steps += after["step"] - last["step"]
                milliseconds += after["time"] - last["time"]
            last = after
    return 1000 * steps * batch_size / milliseconds if milliseconds else math.nan


def _losses(records: list[dict[str, Any]], made: int, per_epoch: int) -> list[tuple[int, float]]:
    """The mean loss in about ten parts of a training of so many steps. A record has its mean over the epoch so far."""
    of_epoch = {record["epoch"]: record["loss"] * per_epoch for record in records if record["kind"] == "epoch"}
    sums = {0: 0.0}  # over all steps, by step
    for record in records:
        if record["kind"] in ("step", "epoch"):
            before = per_epoch * (record["epoch"] - 1)
            step = record.get("step", min(made, before + per_epoch))
            earlier = [of_epoch.get(epoch, math.nan) for epoch in range(1, record["epoch"])]  # a line may be damaged
            sums[step] = sum(earlier) + record["loss"] * (step - before)
    seen = sorted(sums)
    chosen = sorted({*seen[:: max(1, len(seen) // 10)], seen[-1]})
    return [(end, (sums[end] - sums[begin]) / (end - begin)) for begin, end in pairwise(chosen)]


def read(folder: Path, keys: list[str]) -> list[Timing]:
    """Each training, known by its key, from the newest of its journals in `folder` that ends well.

    Raises AlexvggError if there is none of any.
    """
    found: dict[str, Timing] = {}
    for path, start in journal.starts(folder):
        if start["key"] in keys and (one := timing(journal.read(path))) is not None:
            found[start["key"]] = one
    if not found:
        raise AlexvggError("no finished training of this profile is recorded here; run `make repro` first")
    return [found[key] for key in keys if key in found]


def table(profile: str, timings: list[Timing]) -> str:
    """Markdown."""
    total = sum(sum(one.seconds) for one in timings)
    lines = [
        f"# Times: profile `{profile}`", "",
        "Made by `alexvgg times` from the journals of the runs: time in which a process was at work, with validation",
        "and with what was done twice after an interruption; without the time in between. Images/s are those of",
        "training, all sizes together, without validation.", "",
        HEADER, *map(_row, timings), "",
        f"Training of all: {_hours(total)}.", "",
        *(line for one in timings if one.losses for line in _progress(one)),
    ]  # fmt: skip
    return "\n".join(lines)


def _row(one: Timing) -> str:
    epochs = list(zip(one.crops, one.seconds, strict=True))
    cut = epochs.pop() if one.last_steps else None
    parts = []
    for crop in sorted({crop for crop, _ in epochs}):
        of_crop = [seconds for size, seconds in epochs if size == crop]
        parts.append(f"{len(of_crop)} at {crop} px ({statistics.median(of_crop):.0f} s)")
    if cut:
        parts.append(f"{one.last_steps} steps at {cut[0]} px ({cut[1]:.0f} s)")
    rate = "–" if math.isnan(one.rate) else f"{one.rate:.1f}"
    cells = [one.run, ", ".join(parts), _hours(sum(one.seconds)), rate, str(one.interruptions), one.processor]
    return f"| {' | '.join(cells)} |"


def _progress(one: Timing) -> list[str]:
    """How the loss of a training fell that was stopped early."""
    made, planned = one.steps
    title = f"## {one.run}, stopped after {made:,} of {planned:,} steps"
    lines = [f"| {step:,} | {loss:.4f} |" for step, loss in one.losses]
    return [title, "", "| Up to step | mean loss since the line above |", "| ---: | ---: |", *lines, ""]


def _hours(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
