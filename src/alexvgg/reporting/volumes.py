"""A network as people draw it: stages of volumes, each as high as a map's side and as wide as its channels.

Lengths are cube roots, so that an image of 227 pixels and 4096 units fit into one drawing: twice as long is eight times
as many. They are in units, of which a number 1 has one.
"""

import re
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate, groupby

from alexvgg.networks.counting import Layer

KINDS = ("input", "convolution", "pooling", "dense", "other")
WITHOUT_SHAPE = ("Flatten", "Dropout", "Activation", "Reshape")  # what these put out is drawn with the layer before
UNSAID = ("Flatten", "Activation")
SHORT = {
    "BatchNormalization": "batch norm", "LocalResponseNormalization": "local response norm", "Conv2D": "conv",
    "MaxPooling2D": "max pool", "AveragePooling2D": "average pool",
}  # fmt: skip
CHANNELS, VECTOR, SLANT = 0.35, 0.9, 0.4  # the width of a channel's unit and of a vector; depth on paper, as a share
MOST_VOLUMES, MOST_LINES = 6, 7  # of a stage
SCALE = "Twice as high or wide is eight times as many."

Point = tuple[float, float]


@dataclass(frozen=True)
class Volume:
    """What one layer puts out. `faces` has the corners of its front, top and side, with y upwards from the floor."""

    kind: str
    width: float
    height: float
    depth: float

    @property
    def faces(self) -> dict[str, list[Point]]:
        width, height, back = self.width, self.height, self.depth
        return {
            "front": [(0, 0), (width, 0), (width, height), (0, height)],
            "top": [(0, height), (width, height), (width + back, height + back), (back, height + back)],
            "side": [(width, 0), (width + back, back), (width + back, height + back), (width, height)],
        }


@dataclass(frozen=True)
class Stage:
    """Layers in a row whose maps have the same sides: what they put out, and what they are."""

    title: str
    volumes: list[Volume]
    lines: list[str]

    @property
    def width(self) -> float:
        return sum(volume.width for volume in self.volumes) + max((one.depth for one in self.volumes), default=0)

    @property
    def height(self) -> float:
        return max((one.height + one.depth for one in self.volumes), default=0)

    @property
    def placed(self) -> list[tuple[float, Volume]]:
        """The volumes and how far each is from the left, in the order in which they are to be drawn."""
        ends = accumulate(volume.width for volume in self.volumes)
        return [(end - volume.width, volume) for end, volume in zip(ends, self.volumes, strict=True)]


def length(number: int) -> float:
    """Of a side, of channels, of units; a side that is not known is as short as one."""
    return float(max(number, 1) ** (1 / 3))


def stages(layers: list[Layer]) -> list[Stage]:
    """The stages of a network, in order."""
    return [_stage(list(several)) for _, several in groupby(layers, key=lambda one: tuple(one.output[:-1]))]


def kinds(found: list[Stage]) -> list[str]:
    """The kinds of volumes that are drawn, for a legend."""
    drawn = {volume.kind for stage in found for volume in stage.volumes}
    return [kind for kind in KINDS if kind in drawn]


def in_words(found: list[Stage]) -> str:
    """The network in a sentence, for those who do not see the drawing."""
    return "; ".join(f"{stage.title}: {', '.join(stage.lines)}" for stage in found) + "."


def _stage(layers: list[Layer]) -> Stage:
    sides = layers[0].output[:-1]
    title = " × ".join(str(side or "?") for side in sides)
    if not sides:
        title = "dense" if any(kind(one) == "dense" for one in layers) else "vector"
    volumes = [_volume(one) for one in _drawn(layers)]
    counted = Counter(line for line in map(_line, layers) if line)
    lines = [line if count == 1 else f"{count} × {line}" for line, count in counted.items()]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"and {len(lines) - MOST_LINES + 1} others"]
    if len(volumes) > MOST_VOLUMES:
        lines.append(f"({MOST_VOLUMES} of {len(volumes)} drawn)")
    return Stage(title, volumes[:MOST_VOLUMES], lines)


def _drawn(layers: list[Layer]) -> list[Layer]:
    """Without those that put out what the layer before does: normalisation, sums, activations."""
    found: list[Layer] = []
    for one in layers:
        same = bool(found) and found[-1].output == one.output and kind(one) == "other"
        if not same and one.layer.split()[0] not in WITHOUT_SHAPE:
            found.append(one)
    return found


def _volume(one: Layer) -> Volume:
    if len(one.output) < 2:
        return Volume(kind(one), VECTOR, length(sum(one.output)), VECTOR * SLANT)
    side = length(one.output[0])
    return Volume(kind(one), CHANNELS * length(one.output[-1]), side, SLANT * side)


def kind(one: Layer) -> str:
    """Which of KINDS a layer is."""
    name = one.layer.split()[0]
    if name == "InputLayer":
        return "input"
    parts = {"Pool": "pooling", "Conv": "convolution", "Dense": "dense"}
    return next((found for part, found in parts.items() if part in name), "other")


def _line(one: Layer) -> str:
    """A layer in a few words: what it computes, its window, stride, channels; empty if that goes without saying."""
    name, _, rest = one.layer.partition(" ")
    if name in UNSAID:
        return ""
    if name == "InputLayer":
        return f"input, {one.output[-1]}" if one.output else "input"
    chosen = rest.split(", ") if rest else []
    numbers = [part for part in chosen if re.fullmatch(r"[\d.]+", part)]
    windows = [part.replace(" ", "") for part in chosen if " × " in part]
    stride = "".join(f"/{part.removeprefix('strides ')}" for part in chosen if part.startswith("strides "))
    what = SHORT.get(name) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
    if not windows:
        return " ".join([what, *numbers])
    return ", ".join([" ".join([what, *windows]) + stride, *numbers])
