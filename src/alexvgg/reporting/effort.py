"""What training cost in arithmetic, and how much of it the slide's accuracy took."""

import json
from dataclasses import dataclass

import pandas as pd

from alexvgg import cost
from alexvgg.reporting import slide
from alexvgg.reporting.results import Run, by_model
from alexvgg.reporting.table import grid

HEADINGS = ["Model", "Training, PFLOP", "Slide Val_ACC", "first after epoch", "PFLOP until then", "Share"]
NOTE = """\
10¹⁵ floating-point operations of one training: two a multiply-add, in convolutions and dense layers, forward and \
backward."""
SHARE_NOTE = """ The share is of the most that any model of the same network and size took to the same accuracy; where \
a seed did not reach it, its whole training counts, and the number is a bound."""


@dataclass(frozen=True)
class Effort:
    """One model, means over its seeds: petaflop of the whole training and to the slide's Val_ACC.

    A seed that did not reach it counts with its whole training, so that the mean is a lower bound.
    """

    model: str
    network: str  # equal for models of the same network and size
    petaflop: float
    printed: float | None  # the slide's Val_ACC, if it prints one
    epoch: float | None  # None: a seed did not reach it
    petaflop_to_it: float


def efforts(runs: list[Run], histories: dict[str, pd.DataFrame]) -> list[Effort]:
    """One a model, in the order of the runs. `histories` by `<model>-<seed>`."""
    return [_effort(several, histories) for several in by_model(runs).values()]


def markdown(found: list[Effort]) -> str:
    """A section for `results.md`."""
    return f"\n## What training cost\n\n{grid(*cells(found))}\n\n{note(found)}\n"


def cells(found: list[Effort]) -> tuple[list[str], list[list[str]]]:
    """Headings and lines of a table; on other data than the slide's, without what holds it against the slide."""
    columns = len(HEADINGS) if _compared(found) else 2
    return HEADINGS[:columns], [_cells(one, found)[:columns] for one in found]


def note(found: list[Effort]) -> str:
    """What the columns mean."""
    return NOTE + (SHARE_NOTE if _compared(found) else "")


def _compared(found: list[Effort]) -> bool:
    return any(one.printed is not None for one in found)


def _effort(runs: list[Run], histories: dict[str, pd.DataFrame]) -> Effort:
    first = runs[0].summary
    printed = slide.RESULTS.get(first["architecture"], {}).get("val_acc") if first["source"] == slide.DATA else None
    flops = [cost.petaflop_by_epoch(run.summary, run.metrics["training_flop"]) for run in runs]
    whole = sum(flop[-1] for flop in flops) / len(flops)
    network = json.dumps([first["architecture"], first["options"], first["crop"]], sort_keys=True)
    reached = [None if printed is None else _first(run, histories, printed) for run in runs]
    to_it = [flop[-1] if epoch is None else flop[epoch - 1] for flop, epoch in zip(flops, reached, strict=True)]
    epochs = [epoch for epoch in reached if epoch is not None]
    mean_epoch = sum(epochs) / len(epochs) if len(epochs) == len(runs) else None
    return Effort(first["model"], network, whole, printed, mean_epoch, sum(to_it) / len(runs))


def _first(run: Run, histories: dict[str, pd.DataFrame], val_acc: float) -> int | None:
    """The first epoch, counted from 1, after which the validation accuracy is at least this."""
    history = histories[f"{run.summary['model']}-{run.summary['seed']}"]
    good = history.loc[history["val_acc"] >= val_acc, "epoch"]
    return None if good.empty else int(good.iloc[0])


def _cells(one: Effort, all_of_them: list[Effort]) -> list[str]:
    cells = [one.model, f"{one.petaflop:.3g}"]
    if one.printed is None:
        return [*cells, "–", "–", "–", "–"]
    cells.append(f"{one.printed:.4f}")
    if one.epoch is None:
        return [*cells, "not reached", f"> {one.petaflop_to_it:.3g}", "–"]
    cells += [f"{one.epoch:.3g}", f"{one.petaflop_to_it:.3g}"]
    same = [other for other in all_of_them if other.network == one.network]
    if len(same) == 1:
        return [*cells, "–"]
    # What one of them took may be more than is known; then so may be the most, and the share less.
    sign = "≤ " if any(other.epoch is None for other in same) else ""
    return [*cells, f"{sign}{one.petaflop_to_it / max(other.petaflop_to_it for other in same):.2f}"]
