"""Curves by epoch, each named at its end."""

from itertools import cycle
from typing import Any

import numpy as np

from alexvgg.reporting.comparisons import Comparison
from alexvgg.reporting.palette import COLORS
from alexvgg.reporting.presentation import chart
from alexvgg.reporting.presentation.chart import End
from alexvgg.reporting.presentation.style import Box
from alexvgg.rows.row import Row, by_model

TOGETHER = 3  # models whose training and validation can be told apart in one panel
MOST = 14  # models that can be named beside a chart
DASHES = (0, (4, 2))


def by_epoch(rows: list[Row], measure: str, label: str, box: Box, printed: dict[str, float]) -> bytes:
    """`loss` or `acc`; `printed` has the talk's number, by model.

    Up to three models share a panel: solid for validation, dashed for training. More have a panel each for both.
    """
    models = by_model(rows)
    separate = len(models) > TOGETHER
    titles = (f"{label} in training", f"{label} in validation") if separate else (label,)
    with chart.styled():
        figure, axes = chart.figure(box, 2 if separate else 1)
        left, right = axes[0], axes[-1]
        ends = {}
        for color, (model, several) in zip(cycle(COLORS), models.items(), strict=False):
            _line(left, several, measure, color, "-" if separate else DASHES)
            ends[model] = _line(right, several, f"val_{measure}", color, "-")
            for epoch in several[0].history.loc[several[0].history["crop"].diff() > 0, "epoch"]:
                right.axvline(epoch - 0.5, linestyle=":", color=color, linewidth=1.4)
        for model, value in printed.items():
            _printed(right, model, value, ends[model].color)
        for axis, title in zip(axes, titles, strict=True):
            _by_epoch(axis, title)
        named = dict(list(ends.items())[:MOST])
        figure.subplots_adjust(left=0.07, right=_right(named, box), top=0.9, bottom=0.14, wspace=0.06)
        chart.name_ends(right, named, box.height)
        return chart.png(figure)


def errors(found: Comparison, rows: list[Row], box: Box) -> bytes:
    """The training error of each variant of a comparison."""
    models, ends = by_model(rows), {}
    with chart.styled():
        figure, [axis] = chart.figure(box)
        for color, variant in zip((chart.MUTED, *COLORS), found.variants, strict=False):
            ends[variant.name] = _line(axis, models[variant.model], "acc", color, "-", error=True)
        _by_epoch(axis, "training error")
        figure.subplots_adjust(left=0.13, right=_right(ends, box), top=0.88, bottom=0.18)
        chart.name_ends(axis, ends, box.height)
        return chart.png(figure)


def _line(axis: Any, several: list[Row], measure: str, color: str, dashes: Any, error: bool = False) -> End:
    """Mean and range over seeds; where the mean ends."""
    values = np.stack([row.history[measure].to_numpy() for row in several])
    values = 1 - values if error else values
    epochs, mean = several[0].history["epoch"].to_numpy(), values.mean(axis=0)
    solid = dashes == "-"
    marker = "o" if solid and len(epochs) <= 20 else None
    axis.plot(epochs, mean, linestyle=dashes, color=color, linewidth=2.4 if solid else 1.6, marker=marker, markersize=5)
    axis.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=color, alpha=0.15, linewidth=0)
    return End(float(epochs[-1]), float(mean[-1]), color)


def _printed(axis: Any, model: str, value: float, color: str) -> None:
    """A line at what the talk prints."""
    axis.axhline(value, color=color, linewidth=1.4, alpha=0.6)
    words, across = f"the talk's {model}: {value:.4f}", axis.get_yaxis_transform()
    axis.text(0.01, value, words, transform=across, color=color, va="bottom", fontsize=chart.LETTER)


def _by_epoch(axis: Any, title: str) -> None:
    """What is drawn is written above it: letters that lie on their side are hard to read."""
    axis.set_title(title, loc="left", color=chart.MUTED, fontsize=chart.NAME)
    axis.set_xlabel("epoch")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.locator_params(axis="y", nbins=7)
    if max(line.get_xdata()[-1] for line in axis.lines) == 1:
        axis.set_xlim(0.5, 1.5)


def _right(ends: dict[str, End], box: Box) -> float:
    """Where an axis has to end so that names fit beside it."""
    return 1 - (chart.wide([chart.short(name) for name in ends]) + 0.3) / box.width
