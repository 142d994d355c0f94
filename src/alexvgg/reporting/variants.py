"""Models that are the first of the roster but for their settings, each against it."""

from typing import Any

from alexvgg.reporting.ablations import Variant, finding
from alexvgg.reporting.results import Run, by_model
from alexvgg.reporting.table import grid

HEADINGS = ["Model", "Differs in", "Val_ACC", "Difference", "95 % interval"]
NOTE = """\
The interval of a difference is a 95 % t interval from the variance between seeds, pooled over the models; where it \
is wider than the difference, the seeds do not tell the two apart."""
ONE_SEED = "One seed, so nothing is said about chance."


def markdown(runs: list[Run]) -> str:
    """A section for `results.md`; empty if there is nothing to compare."""
    found = cells(runs)
    return f"\n## {title(runs)}\n\n{grid(*found)}\n\n{note(runs)}\n" if found[1] else ""


def title(runs: list[Run]) -> str:
    return f"Against {runs[0].summary['model']}"


def note(runs: list[Run]) -> str:
    """What the columns mean."""
    return NOTE if len({run.summary["seed"] for run in runs}) > 1 else ONE_SEED


def cells(runs: list[Run]) -> tuple[list[str], list[list[str]]]:
    """Headings and lines of a table; no lines if no other model has the first one's architecture and size."""
    reference, *others = by_model(runs).values()
    same = [several for several in others if _size(several[0]) == _size(reference[0])]
    return HEADINGS, _lines(reference, same) if same else []


def differences(summary: dict[str, Any], reference: dict[str, Any]) -> str:
    """The settings of a model that are not the reference's, with their values."""
    here, there = ({**one["options"], **one["recipe"]} for one in (summary, reference))
    changed = [f"{name} {_value(here[name])}" for name in here if name not in there or here[name] != there[name]]
    return ", ".join(changed) or "nothing"


def _lines(reference: list[Run], others: list[list[Run]]) -> list[list[str]]:
    variants = [_variant(several) for several in (reference, *others)]
    first = variants[0]
    lines = [[first.model, "", first.spread, "", ""]]
    for variant, several in zip(variants[1:], others, strict=True):
        found = finding(variant, first, variants, no_better=False)
        interval = "–" if found.interval != found.interval else f"± {found.interval:.4f}"
        what = differences(several[0].summary, reference[0].summary)
        lines.append([variant.model, what, variant.spread, f"{found.difference:+.4f}", interval])
    return lines


def _variant(runs: list[Run]) -> Variant:
    model = runs[0].summary["model"]
    return Variant(model, model, [run.metrics["val_acc"] for run in runs])


def _size(run: Run) -> tuple[str, int]:
    return run.summary["architecture"], run.summary["crop"]


def _value(value: Any) -> str:
    return "none" if value in (None, []) else f"{value:g}" if isinstance(value, float) else str(value).lower()
