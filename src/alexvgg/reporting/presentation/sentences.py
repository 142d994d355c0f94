"""What the slides say: each title is its slide's message, computed from the rows.

A title comes in several lengths, the longest first: the deck takes the first one that fits.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from alexvgg.reporting import slide
from alexvgg.reporting.contents import Contents
from alexvgg.reporting.effort import Effort
from alexvgg.rows.row import Row, by_model

SMALL_GAP = 0.01
STOPPED = "not trained to the end"


def source(contents: Contents, *names: str) -> str:
    """For the notes of a slide: where its numbers are from."""
    where = ", ".join(name if " " in name else f"reports/{contents.profile}/{name}" for name in names)
    return f"From {where}; made by `make repro PROFILE={contents.profile}`."


def listed(names: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    *others, final = names
    return f"{', '.join(others)} {last} {final}" if others else final


def counted(number: int, what: str) -> str:
    """`1 model`, `3 models`."""
    return f"{number:,} {what}" + ("" if number == 1 else "es" if what.endswith("s") else "s")


def called(line: Any) -> str:
    """A model in a sentence."""
    return str(line["model"]) if line["finished"] else f"{line['model']} ({STOPPED})"


def results(table: pd.DataFrame, beside: dict[str, float]) -> list[str]:
    """Of the results table; `beside` has the difference from the talk's Val_ACC, by model."""
    if not beside:
        return _highest(table)
    groups: dict[str, list[str]] = {}
    for model, difference in beside.items():
        where = f"{'above' if difference > 0 else 'below' if difference < 0 else 'equal to'} the talk's"
        groups.setdefault(where, []).append(f"{model} ({difference:+.4f})" if difference else model)
    first, *others = [f"{where} for {listed(models)}" for where, models in groups.items()]
    parts = [first, *(part.replace("the talk's", "it") for part in others)]
    said = f"Val_ACC is {listed(parts)}"
    return [said, *_highest(table)]


def _highest(table: pd.DataFrame) -> list[str]:
    rounded = table["val_acc"].round(4)
    best = table[rounded == rounded.max()]
    names, value = listed(called(line) for _, line in best.iterrows()), f"{rounded.max():.4f}"
    if len(table) == 1:
        return [f"{names} comes to a Val_ACC of {value}"]
    if len(best) > 1:
        return [f"{names} share the highest Val_ACC: {value}", f"{len(best)} models share the highest Val_ACC: {value}"]
    return [f"{names} has the highest Val_ACC of {len(table)} models: {value}", f"The highest Val_ACC is {value}"]


def columns(table: pd.DataFrame) -> str:
    """Small print of the results table."""
    seeds = max(len(one) for one in table["seeds"])
    note = "Loss and ACC: means over the last epoch's training steps. Val_Loss and Val_ACC: measured after it."
    if seeds > 1:
        note += f" Mean ± standard deviation over {seeds} seeds."
    others = [
        str(line["model"])
        for _, line in table.drop_duplicates("architecture").iterrows()
        if line["source"] == slide.DATA
        and line["params"] != slide.RESULTS.get(line["architecture"], {}).get("params", line["params"])
    ]
    return note + (f" Not of the talk's size: {listed(others)}." if others else "")


def test(table: pd.DataFrame, images: int) -> list[str]:
    """Of the accuracies on the test images, which of them lead."""
    best = table.sort_values("test_acc", ascending=False, kind="stable").iloc[0]
    where = f"On {counted(images, 'test image')}"
    if len(table) == 1:
        return [f"{where} {called(best)} is right in {best['test_acc']:.4f} of the cases"]
    near = table[(table["test_acc_high"] >= best["test_acc_low"]) & (table["model"] != best["model"])]
    leads = f"{where} {called(best)} leads with {best['test_acc']:.4f}"
    if near.empty:
        return [f"{leads}, its 95 % interval clear of all others", leads]
    within = listed(called(line) for _, line in near.iterrows())
    several = f"{len(near)} other models" if len(near) > 1 else "one other model"
    return [
        f"{leads}, its 95 % interval overlapping that of {within}",
        f"{leads}, with {several} within its interval",
        leads,
    ]


def accuracy(table: pd.DataFrame) -> list[str]:
    """Of the accuracy by epoch: how far training is above validation at the end."""
    gaps = (table["acc"] - table["val_acc"]).round(4)
    widest = table.iloc[int(gaps.to_numpy().argmax())]
    if gaps.max() <= 0:
        return ["At the end, accuracy in training is nowhere above that in validation"]
    if gaps.max() < SMALL_GAP or len(table) == 1:
        return [f"At the end, accuracy in training is {gaps.max():.4f} above that in validation"
                f"{', at most' if len(table) > 1 else ''}"]  # fmt: skip
    return [
        f"Training is ahead of validation most for {called(widest)}: by {gaps.max():.4f} in accuracy",
        f"Training is ahead of validation by at most {gaps.max():.4f}",
    ]


def lines(rows: list[Row], separate: bool) -> str:
    """Small print of the curves; `separate` if training and validation have a panel each."""
    how = "Left: training, right: validation." if separate else "Solid: validation, dashed: training."
    if any(row.summary.recipe.early_crops for row in rows):
        how += " Dotted: crops become larger."
    if len(rows) > len(by_model(rows)):
        how += " Lines: means over seeds; bands: their range."
    return how


def loss(rows: list[Row]) -> list[str]:
    """Of the loss by epoch: whose validation loss was lower before the end."""
    risen, models = {}, by_model(rows)
    for model, several in models.items():
        mean = np.mean([row.history["val_loss"] for row in several], axis=0)
        if mean.min() < mean[-1]:
            risen[model] = int(several[0].history["epoch"].iloc[int(mean.argmin())])
    if not risen:
        every = "Every model's validation loss is lowest after its last epoch"
        return [every if len(models) > 1 else "The validation loss is lowest after the last epoch"]
    if len(risen) == 1:
        [(model, epoch)] = risen.items()
        return [f"{model}'s validation loss is lowest after epoch {epoch} and higher at the end"]
    before = "Validation loss is lowest before the end for"
    words = listed(f"{model} (epoch {epoch})" for model, epoch in risen.items())
    return [f"{before} {words}", f"{before} {len(risen)} of {len(models)} models"]


def effort(found: list[Effort]) -> list[str]:
    """Of the arithmetic: after which epoch a model was at the talk's accuracy, or which model took most."""
    compared = [one for one in found if one.printed is not None]
    reached = [one for one in compared if one.epoch is not None]
    if reached:
        words = listed(f"{one.model} after epoch {one.epoch:.3g}" for one in reached)
        return [f"The talk's Val_ACC is reached by {words}",
                f"{len(reached)} of {counted(len(compared), 'model')} reach the talk's Val_ACC"]  # fmt: skip
    known = [one for one in found if one.petaflop is not None]
    most = max(known, key=lambda one: one.petaflop or 0.0)
    said = f"{most.petaflop:.3g} PFLOP of arithmetic"
    if len({f"{one.petaflop:.3g}" for one in known}) == 1 and len(found) > 1:
        return [f"Training took {said}, for every model alike"]
    return [f"Training {most.model} took {'the most: ' if len(found) > 1 else ''}{said}"]


def beside(table: pd.DataFrame) -> dict[str, float]:
    """The difference from the talk's Val_ACC, rounded as it prints them, of the first model of each network there."""
    if table["source"].iloc[0] != slide.DATA:
        return {}
    first = table.drop_duplicates("architecture")
    lines = [line for _, line in first.iterrows() if line["architecture"] in slide.RESULTS]
    printed = [slide.RESULTS[line["architecture"]]["val_acc"] for line in lines]
    return {called(line): round(float(line["val_acc"]) - one, 4) for line, one in zip(lines, printed, strict=True)}
