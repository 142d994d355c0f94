"""Models that differ from the first of the roster in their settings alone, each compared with it."""

from typing import Any

from alexvgg.reporting.comparisons import Variant, difference
from alexvgg.reporting.table import grid
from alexvgg.rows.row import Row, by_model
from alexvgg.rows.summary import Summary

HEADINGS = ["Model", "Differs in", "Val_ACC", "Difference", "95 % interval"]
NOTE = """\
The interval of a difference is a 95 % t interval from the variance between seeds, pooled over the models; where it \
is wider than the difference, the difference is not significant."""
ONE_SEED = "One seed, so nothing is said about chance."


def markdown(rows: list[Row]) -> str:
    """A section for `results.md`; empty if there is nothing to compare."""
    found = cells(rows)
    return f"\n## {title(rows)}\n\n{grid(*found)}\n\n{note(rows)}\n" if found[1] else ""


def title(rows: list[Row]) -> str:
    return f"Compared with {rows[0].summary.model}"


def note(rows: list[Row]) -> str:
    """What the columns mean."""
    return NOTE if len({row.summary.seed for row in rows}) > 1 else ONE_SEED


def cells(rows: list[Row]) -> tuple[list[str], list[list[str]]]:
    """Headings and lines of a table; no lines if no other model has the first one's architecture and size."""
    reference, *others = by_model(rows).values()
    same = [several for several in others if _size(several[0]) == _size(reference[0])]
    return HEADINGS, _lines(reference, same) if same else []


def differences(summary: Summary, reference: Summary) -> str:
    """The settings of a model that are not the reference's, with their values."""
    here, there = ({**one.options, **one.recipe.model_dump()} for one in (summary, reference))
    changed = [f"{name} {_value(here[name])}" for name in here if name not in there or here[name] != there[name]]
    return ", ".join(changed) or "nothing"


def _lines(reference: list[Row], others: list[list[Row]]) -> list[list[str]]:
    variants = [_variant(several) for several in (reference, *others)]
    first = variants[0]
    lines = [[first.model, "", first.spread, "", ""]]
    for variant, several in zip(variants[1:], others, strict=True):
        found = difference(variant, first, variants, no_better=False)
        interval = "–" if found.interval != found.interval else f"± {found.interval:.4f}"
        what = differences(several[0].summary, reference[0].summary)
        lines.append([variant.model, what, variant.spread, f"{found.difference:+.4f}", interval])
    return lines


def _variant(rows: list[Row]) -> Variant:
    model = rows[0].summary.model
    return Variant(model, model, [row.summary.val_acc for row in rows])


def _size(row: Row) -> tuple[str, int]:
    return row.summary.architecture, row.summary.crop


def _value(value: Any) -> str:
    return "none" if value in (None, []) else f"{value:g}" if isinstance(value, float) else str(value).lower()
