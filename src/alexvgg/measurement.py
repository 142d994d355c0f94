"""One trained network on the test split, from weights to metrics, with checkpoints on the way.

It also answers as many of the training images, to tell how much better it is on those.

Imports TensorFlow: call `runtime.start` before importing this. Paths come from the caller.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alexvgg import anatomy, cost, files, runtime
from alexvgg.checkpoint import Checkpoints
from alexvgg.data import arrays
from alexvgg.data.arrays import Description
from alexvgg.data.dataset import Split
from alexvgg.evaluation import accuracy_by_class, answers, rebuild, test_metrics
from alexvgg.keeper import Keeper
from alexvgg.metrics import accuracy
from alexvgg.prediction import Predictor, build
from alexvgg.snapshot import Snapshot


@dataclass(frozen=True)
class Measurement:
    """`metrics` are the training's last numbers, its cost, `train_acc` and the test metrics.

    `train_acc` is the accuracy on training images as they are tested: without dropout, in centre crops.
    `training_flop` is the arithmetic of one image's step in training by crop, `train_petaflop` that of the training.
    `answers` has a line a test image: its label, the answer, and the answer's probability.
    """

    metrics: dict[str, Any]
    by_class: dict[str, float]
    answers: pd.DataFrame

    def save_answers(self, path: Path) -> None:
        """Write the answers as CSV."""
        files.write_text(path, self.answers.to_csv(index=False, float_format="%.6f", lineterminator="\n"))


def measure(
    summary: dict[str, Any],
    description_path: Path,
    train_path: Path,
    test_path: Path,
    weights: Path,
    batch_size: int,
    checkpoints: Checkpoints,
) -> Measurement:
    """Measure a trained network on the test split."""
    environment = runtime.versions()
    snapshot = checkpoints.newest(environment)
    description = arrays.load_description(description_path)
    model = rebuild(summary, description, weights)
    test = arrays.load(test_path, description)
    train = evenly(arrays.load(train_path, description), len(test))
    images = np.concatenate([test.images, train.images])
    predictor = Predictor.of(model, description, summary["crop"], batch_size)

    done = list(snapshot.arrays.values()) if snapshot is not None else []
    total = -(-len(images) // batch_size)
    keeper = Keeper(checkpoints, total, lambda: Snapshot(len(done), _named(done), {}, environment))
    with keeper.listening():
        for logits in predictor.batches(images, skip=len(done)):
            done.append(logits)
            keeper.safe_point()
    last_epoch = {name: summary[name] for name in ("loss", "acc", "val_loss", "val_acc")}
    logits, on_train = np.split(np.concatenate(done), [len(test)])
    train_acc = {"train_acc": accuracy(on_train, train.labels)}
    return Measurement(
        metrics=last_epoch | train_acc | _cost(summary, description) | test_metrics(logits, test.labels, description),
        by_class=accuracy_by_class(logits, test.labels, description.classes),
        answers=answers(logits, test.labels, description.classes),
    )


def evenly(split: Split, count: int) -> Split:
    """At most `count` images of a split, at even distances."""
    return split.take(np.linspace(0, len(split) - 1, min(count, len(split))).astype(int))


def _cost(summary: dict[str, Any], description: Description) -> dict[str, Any]:
    flop = {}
    for crop in sorted(set(cost.crop_by_epoch(summary))):
        own = crop == summary["crop"]
        at_crop = summary["layers"] if own else anatomy.layers(build(summary | {"crop": crop}, description))
        flop[str(crop)] = cost.training_flop(summary["layers"], at_crop)
    return {"training_flop": flop, "train_petaflop": cost.petaflop_by_epoch(summary, flop)[-1]}


def _named(batches: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {str(i): logits for i, logits in enumerate(batches)}
