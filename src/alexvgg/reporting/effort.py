"""What training cost in arithmetic, and how much of it the slide's accuracy took."""

import json
from dataclasses import dataclass

from alexvgg.evaluation import cost
from alexvgg.reporting import slide
from alexvgg.reporting.table import grid
from alexvgg.rows.row import Row, by_model

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
    petaflop: float | None  # None: a layer cannot be counted
    printed: float | None  # the slide's Val_ACC, if it prints one
    epoch: float | None  # None: a seed did not reach it
    petaflop_to_it: float | None


def efforts(rows: list[Row]) -> list[Effort]:
    """One a model, in the order of the rows."""
    return [_effort(several) for several in by_model(rows).values()]


def markdown(found: list[Effort]) -> str:
    """A section for `results.md`."""
    return f"\n## What training cost\n\n{grid(*cells(found))}\n\n{note(found)}\n"


def cells(found: list[Effort]) -> tuple[list[str], list[list[str]]]:
    """Headings and lines of a table; the columns about the slide only where the data are the slide's."""
    columns = len(HEADINGS) if _compared(found) else 2
    return HEADINGS[:columns], [_cells(one, found)[:columns] for one in found]


def note(found: list[Effort]) -> str:
    """What the columns mean."""
    return NOTE + (SHARE_NOTE if _compared(found) else "")


def _compared(found: list[Effort]) -> bool:
    return any(one.printed is not None for one in found)


def _effort(rows: list[Row]) -> Effort:
    first = rows[0].summary
    printed = slide.RESULTS.get(first.architecture, {}).get("val_acc") if first.source == slide.DATA else None
    flops = [cost.petaflop_by_epoch(row.summary, row.history["crop"], row.evaluation.training_flop) for row in rows]
    known = [flop for flop in flops if flop is not None]
    network = json.dumps([first.architecture, first.options, first.crop], sort_keys=True)
    reached = [None if printed is None else _first(row, printed) for row in rows]
    epochs = [epoch for epoch in reached if epoch is not None]
    mean_epoch = sum(epochs) / len(epochs) if len(epochs) == len(rows) else None
    if len(known) < len(rows):
        return Effort(first.model, network, None, printed, mean_epoch, None)
    whole = sum(flop[-1] for flop in known) / len(rows)
    to_it = [flop[-1] if epoch is None else flop[epoch - 1] for flop, epoch in zip(known, reached, strict=True)]
    return Effort(first.model, network, whole, printed, mean_epoch, sum(to_it) / len(rows))


def _first(row: Row, val_acc: float) -> int | None:
    """The first epoch, counted from 1, after which the validation accuracy at full size is at least this."""
    at_full_size = row.history[row.history["crop"] == row.summary.crop]
    good = at_full_size.loc[at_full_size["val_acc"] >= val_acc, "epoch"]
    return None if good.empty else int(good.iloc[0])


def _cells(one: Effort, all_of_them: list[Effort]) -> list[str]:
    if one.petaflop is None or one.petaflop_to_it is None:
        return [one.model, "unknown", "–", "–", "–", "–"]
    cells = [one.model, f"{one.petaflop:.3g}"]
    if one.printed is None:
        return [*cells, "–", "–", "–", "–"]
    cells.append(f"{one.printed:.4f}")
    if one.epoch is None:
        return [*cells, "not reached", f"> {one.petaflop_to_it:.3g}", "–"]
    cells += [f"{one.epoch:.3g}", f"{one.petaflop_to_it:.3g}"]
    same = [other for other in all_of_them if other.network == one.network and other.petaflop_to_it is not None]
    if len(same) == 1:
        return [*cells, "–"]
    # What one of them took may be more than is known; then so may be the most, and the share less.
    sign = "≤ " if any(other.epoch is None for other in same) else ""
    most = max(other.petaflop_to_it or 0.0 for other in same)
    return [*cells, f"{sign}{one.petaflop_to_it / most:.2f}"]
