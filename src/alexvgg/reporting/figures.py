"""Figures as PNG files; the same numbers give the same bytes."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from alexvgg import files
from alexvgg.geometry import crop_image

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


def curves(path: Path, histories: dict[str, pd.DataFrame], title: str) -> None:
    """Loss and accuracy by epoch: solid for validation, dashed for training, a colour a run."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for index, (run, history) in enumerate(histories.items()):
        color = COLORS[index % len(COLORS)]
        for axis, measure in zip(axes, ("loss", "acc"), strict=True):
            axis.plot(history["epoch"], history[measure], "--", color=color, linewidth=1.2)
            axis.plot(history["epoch"], history[f"val_{measure}"], "-o", color=color, markersize=3, label=run)
    for axis, label in zip(axes, ("loss", "accuracy"), strict=True):
        axis.set_xlabel("epoch")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[1].legend(title="solid: validation, dashed: training", fontsize=8, title_fontsize=8)
    figure.suptitle(title)
    save(figure, path)


def crops(path: Path, image: np.ndarray, resize: int, crop: int, seed: int) -> None:
    """One image, uint8 (side, side, 3), resized, with the window of each random crop; then the crops (slide Fig 5)."""
    draw = np.random.default_rng(seed)
    figure, axes = plt.subplots(2, 4, figsize=(10, 5.4), layout="constrained")
    whole = axes.flat[0]
    whole.imshow(crop_image(image, resize, resize, 0, 0, False))
    whole.set_title(f"resized to {resize}", fontsize=9)
    for index, axis in enumerate(axes.flat[1:]):
        top, left = (int(offset) for offset in draw.integers(0, resize - crop + 1, 2))
        color = COLORS[index % len(COLORS)]
        whole.add_patch(plt.Rectangle((left, top), crop - 1, crop - 1, fill=False, edgecolor=color))
        axis.imshow(crop_image(image, resize, crop, top, left, False))
        axis.set_title(f"{crop} px at ({top}, {left})", fontsize=9, color=color)
    for axis in axes.flat:
        axis.set_axis_off()
    save(figure, path)


def save(figure: plt.Figure, path: Path) -> None:
    """Write a figure as PNG, and forget it."""
    with files.replacing(path) as temporary:
        # Without metadata: it would hold the version of the library.
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
