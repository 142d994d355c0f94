"""Charts of the deck: PNG of the size at which they are shown, so that their letters are as large as the slide's."""

import io
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt

import alexvgg.reporting.png  # noqa: F401 - how matplotlib is set up
from alexvgg.reporting.presentation import style
from alexvgg.reporting.presentation.style import Box

INK, MUTED, GREY = (f"#{style.HEX[color]}" for color in (style.INK, style.MUTED, style.GREY))
DOTS = 170  # an inch
LETTER, NAME = 14, 15  # sizes: of axes, of names
LONGEST = 2.6  # inches, of a name, before it is drawn broader
BROADER = 1.18  # DejaVu's letters, with which matplotlib draws everywhere, than Arial's
STYLE = {
    "font.size": LETTER, "axes.labelsize": LETTER, "xtick.labelsize": LETTER, "ytick.labelsize": LETTER,
    "axes.edgecolor": MUTED, "axes.labelcolor": MUTED, "xtick.color": MUTED, "ytick.color": MUTED,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": GREY,
    "axes.axisbelow": True, "text.color": INK,
}  # fmt: skip


@dataclass(frozen=True)
class End:
    """Where a line ends, and its colour."""

    x: float
    y: float
    color: str


def styled() -> Any:
    """A context in which charts look like the deck."""
    return plt.rc_context(STYLE)


def figure(box: Box, columns: int = 1) -> tuple[Any, Any]:
    """An empty chart of the size of its place, with axes side by side."""
    made, axes = plt.subplots(1, columns, figsize=(box.width, box.height), sharey=True, squeeze=False)
    return made, axes[0]


def png(made: Any) -> bytes:
    """The picture, without metadata: it would hold the version of the library."""
    written = io.BytesIO()
    made.savefig(written, format="png", dpi=DOTS, metadata={"Software": None})
    plt.close(made)
    return written.getvalue()


def wide(names: list[str], size: int = NAME) -> float:
    """Inches that the longest of these takes."""
    return max(style.width(line, size) for name in names for line in name.split("\n")) * BROADER


def short(name: str) -> str:
    """A name as long as there is room for beside a chart."""
    return style.abridged(name, NAME, LONGEST)


def name_ends(axis: Any, ends: dict[str, End], height: float) -> None:
    """Names to the right of an axis, moved apart where they would cover each other; `height` is the chart's."""
    low, high = axis.get_ylim()
    line = style.LINE * NAME / 72 / (height * axis.get_position().height) * (high - low)
    places = apart({name: end.y for name, end in ends.items()}, line, low, high)
    last = axis.get_xlim()[1]
    arrow = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.8, "linestyle": ":", "relpos": (0, 0.5)}
    for name, end in ends.items():
        axis.annotate(
            short(name), (end.x, end.y), (1.02, places[name]), textcoords=axis.get_yaxis_transform(), color=end.color,
            va="center", fontsize=NAME, annotation_clip=False, arrowprops=arrow,
        )  # fmt: skip
    axis.set_xlim(right=last)


def apart(wanted: dict[str, float], line: float, low: float, high: float) -> dict[str, float]:
    """Heights at least a line apart, each as near as may be to what is wanted."""
    order = sorted(wanted, key=lambda name: wanted[name])
    found: dict[str, float] = {}
    below = low - line / 2
    for name in order:
        below = found[name] = max(wanted[name], below + line)
    above = high + line / 2
    for name in reversed(order):
        above = found[name] = min(found[name], above - line)
    return found
