"""From the archive to splits: a stratified validation part is taken out of the training part."""

from typing import Any

import numpy as np

from alexvgg.data.arrays import Description
from alexvgg.data.dataset import Dataset, Split
from alexvgg.system.errors import ParamsError

AT_ONCE = 1000  # images


def split_validation(train: Split, fraction: float, seed: int) -> tuple[Split, Split]:
    """Training and validation part, every class in both in the same proportion. Raises ParamsError."""
    from sklearn.model_selection import train_test_split

    try:
        kept, held_out = train_test_split(
            np.arange(len(train)), test_size=fraction, stratify=train.labels, random_state=seed
        )
    except ValueError as error:
        raise ParamsError(f"preprocess.val_fraction {fraction} leaves a split without a class: {error}") from None
    return train.take(np.sort(kept)), train.take(np.sort(held_out))


def describe(dataset: Dataset, splits: dict[str, Split], **known: Any) -> Description:
    """The description of the splits, by name; channel statistics come from the training split alone.

    `known` are the fields of `Description` that the arrays do not tell.
    """
    images = splits["train"].images
    mean, std = channel_statistics(images)
    return Description(
        classes=dataset.classes,
        superclasses=dataset.superclasses,
        side=images.shape[1],
        mean=mean,
        std=std,
        images={name: len(split) for name, split in splits.items()},
        **known,
    )


def channel_statistics(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per channel, of pixel values from 0 to 1; 1 where a channel is the same everywhere.

    Counted over the 256 values a pixel can have, some images at a time: exact, and without a copy of all of them in
    wider numbers.
    """
    values = np.arange(256) / 255
    means, deviations = [], []
    for channel in range(images.shape[-1]):
        blocks = (images[i : i + AT_ONCE, ..., channel].reshape(-1) for i in range(0, len(images), AT_ONCE))
        share = sum(np.bincount(block, minlength=256) for block in blocks) / images[..., channel].size
        mean = float(share @ values)
        means.append(mean)
        deviations.append(float(np.sqrt(share @ (values - mean) ** 2)) if np.count_nonzero(share) > 1 else 1.0)
    return means, deviations
