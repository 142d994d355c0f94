"""Models of one architecture, size and number of epochs: each compared with the first of them in the roster."""

from typing import Any

from alexvgg.reporting.comparisons import Difference, Variant, difference
from alexvgg.reporting.table import grid
from alexvgg.rows.row import Row, by_model
from alexvgg.rows.summary import Summary

HEADINGS = ["Model", "Differs in", "Val_ACC", "Difference", "95 % interval"]
NOTE = """\
The interval of a difference is a 95 % t interval from the variance between seeds, pooled over the models; where it \
is wider than the difference, the difference is not significant."""
ONE_SEED = "One seed, so nothing is said about chance."


def groups(rows: list[Row]) -> list[list[Row]]:
    """Rows of models that are compared with each other, by the order of the roster; models alone are left out."""
    found: dict[tuple[str, int, int], list[Row]] = {}
    for row in rows:
        summary = row.summary
        found.setdefault((summary.architecture, summary.crop, summary.recipe.epochs), []).append(row)
    return [several for several in found.values() if len(by_model(several)) > 1]


def markdown(rows: list[Row]) -> str:
    """Sections for `results.md`; empty if there is nothing to compare."""
    return "".join(f"\n## {title(one)}\n\n{grid(*cells(one))}\n\n{note(one)}\n" for one in groups(rows))


def title(group: list[Row]) -> str:
    return f"Compared with {group[0].summary.model}"


def note(group: list[Row]) -> str:
    """What the columns mean."""
    return NOTE if len({row.summary.seed for row in group}) > 1 else ONE_SEED


def cells(group: list[Row]) -> tuple[list[str], list[list[str]]]:
    """Headings and lines of a table."""
    first, reference = _variant(group, group[0].summary.model), group[0].summary
    lines = [[first.model, "", first.spread, "", ""]]
    of_model = {name: rows[0].summary for name, rows in by_model(group).items()}
    for one in compared(group):
        what = differences(of_model[one.variant.model], reference)
        lines.append([one.variant.model, what, one.variant.spread, f"{one.difference:+.4f}", one.half_width])
    return HEADINGS, lines


def compared(group: list[Row]) -> list[Difference]:
    """Each model but the first with the first."""
    first, *others = every = [_variant(rows, model) for model, rows in by_model(group).items()]
    return [difference(one, first, every, no_better=False) for one in others]


def differences(summary: Summary, reference: Summary) -> str:
    """The settings of a model that are not the reference's, with their values."""
    here, there = ({**one.options, **one.recipe.model_dump()} for one in (summary, reference))
    changed = [f"{name} {_value(here[name])}" for name in here if name not in there or here[name] != there[name]]
    return ", ".join(changed) or "nothing"


def _variant(rows: list[Row], model: str) -> Variant:
    return Variant(model, model, [row.summary.val_acc for row in rows if row.summary.model == model])


def _value(value: Any) -> str:
    return "none" if value in (None, []) else f"{value:g}" if isinstance(value, float) else str(value).lower()
