"""Pictures that show images of the data: git does not keep them."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from alexvgg.data.arrays import Description
from alexvgg.data.dataset import Split
from alexvgg.geometry import resize_matrix
from alexvgg.png import COLORS, save

MONTAGE_COLUMNS = 15


def crops(path: Path, image: np.ndarray, resize: int, crop: int, seed: int) -> None:
    """One image, uint8 (side, side, 3), resized, with the window of each random crop; then the crops (slide Fig 5)."""
    draw = np.random.default_rng(seed)
    figure, axes = plt.subplots(2, 4, figsize=(10, 5.4), layout="constrained")
    whole = axes.flat[0]
    whole.imshow(crop_image(image, resize, resize, 0, 0))
    whole.set_title(f"resized to {resize}", fontsize=9)
    for index, axis in enumerate(axes.flat[1:]):
        top, left = (int(offset) for offset in draw.integers(0, resize - crop + 1, 2))
        color = COLORS[index % len(COLORS)]
        whole.add_patch(plt.Rectangle((left, top), crop - 1, crop - 1, fill=False, edgecolor=color))
        axis.imshow(crop_image(image, resize, crop, top, left))
        axis.set_title(f"{crop} px at ({top}, {left})", fontsize=9, color=color)
    for axis in axes.flat:
        axis.set_axis_off()
    save(figure, path)


def montage(path: Path, split: Split, description: Description) -> None:
    """Images of every class, a line a group: the first ones of each class in `split` (slide Fig 12)."""
    groups, classes, side = description.groups, description.classes, description.side
    wide = max(1, MONTAGE_COLUMNS // max(len(members) for members in groups.values()))
    lines = []
    for members in groups.values():
        chosen = [np.flatnonzero(split.labels == classes.index(name))[:wide] for name in members]
        line = np.full((side, MONTAGE_COLUMNS * side, 3), 255, np.uint8)
        for place, index in enumerate(np.concatenate(chosen)):
            line[:, place * side : (place + 1) * side] = split.images[index]
        lines.append(line)
    figure, axis = plt.subplots(figsize=(10, 0.4 + 0.56 * len(lines)), layout="constrained")
    axis.imshow(np.concatenate(lines), interpolation="nearest")
    axis.set_yticks([side * (i + 0.5) for i in range(len(lines))], list(groups), fontsize=8)
    axis.set_xticks([])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    save(figure, path)


def crop_image(image: np.ndarray, resize: int, crop: int, top: int, left: int) -> np.ndarray:
    """One crop of one image, uint8 (side, side, 3) to uint8 (crop, crop, 3)."""
    matrix = resize_matrix(image.shape[0], resize)
    rows, columns = matrix[top : top + crop], matrix[left : left + crop]
    result = np.einsum("hs,stc,wt->hwc", rows, image.astype(np.float32), columns, optimize=True)
    return np.clip(np.rint(result), 0, 255).astype(np.uint8)
