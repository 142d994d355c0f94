"""Drawings as PNG files: the same numbers give the same bytes."""

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt

from alexvgg.system import files

matplotlib.rcdefaults()  # a `matplotlibrc` in the project's folder goes before all others
matplotlib.use("Agg")


def save(figure: plt.Figure, path: Path) -> None:
    """Write a figure as PNG, and forget it."""
    with files.replacing(path) as temporary:
        # Without metadata: it would hold the version of the library.
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
