"""Figures of what was measured."""

import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from alexvgg.reporting.comparisons import Comparison
from alexvgg.reporting.palette import COLORS
from alexvgg.reporting.png import save
from alexvgg.rows.row import Row, by_model


def curves(path: Path, rows: list[Row], title: str) -> None:
    """Loss and accuracy by epoch: solid for validation, dashed for training, a colour a model, a line a seed.

    A dotted line shows where a model's crops grow.
    """
    figure, axes = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained")
    models = list(by_model(rows))
    for row in rows:
        model, history = row.summary.model, row.history
        color = COLORS[models.index(model) % len(COLORS)]
        for axis, measure in zip(axes, ("loss", "acc"), strict=True):
            axis.plot(history["epoch"], history[measure], "--", color=color, linewidth=1.2)
            axis.plot(history["epoch"], history[f"val_{measure}"], "-o", color=color, markersize=3, label=model)
            for epoch in history.loc[history["crop"].diff() > 0, "epoch"]:
                axis.axvline(epoch - 0.5, linestyle=":", color=color, linewidth=1)
    for axis, label in zip(axes, ("loss", "accuracy"), strict=True):
        axis.set_xlabel("epoch")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
        axis.xaxis.get_major_locator().set_params(integer=True)
    lines, labels = axes[1].get_legend_handles_labels()
    figure.legend(
        [lines[labels.index(model)] for model in models], models, loc="outside right upper",
        title="solid: validation\ndashed: training\ndotted: larger crops", fontsize=8, title_fontsize=8,
    )  # fmt: skip
    figure.suptitle(title)
    save(figure, path)


def comparison(path: Path, found: Comparison, rows: list[Row]) -> None:
    """Left: training (dashed) and validation error by epoch, mean and range over seeds. Right: what is compared."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained", width_ratios=(3, 2))
    for place, variant in enumerate(found.variants):
        color = COLORS[place % len(COLORS)]
        histories = [row.history for row in by_model(rows)[variant.model]]
        epochs = histories[0]["epoch"]
        for measure, line in (("acc", "--"), ("val_acc", "-")):
            errors = 1 - np.stack([history[measure].to_numpy() for history in histories])
            left.plot(epochs, errors.mean(axis=0), line, color=color, label=variant.name if line == "-" else None)
            left.fill_between(epochs, errors.min(axis=0), errors.max(axis=0), color=color, alpha=0.15, linewidth=0)
        deviation = 0.0 if np.isnan(variant.deviation) else variant.deviation
        right.bar([place], [variant.mean], yerr=[deviation], color=color, alpha=0.8, width=0.6, capsize=4)
        right.plot([place] * len(variant.values), variant.values, ".", color="#000000", markersize=5)
    left.set_xlabel("epoch")
    left.set_ylabel("error")
    left.xaxis.get_major_locator().set_params(integer=True)
    left.grid(alpha=0.3)
    left.legend(title="solid: validation, dashed: training", fontsize=8, title_fontsize=8)
    right.set_xticks(range(len(found.variants)), [variant.name for variant in found.variants], fontsize=8)
    right.set_ylabel(textwrap.fill(found.measured, 44), fontsize=8)
    right.grid(alpha=0.3, axis="y")
    figure.suptitle(f"{found.claim.slide}: {found.claim.title}")
    save(figure, path)
