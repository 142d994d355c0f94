"""Pictures that show images of the data: git does not keep them.

By Pillow: to import matplotlib takes longer than to draw them.
"""

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from alexvgg.augmentation.geometry import resize_matrix
from alexvgg.data.arrays import Description
from alexvgg.data.dataset import Split
from alexvgg.reporting.palette import COLORS
from alexvgg.system import files

TILE, GAP, TITLE = 256, 12, 20  # pixels: a crop's side in the picture, between two of them, above one
MONTAGE_COLUMNS, MONTAGE_SCALE = 15, 2
FONT_SIZE = 14


def crops(path: Path, image: np.ndarray, resize: int, crop: int, seed: int) -> None:
    """One image, uint8 (side, side, 3), resized, with the window of each random crop; then the crops (slide Fig 5)."""
    draw = np.random.default_rng(seed)
    whole = _tile(crop_image(image, resize, resize, 0, 0))
    tiles, windows = [(whole, f"resized to {resize}", "black")], ImageDraw.Draw(whole)
    for color in COLORS:
        top, left = (int(offset) for offset in draw.integers(0, resize - crop + 1, 2))
        corners = [edge * TILE / resize for edge in (left, top, left + crop, top + crop)]
        windows.rectangle([corners[0], corners[1], corners[2] - 1, corners[3] - 1], outline=color)
        tiles.append((_tile(crop_image(image, resize, crop, top, left)), f"{crop} px at ({top}, {left})", color))
    width, height = TILE + GAP, TITLE + TILE + GAP
    picture = Image.new("RGB", (4 * width + GAP, 2 * height + GAP), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(FONT_SIZE)
    for index, (tile, title, color) in enumerate(tiles):
        x, y = GAP + index % 4 * width, GAP + index // 4 * height
        pen.text((x, y), title, color, font)
        picture.paste(tile, (x, y + TITLE))
    _save(picture, path)


def montage(path: Path, split: Split, description: Description) -> None:
    """Images of every class, groups on lines of their own: the first ones of each class in `split` (slide Fig 12)."""
    groups, classes, side = description.groups, description.classes, description.side
    each = max(1, MONTAGE_COLUMNS // max(len(members) for members in groups.values()))
    blocks = [
        _lines(np.concatenate([split.images[split.labels == classes.index(name)][:each] for name in members]))
        for members in groups.values()
    ]
    images, font = Image.fromarray(np.concatenate(blocks)), ImageFont.load_default(FONT_SIZE)
    images = images.resize((images.width * MONTAGE_SCALE, images.height * MONTAGE_SCALE), Image.Resampling.NEAREST)
    margin = GAP * 2 + max(int(font.getlength(name)) for name in groups)
    picture = Image.new("RGB", (margin + images.width + GAP, images.height + 2 * GAP), "white")
    picture.paste(images, (margin, GAP))
    pen, top = ImageDraw.Draw(picture), GAP
    for name, block in zip(groups, blocks, strict=True):
        pen.text((margin - GAP, top + side * MONTAGE_SCALE / 2), name, "black", font, anchor="rm")
        top += block.shape[0] * MONTAGE_SCALE
    _save(picture, path)


def _lines(images: np.ndarray) -> np.ndarray:
    """Images, uint8 (n, side, side, 3), beside each other, on as many lines as they need: one picture."""
    side = images.shape[1]
    count = max(1, math.ceil(len(images) / MONTAGE_COLUMNS))
    lines = np.full((count * side, MONTAGE_COLUMNS * side, 3), 255, np.uint8)
    for place, image in enumerate(images):
        top, left = (side * index for index in divmod(place, MONTAGE_COLUMNS))
        lines[top : top + side, left : left + side] = image
    return lines


def _tile(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image).resize((TILE, TILE), Image.Resampling.BICUBIC)


def _save(picture: Image.Image, path: Path) -> None:
    with files.replacing(path) as temporary:
        picture.save(temporary, format="png")


def crop_image(image: np.ndarray, resize: int, crop: int, top: int, left: int) -> np.ndarray:
    """One crop of one image, uint8 (side, side, 3) to uint8 (crop, crop, 3)."""
    matrix = resize_matrix(image.shape[0], resize)
    rows, columns = matrix[top : top + crop], matrix[left : left + crop]
    result = np.einsum("hs,stc,wt->hwc", rows, image.astype(np.float32), columns, optimize=True)
    return np.clip(np.rint(result), 0, 255).astype(np.uint8)
