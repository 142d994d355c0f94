"""A network drawn with PowerPoint's own shapes: a column a stage, a box a layer, and where the parameters are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.util import Inches, Pt

from alexvgg.networks.counting import Layer
from alexvgg.reporting.presentation import master, shapes, style
from alexvgg.reporting.presentation.style import Box
from alexvgg.reporting.presentation.tables import Table

NAMES = {
    "Conv2D": "Conv", "MaxPooling2D": "Max pool", "AveragePooling2D": "Mean pool", "BatchNormalization": "batch norm",
    "LocalResponseNormalization": "LRN",
}  # fmt: skip
LEFT_OUT = ("InputLayer", "Flatten", "Dropout", "Activation")
MOST_COLUMNS = 8
GAP, INSET = 0.18, 0.08  # between columns and boxes; inside a box
BARS, CAPTION = 0.75, 0.82  # the height of the highest bar; of the two lines above it and the one below
SHOWN = re.compile(r"^\d|^strides")  # of what was chosen about a layer: sizes


@dataclass(frozen=True)
class Drawn:
    """A layer, or several equal ones in a row, as a box."""

    kind: str
    title: str
    details: str
    parameters: int
    times: int = 1

    @property
    def text(self) -> str:
        """The lines of the box."""
        title = self.title + (f", {self.times} times" if self.times > 1 else "")
        return f"{title}\n{self.details}" if self.details else title


@dataclass
class Stage:
    """Layers up to a pooling, or all dense ones; `output` is what leaves it."""

    boxes: list[Drawn] = field(default_factory=list)
    output: list[int] = field(default_factory=list)

    @property
    def parameters(self) -> int:
        return sum(one.parameters for one in self.boxes)


def stages(layers: list[Layer]) -> list[Stage]:
    """The network in columns."""
    found: list[Stage] = [Stage()]
    for one in layers:
        kind = one.layer.split()[0]
        if kind in LEFT_OUT:
            continue
        if "Normalization" in kind or "Normalisation" in kind:
            _fold(found, one)
            continue
        if found[-1].boxes and _begins(found[-1], kind, one):
            found.append(Stage())
        found[-1].boxes.append(_box(kind, one))
        found[-1].output = one.output
    return [stage for stage in found if stage.boxes]


def fits(found: list[Stage], room: Box) -> bool:
    """Whether the columns can be drawn at a size that can be read."""
    if not 0 < len(found) <= MOST_COLUMNS:
        return False
    return _fits(found, room, style.SMALL)


def collapsed(found: list[Stage]) -> list[Stage]:
    """The same with equal layers that follow each other in one box."""
    return [Stage(_runs(stage.boxes), stage.output) for stage in found]


def draw(slide: Any, found: list[Stage], room: Box, description: str) -> None:
    """The columns; under each what leaves it, and a bar for its share of the parameters."""
    column, size = _column(found, room), _size(found, room)
    whole, most = sum(stage.parameters for stage in found) or 1, max(stage.parameters for stage in found) or 1
    group = slide.shapes.add_group_shape()
    group._element.nvGrpSpPr.cNvPr.set("descr", description)
    for place, stage in enumerate(found):
        left, top = room.left + place * (column + GAP), room.top
        for one, height in zip(stage.boxes, _heights(stage, column, size), strict=True):
            _shape(group, one, Box(left, top, column, height - GAP / 2), size)
            top += height
        output = Box(left, room.bottom - BARS - CAPTION + 0.1, column, 0.26)
        shapes.write(group, output, " × ".join(map(str, stage.output)), style.SMALL, style.MUTED)
        high = max(0.02, BARS * stage.parameters / most)
        shapes.block(group, Box(left, room.bottom - high, column, high),
                     style.ACCENT if stage.parameters == most else style.MUTED)  # fmt: skip
        share = Box(left, room.bottom - high - 0.29, column, 0.26)
        words = f"{100 * stage.parameters / whole:.1f} %"
        shapes.write(group, share, words, style.SMALL, style.INK, bold=True)


def as_table(layers: list[Layer], room: int) -> Table:
    """For a network that is too large to draw: its first layers as lines."""
    lines = [[one.layer, " × ".join(map(str, one.output)), f"{one.parameters:,}"] for one in layers]
    left = len(lines) - room
    if left > 0:
        rest = sum(one.parameters for one in layers[room - 1 :])
        lines = [*lines[: room - 1], [f"{left + 1} more layers", "", f"{rest:,}"]]
    return Table(["Layer", "Output", "Parameters"], lines, "lrr")


def _begins(before: Stage, kind: str, one: Layer) -> bool:
    """Whether a layer begins a stage: after a pooling, at the first dense layer, or where images become smaller."""
    last = before.boxes[-1].kind
    if "Pooling" in last or ("Dense" in kind and "Dense" not in last):
        return True
    smaller = len(one.output) > 1 and len(before.output) > 1 and one.output[0] < before.output[0]
    return smaller and "Pooling" not in kind


def _box(kind: str, one: Layer) -> Drawn:
    chosen = [part for part in one.layer[len(kind) :].strip().split(", ") if SHOWN.match(part)]
    name = NAMES.get(kind, kind)
    if "Conv" in kind or "Dense" in kind:
        return Drawn(kind, " ".join([name, *chosen[:1]]), ", ".join(chosen[1:]), one.parameters)
    return Drawn(kind, name, ", ".join(chosen), one.parameters)


def _fold(found: list[Stage], one: Layer) -> None:
    """A normalisation is written in the box of the layer before it."""
    stage = next((stage for stage in reversed(found) if stage.boxes), None)
    kind = one.layer.split()[0]
    name = NAMES.get(kind, kind)
    if stage is None:
        found[-1].boxes.append(Drawn(kind, name, "", one.parameters))
        found[-1].output = one.output
        return
    last = stage.boxes[-1]
    details = f"{last.details}, {name}" if last.details else name
    stage.boxes[-1] = replace(last, details=details, parameters=last.parameters + one.parameters)


def _runs(boxes: Iterable[Drawn]) -> list[Drawn]:
    found: list[Drawn] = []
    for one in boxes:
        if found and (found[-1].kind, found[-1].title, found[-1].details) == (one.kind, one.title, one.details):
            both = found[-1].parameters + one.parameters
            found[-1] = replace(found[-1], parameters=both, times=found[-1].times + 1)
        else:
            found.append(one)
    return found


def _column(found: list[Stage], room: Box) -> float:
    return min(3.2, (room.width - GAP * (len(found) - 1)) / len(found))


def _size(found: list[Stage], room: Box) -> int:
    """The largest letters with which the boxes fit."""
    return next((size for size in (style.TEXT, style.CELL) if _fits(found, room, size)), style.SMALL)


def _fits(found: list[Stage], room: Box, size: int) -> bool:
    column = _column(found, room)
    return all(sum(_heights(stage, column, size)) <= room.height - BARS - CAPTION for stage in found)


def _heights(stage: Stage, column: float, size: int) -> list[float]:
    """Of each box with the gap below it."""
    inside = column - 2 * INSET
    return [style.height(one.text, size, inside, bold=True) + 2 * INSET + GAP / 2 for one in stage.boxes]


def _shape(group: Any, one: Drawn, box: Box, size: int) -> None:
    dense, pooling = "Dense" in one.kind, "Pooling" in one.kind
    shape = shapes.block(group, box, style.INK if dense else style.GREY if pooling else style.ACCENT)
    color = style.INK if pooling else style.WHITE
    frame = shape.text_frame
    master.flush(frame)
    frame.margin_left = frame.margin_right = Inches(INSET)
    frame.vertical_anchor = MSO_ANCHOR.MIDDLE
    frame.text = one.text
    for place, paragraph in enumerate(frame.paragraphs):
        paragraph.alignment = PP_ALIGN.LEFT
        paragraph.font.size, paragraph.font.bold = Pt(size), place == 0
        paragraph.font.color.theme_color = color
