"""A network as a table of its layers and as a drawing (slides Fig 1, 7, 9, 10, 11)."""

from pathlib import Path

import matplotlib.pyplot as plt

from alexvgg.networks.counting import total
from alexvgg.reporting.png import save
from alexvgg.rows.row import Row

LAYER_COLORS = {"Conv2D": "#0072b2", "Dense": "#d55e00", "MaxPooling2D": "#009e73", "InputLayer": "#777777"}
OTHER = "#cc79a7"  # normalisation
WITHOUT_SHAPE = ("Flatten", "Dropout", "Activation")  # what these put out is drawn with the layer before
TALLEST, WIDEST = 3.2, 1.1  # of a box, in units of the drawing


def markdown(row: Row) -> str:
    """The layers of a trained network, one line each, and their sum."""
    summary, layers = row.summary, row.evaluation.layers
    lines = [
        f"# {summary.model}",
        "",
        f"{summary.architecture} for {summary.crop} × {summary.crop} px. FLOP: of one image's forward pass, "
        "two per multiply-add, in convolutions and dense layers.",
        "",
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
    """Every layer's output as a box: its height shows the side in pixels, its width the channels."""
    summary = row.summary
    layers = [one for one in row.evaluation.layers if one.layer.split()[0] not in WITHOUT_SHAPE]
    figure = plt.figure(figsize=(max(8.0, 0.55 * len(layers)), 5.2))
    axis = figure.add_axes((0, 0, 1, 0.94))
    x = 0.0
    for one in layers:
        width, height = _size(one.output, summary.crop)
        kind = one.layer.split()[0]
        axis.add_patch(
            plt.Rectangle((x, -height / 2), width, height, color=LAYER_COLORS.get(kind, OTHER), alpha=0.75, linewidth=0)
        )
        middle = x + width / 2
        axis.text(middle, TALLEST / 2 + 0.1, _shape(one.output), ha="center", va="bottom", rotation=90, fontsize=7)
        axis.text(middle, -TALLEST / 2 - 0.1, one.layer, ha="center", va="top", rotation=90, fontsize=7)
        x += width + 0.3
    axis.set_xlim(-0.3, x)
    axis.set_ylim(-TALLEST / 2 - 4.4, TALLEST / 2 + 1.6)
    axis.set_axis_off()
    axis.set_title(f"{summary.model}: {sum(one.parameters for one in layers):,} parameters", fontsize=10)
    save(figure, path)


def _operations(flop: int | None) -> str:
    return "unknown" if flop is None else f"{flop:,}"


def _size(output: list[int], crop: int) -> tuple[float, float]:
    """Width and height of a box for an output of any rank."""
    if len(output) < 2:
        return 0.15, TALLEST * min(1.0, max(0.1, sum(output) / 4096))
    side, channels = output[0] or 1, output[-1] or 1
    return 0.1 + WIDEST * channels / 512, TALLEST * min(1.0, max(0.04, (side / crop) ** 0.5))


def _shape(output: list[int]) -> str:
    return " × ".join(map(str, output))
