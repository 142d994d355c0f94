"""Charts with a line a model, or a variant: dots, intervals and bars, named at the left, in numbers at the right."""

from typing import Any

import pandas as pd

from alexvgg.reporting.comparisons import Comparison
from alexvgg.reporting.effort import Effort
from alexvgg.reporting.palette import COLORS
from alexvgg.reporting.presentation import chart
from alexvgg.reporting.presentation.style import Box

MOST = 14  # lines that a chart has room for
MEASURES = {"val_error": "validation error", "gap": "training less validation accuracy"}


def intervals(results: pd.DataFrame, box: Box) -> bytes:
    """Accuracy on the test images with its 95 % interval, the best model first."""
    shown = results.sort_values("test_acc", ascending=False, kind="stable")[:MOST].to_dict("records")
    names = [one["model"] if one["finished"] else f"{one['model']} (stopped)" for one in shown]
    with chart.styled():
        figure, [axis] = chart.figure(box)
        for place, one in enumerate(shown):
            color = COLORS[0] if place == 0 else chart.MUTED
            axis.plot([one["test_acc_low"], one["test_acc_high"]], [place] * 2, color=color, linewidth=5, alpha=0.45)
            axis.plot([one["test_acc"]], [place], "o", color=color, markersize=11)
        axis.margins(x=0.08)
        axis.set_xlabel("accuracy on the test images")
        _label(figure, axis, names, [_accuracy(one) for one in shown], box)
        return chart.png(figure)


def efforts(found: list[Effort], shares: list[str], box: Box) -> bytes:
    """Arithmetic of each training; the part until the talk's accuracy in colour. `shares` are the report's."""
    shown = found[:MOST]
    with chart.styled():
        figure, [axis] = chart.figure(box)
        for place, one in enumerate(shown):
            axis.barh([place], [one.petaflop or 0.0], color=chart.MUTED, alpha=0.35, height=0.5)
            if one.epoch is not None:
                axis.barh([place], [one.petaflop_to_it or 0.0], color=COLORS[0], height=0.5)
        axis.locator_params(axis="x", nbins=6)
        axis.set_xlabel("PFLOP")
        said = [_effort(one, share) for one, share in zip(shown, shares, strict=False)]
        _label(figure, axis, [one.model for one in shown], said, box)
        return chart.png(figure)


def variants(found: Comparison, box: Box) -> bytes:
    """A dot for every seed of each variant, and a mark for their mean."""
    with chart.styled():
        figure, [axis] = chart.figure(box)
        for place, one in enumerate(found.variants):
            color = chart.MUTED if place == 0 else COLORS[0]
            axis.plot(one.values, [place] * len(one.values), "o", color=color, markersize=7, alpha=0.45)
            axis.plot([one.mean], [place], "|", color=color, markersize=24, markeredgewidth=3.5)
        axis.margins(x=0.12)
        axis.locator_params(axis="x", nbins=3)
        axis.set_xlabel(MEASURES[found.claim.measure], loc="right")
        _label(figure, axis, [one.name for one in found.variants], [], box)
        return chart.png(figure)


def _label(figure: Any, axis: Any, names: list[str], said: list[str], box: Box) -> None:
    """Names at the left of the lines and what is said of them at their right."""
    names = [chart.short(name) for name in names]
    axis.set_yticks(range(len(names)), names, fontsize=chart.NAME, color=chart.INK)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.grid(axis="y", visible=False)
    for place, words in enumerate(said):
        across = axis.get_yaxis_transform()
        axis.text(1.02, place, words, transform=across, va="center", fontsize=chart.NAME, linespacing=1.1)
    left = (chart.wide(names) + 0.25) / box.width
    right = 1 - (chart.wide(said) + 0.2 if said else 0.25) / box.width
    figure.subplots_adjust(left=left, right=right, top=0.98, bottom=0.75 / box.height)


def _accuracy(one: dict[Any, Any]) -> str:
    interval = f"{one['test_acc']:.4f} ({one['test_acc_low']:.4f}–{one['test_acc_high']:.4f})"
    return interval if pd.isna(one["test_top5"]) else f"{interval}, top-5 {one['test_top5']:.4f}"


def _effort(one: Effort, share: str) -> str:
    if one.petaflop is None:
        return "not counted"
    whole = f"{one.petaflop:.3g} PFLOP"
    if one.printed is None or one.petaflop_to_it is None:
        return whole
    if one.epoch is None:
        return f"{whole}; {one.printed:.4f} not reached"
    most = "" if share == "–" else f" ({share} of the most)"
    return f"{whole}\n{one.petaflop_to_it:.3g} to reach {one.printed:.4f}{most}"
