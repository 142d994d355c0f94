"""One trained network on the test split, from weights to metrics, with checkpoints on the way.

It also answers as many of the training images, to tell how much better it is on those.

Imports TensorFlow: call `runtime.start` before importing this. Paths come from the caller.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alexvgg.checkpoints.saver import Saver
from alexvgg.checkpoints.snapshot import Snapshot
from alexvgg.checkpoints.store import Checkpoints
from alexvgg.data.arrays import Description
from alexvgg.data.dataset import Split
from alexvgg.evaluation import cost, measures
from alexvgg.evaluation.metrics import accuracy
from alexvgg.evaluation.prediction import Predictor, build
from alexvgg.networks import counting
from alexvgg.networks.counting import Layer
from alexvgg.rows import history
from alexvgg.rows.evaluation import Evaluation
from alexvgg.rows.paths import RowFiles
from alexvgg.rows.summary import Summary
from alexvgg.system import hardware


@dataclass(frozen=True)
class Data:
    """What an evaluation reads beside the row."""

    test: Split
    train: Split
    description: Description


def evaluate(row: RowFiles, data: Data, batch_size: int, checkpoints: Checkpoints) -> tuple[Evaluation, pd.DataFrame]:
    """Evaluate a trained network. Returns its answers, too, with the columns of `rows.answers`."""
    summary, description, labels = Summary.read(row.summary), data.description, data.test.labels
    model = measures.rebuild(summary, description, row.weights)
    train = evenly(data.train, len(data.test))
    predictor = Predictor.of(model, description, summary.crop, batch_size)
    logits = _logits(predictor, np.concatenate([data.test.images, train.images]), batch_size, checkpoints)
    on_test, on_train = np.split(logits, [len(labels)])

    layers = counting.layers(model)
    crops = [int(crop) for crop in history.read(row.history)["crop"]]
    flop = dict(_training_flop(summary, description, layers, sorted(set(crops))))
    petaflop = cost.petaflop_by_epoch(summary, crops, flop)
    evaluation = Evaluation(
        train_acc=accuracy(on_train, train.labels),
        train_petaflop=petaflop[-1] if petaflop else None,
        layers=layers,
        training_flop=flop,
        **measures.test_metrics(on_test, labels, description),  # type: ignore[arg-type]
    )
    return evaluation, measures.answers(on_test, labels, description.classes)


def evenly(split: Split, count: int) -> Split:
    """At most `count` images of a split, at even distances."""
    return split.take(np.linspace(0, len(split) - 1, min(count, len(split))).astype(int))


def _logits(predictor: Predictor, images: np.ndarray, batch_size: int, checkpoints: Checkpoints) -> np.ndarray:
    """Of all images, float32 (n, classes); what a checkpoint holds is not computed again."""
    environment = hardware.environment()
    snapshot = checkpoints.newest(environment)
    done = list(snapshot.arrays.values()) if snapshot is not None else []

    def state() -> Snapshot:
        return Snapshot(len(done), {str(i): logits for i, logits in enumerate(done)}, {}, environment)

    saver = Saver(checkpoints, -(-len(images) // batch_size), state)
    with saver.listening():
        for logits in predictor.batches(images, skip=len(done)):
            done.append(logits)
            saver.safe_point()
    return np.concatenate(done)


def _training_flop(
    summary: Summary, description: Description, own: list[Layer], crops: list[int]
) -> Iterator[tuple[str, int | None]]:
    """Each crop, and the operations of one image's training step there."""
    for crop in crops:
        at_crop = own if crop == summary.crop else counting.layers(build(summary, description, crop))
        yield str(crop), counting.training_flop(own, at_crop)
