"""A network as a table of its layers and as a drawing (slides Fig 1, 7, 9, 10, 11)."""

import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from alexvgg.networks.counting import total
from alexvgg.reporting import likeness, volumes
from alexvgg.reporting.png import save
from alexvgg.reporting.volumes import Stage, Volume
from alexvgg.rows.row import Row

COLORS = {
    "input": "#6e7781", "convolution": "#0072b2", "pooling": "#009e73", "dense": "#d55e00", "other": "#a9508a",
}  # fmt: skip
FACES = {"front": 1.0, "top": 0.6, "side": 0.8}  # how much of its colour
WIDTH, MARGIN, GAP = 12.3, 0.1, 0.15  # inches: of the drawing, around it, at least between stages
UNIT = 0.15  # inches
TEXT, LINE, LETTERS = 12, 0.215, 130  # points, inches from one line to the next, and characters a line
SOFT = "#59636e"


def markdown(row: Row) -> str:
    """The layers of a trained network, one line each, and their sum."""
    summary, layers = row.summary, row.evaluation.layers
    lines = [
        f"# {summary.model}",
        "",
        f"{summary.architecture} for {summary.crop} × {summary.crop} px. FLOP: of one image's forward pass, "
        "two per multiply-add, in convolutions and dense layers.",
        "",
        *([likeness.in_words(row), ""] if likeness.in_words(row) else []),
        "| layer | output | parameters | FLOP |",
        "| --- | ---: | ---: | ---: |",
        *[
            f"| {one.layer} | {' × '.join(map(str, one.output))} | {one.parameters:,} | {_operations(one.flop)} |"
            for one in layers
        ],
        f"| all | | {sum(one.parameters for one in layers):,} | {_operations(total(one.flop for one in layers))} |",
    ]
    return "\n".join(lines) + "\n"


def draw(path: Path, row: Row) -> None:
    """Stages from left to right, what they are below them; a network with many stages goes on in the next line."""
    layers = row.evaluation.layers
    found = volumes.stages(layers)
    lines = _broken(found)
    said = textwrap.wrap(likeness.in_words(row), LETTERS)
    above = [UNIT * max(stage.height for stage in line) + LINE for line in lines]
    below = [LINE * (1.5 + max(len(stage.lines) for stage in line)) for line in lines]
    height = (2 + len(said)) * LINE + sum(above) + sum(below) + 2 * LINE
    figure = plt.figure(figsize=(WIDTH, height))
    axis = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, height))
    axis.set_axis_off()
    parameters = f"{row.summary.model}: {sum(one.parameters for one in layers):,} parameters"
    axis.text(MARGIN, height - LINE, parameters, fontsize=TEXT + 2, fontweight="bold", va="center")
    for place, text in enumerate(said, start=2):
        axis.text(MARGIN, height - place * LINE, text, fontsize=TEXT, va="center", color=SOFT)
    top = height - (2 + len(said)) * LINE
    for line, high, low in zip(lines, above, below, strict=True):
        _line(axis, line, top - high)
        top -= high + low
    _legend(axis, volumes.kinds(found))
    save(figure, path)


def _written(text: str, weight: str = "normal") -> float:
    """Inches that a text is wide."""
    return float(TextPath((0, 0), text, size=TEXT, prop=FontProperties(weight=weight)).get_extents().width / 72)


def _room(stage: Stage) -> float:
    """Inches that a stage takes, with its text."""
    return max(stage.width * UNIT, _written(stage.title, weight="bold"), *map(_written, stage.lines))


def _broken(found: list[Stage]) -> list[list[Stage]]:
    """As many stages a line as the drawing is wide."""
    lines: list[list[Stage]] = [[]]
    left = WIDTH - 2 * MARGIN
    for stage in found:
        if lines[-1] and _room(stage) > left:
            lines.append([])
            left = WIDTH - 2 * MARGIN
        lines[-1].append(stage)
        left -= _room(stage) + GAP
    return lines


def _line(axis: Axes, line: list[Stage], floor: float) -> None:
    """Stages that stand on one floor, spread over the width."""
    rooms = [_room(stage) for stage in line]
    gap = min(4 * GAP, (WIDTH - 2 * MARGIN - sum(rooms)) / max(1, len(line) - 1))
    x = MARGIN
    for stage, room in zip(line, rooms, strict=True):
        for left, volume in stage.placed:
            _volume(axis, volume, x + UNIT * left, floor)
        axis.text(x, floor - LINE, stage.title, fontsize=TEXT, fontweight="bold", va="center")
        for place, text in enumerate(stage.lines, start=2):
            axis.text(x, floor - place * LINE, text, fontsize=TEXT, va="center")
        x += room + gap


def _volume(axis: Axes, volume: Volume, left: float, floor: float) -> None:
    for face, corners in volume.faces.items():
        points = [(left + UNIT * across, floor + UNIT * up) for across, up in corners]
        shade = to_hex([1 - FACES[face] * (1 - part) for part in to_rgb(COLORS[volume.kind])])
        axis.add_patch(plt.Polygon(points, facecolor=shade, edgecolor="white", linewidth=0.8))


def _legend(axis: Axes, kinds: list[str]) -> None:
    x = MARGIN
    for kind in kinds:
        axis.add_patch(plt.Rectangle((x, 0.7 * LINE), 0.6 * LINE, 0.6 * LINE, color=COLORS[kind], linewidth=0))
        axis.text(x + 0.9 * LINE, LINE, kind, fontsize=TEXT, va="center")
        x += 0.9 * LINE + _written(kind) + 2 * GAP
    axis.text(x + GAP, LINE, volumes.SCALE, fontsize=TEXT, va="center", color=SOFT)


def _operations(flop: int | None) -> str:
    return "unknown" if flop is None else f"{flop:,}"
