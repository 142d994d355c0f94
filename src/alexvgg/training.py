"""The training loop: a compiled step, and an epoch as a slice of the global step count.

It is ours and not Keras's `fit` because `fit` cannot start inside an epoch. What it reports stays what `fit`
reports: loss and accuracy of an epoch are running means over its steps, in training mode.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import tensorflow as tf

from alexvgg import metrics
from alexvgg.crops import Cropper
from alexvgg.data.arrays import Description
from alexvgg.data.dataset import Split
from alexvgg.errors import ParamsError, TrainingError
from alexvgg.evaluation import Predictor, logits_network
from alexvgg.optimizers import Optimizer
from alexvgg.params import Recipe
from alexvgg.schedules import learning_rate


@dataclass(frozen=True)
class Epoch:
    """One line of a history. `loss` and `val_loss` are in nats and include the label smoothing, as in Keras."""

    epoch: int
    loss: float
    acc: float
    val_loss: float
    val_acc: float
    learning_rate: float


class StepReport(Protocol):
    """Called after each step with the running means of the epoch so far."""

    def __call__(self, *, epoch: int, step: int, loss: float, acc: float) -> None: ...


class Trainer:
    """A network in training. `model` is a Keras model as an `Architecture` builds it."""

    def __init__(self, model: Any, train: Split, description: Description, crop: int, recipe: Recipe, seed: int):
        if recipe.batch_size > len(train):
            raise ParamsError(f"batch_size {recipe.batch_size} is larger than the {len(train)} training images")
        self._recipe = recipe
        self._seed = seed
        self._images = tf.constant(train.images)
        self._labels = tf.constant(train.labels)
        self._cropper = Cropper(description, crop)
        self._network = logits_network(model)
        self._optimizer = Optimizer(recipe, self._network.trainable_variables)
        self._loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
        self._classes = len(description.classes)
        self._compiled_step = tf.function(self._step)
        # An incomplete batch at the end is left out: batch normalisation over a few images is noise.
        self.steps_per_epoch = len(train) // recipe.batch_size
        self.total_steps = self.steps_per_epoch * recipe.epochs

    def epochs(self, val: Split, eval_batch_size: int, report: StepReport) -> Iterator[Epoch]:
        """Train to the end, yielding after each epoch. Raises TrainingError when the loss is not finite."""
        predictor = Predictor(self._network, self._cropper, eval_batch_size)
        for epoch in range(self._recipe.epochs):
            loss, acc = self._train_epoch(epoch, report)
            logits = predictor.logits(val.images)
            yield Epoch(
                epoch=epoch + 1,
                loss=loss,
                acc=acc,
                val_loss=metrics.cross_entropy(logits, val.labels, self._recipe.label_smoothing),
                val_acc=metrics.accuracy(logits, val.labels),
                learning_rate=self._rate((epoch + 1) * self.steps_per_epoch - 1),
            )

    def _train_epoch(self, epoch: int, report: StepReport) -> tuple[float, float]:
        order = self._order(epoch)
        loss_sum = correct = 0.0
        for i in range(self.steps_per_epoch):
            step = epoch * self.steps_per_epoch + i
            batch = order[i * self._recipe.batch_size : (i + 1) * self._recipe.batch_size]
            loss, hits = self._compiled_step(batch, tf.constant(step), tf.constant(self._rate(step)))
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss is {float(loss)} at step {step + 1} of {self.total_steps} (epoch {epoch + 1}); "
                    "lower learning_rate, or set gradient_clip_norm or a longer warmup_fraction"
                )
            loss_sum += float(loss)
            correct += int(hits)
            images = (i + 1) * self._recipe.batch_size
            report(epoch=epoch + 1, step=step + 1, loss=loss_sum / (i + 1), acc=correct / images)
        return loss_sum / self.steps_per_epoch, correct / (self.steps_per_epoch * self._recipe.batch_size)

    def _order(self, epoch: int) -> Any:
        """The permutation of the training images for one epoch, int32 (n,)."""
        indices = tf.range(len(self._labels))
        # Negative, to be apart from the seeds of the crops, which are (seed, step).
        return tf.random.experimental.stateless_shuffle(indices, seed=[self._seed, -1 - epoch])

    def _rate(self, step: int) -> float:
        return learning_rate(self._recipe, step, self.total_steps)

    def _step(self, batch: Any, step: Any, rate: Any) -> tuple[Any, Any]:
        """One update. Returns the batch's mean loss and its number of correct answers."""
        recipe = self._recipe
        labels = tf.gather(self._labels, batch)
        images = self._cropper.random(
            tf.gather(self._images, batch), self._seed, step, recipe.random_crop, recipe.flip
        )  # fmt: skip
        with tf.GradientTape() as tape:
            logits = self._network(images, training=True)
            loss = self._loss(tf.one_hot(labels, self._classes), logits)
        self._optimizer.apply(tape.gradient(loss, self._network.trainable_variables), step, rate)
        correct = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
        return loss, tf.reduce_sum(tf.cast(correct, tf.int32))
