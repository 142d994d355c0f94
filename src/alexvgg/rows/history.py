"""A training's history: one line an epoch, as CSV in full precision."""

import csv
import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from alexvgg.system import files


@dataclass(frozen=True)
class Epoch:
    """One line of a history. Losses are in nats and include the label smoothing, as in Keras.

    `loss` and `acc` are means over the epoch's steps, in training mode, of images of which no part is hidden;
    `val_loss` and `val_acc` are measured after it.
    `crop` is the side of the images in training and validation, in pixels: early epochs may have smaller ones than the
    last. `learning_rate` is that of the epoch's last step.
    """

    epoch: int  # from 1
    crop: int
    loss: float
    acc: float
    val_loss: float
    val_acc: float
    learning_rate: float


def write(path: Path, epochs: list[Epoch]) -> None:
    """Replace a file by a history, in one step."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in epochs)
    files.write_text(path, text.getvalue())


def read(path: Path) -> pd.DataFrame:
    """A history as a table with the columns of `Epoch`. Raises DataError."""
    return files.read_csv(path)
