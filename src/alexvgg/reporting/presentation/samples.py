"""Images of the data, for the deck."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from alexvgg.data.arrays import Description
from alexvgg.data.dataset import Split
from alexvgg.reporting.palette import COLORS
from alexvgg.reporting.pictures import crop_image
from alexvgg.reporting.presentation.style import Box

EACH, MOST_GROUPS = 5, 20  # images of a group; groups that a slide has room for
NAME, GAP = 0.3, 0.16  # inches: the line with a group's name; between two groups
SIDE = 120  # pixels, at least, of an image in the deck
WINDOWS = 3


@dataclass(frozen=True)
class Picture:
    """A PNG with its place, and what it shows."""

    png: bytes
    box: Box
    name: str
    room: float  # inches, for the name


def groups(test: Split, description: Description, room: Box) -> list[Picture]:
    """Test images of every group of classes, those of its classes in turn."""
    members = list(description.groups.items())[:MOST_GROUPS]
    columns, side = _columns(len(members), room)
    width = (room.width - GAP * (columns - 1)) / columns
    found = []
    for place, (name, classes) in enumerate(members):
        chosen = _in_turn(test, [description.classes.index(one) for one in classes])
        left = room.left + place % columns * (width + GAP)
        top = room.top + place // columns * (side + NAME + GAP)
        box = Box(left, top + NAME, side * len(chosen), side)
        found.append(Picture(_strip([test.images[index] for index in chosen]), box, name, width))
    return found


def windows(image: np.ndarray, resize: int, crop: int, room: Box) -> list[Picture]:
    """A whole image with the windows of random crops in it, and what is in each."""
    draw = np.random.default_rng(0)
    scale = max(1, round(560 / resize))
    whole = Image.fromarray(crop_image(image, resize, resize, 0, 0))
    whole = whole.resize((resize * scale, resize * scale), Image.Resampling.NEAREST)
    pen, places = ImageDraw.Draw(whole), []
    for color in COLORS[:WINDOWS]:
        top, left = (int(offset) for offset in draw.integers(0, resize - crop + 1, 2))
        corners = [left, top, left + crop, top + crop]
        pen.rectangle([edge * scale - (place > 1) for place, edge in enumerate(corners)], outline=color, width=5)
        places.append((top, left))
    side = (room.width - 2 * WINDOWS * GAP) / (1 + WINDOWS * crop / resize)
    small = side * crop / resize
    found = [Picture(_png(whole), Box(room.left, room.top + NAME, side, side), f"{resize} × {resize} px", side)]
    for place, (color, (top, left)) in enumerate(zip(COLORS, places, strict=False)):
        cut = Image.fromarray(crop_image(image, resize, crop, top, left)).resize((400, 400), Image.Resampling.NEAREST)
        ImageDraw.Draw(cut).rectangle([0, 0, 399, 399], outline=color, width=7)
        box = Box(room.left + side + 2 * GAP + place * (small + 2 * GAP), room.top + NAME, small, small)
        found.append(Picture(_png(cut), box, f"row {top}, column {left}", small))
    return found


def _in_turn(test: Split, labels: list[int]) -> list[int]:
    """Indices of images: the first of each class, then the second of each, until there are enough."""
    each = [np.flatnonzero(test.labels == label)[:EACH] for label in labels]
    turns = [int(one[turn]) for turn in range(EACH) for one in each if turn < len(one)]
    return turns[:EACH]


def _columns(count: int, room: Box) -> tuple[int, float]:
    """The number of columns with which images are largest, and their side."""

    def side(columns: int) -> float:
        lines = -(-count // columns)
        across = (room.width - GAP * (columns - 1)) / columns / EACH
        return min(across, (room.height - GAP * (lines - 1)) / lines - NAME)

    best = max(range(1, 6), key=side)
    return best, side(best)


def _strip(images: list[np.ndarray]) -> bytes:
    """Images side by side, with a line of white between them."""
    side = images[0].shape[0]
    times = max(1, -(-SIDE // side))
    step = side * times
    picture = Image.new("RGB", (step * len(images), step), "white")
    for place, image in enumerate(images):
        large = Image.fromarray(image.repeat(times, axis=0).repeat(times, axis=1))
        picture.paste(large.crop((0, 0, step - step // 20, step)), (place * step, 0))
    return _png(picture)


def _png(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, format="png")
    return written.getvalue()
