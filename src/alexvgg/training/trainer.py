"""The training loop: a compiled step, and an epoch as a slice of the global step count.

It is ours and not Keras's `fit` because `fit` cannot start inside an epoch. It reports what `fit` reports: loss and
accuracy of an epoch are running means over its steps, in training mode; of images of which no part is hidden.

Where training stands is `Trainer.state()`: what the network and the optimizer hold, and a few numbers. Everything
else is a function of (seed, step), so that a training restored from it goes on to the same bits.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache, partial
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from alexvgg.augmentation import flips, mixing
from alexvgg.augmentation.crops import Cropper
from alexvgg.data.aligned import aligned
from alexvgg.data.arrays import TrainingData
from alexvgg.evaluation import metrics
from alexvgg.evaluation.prediction import Predictor, logits_network
from alexvgg.rows.history import Epoch
from alexvgg.rows.identity import Identity
from alexvgg.rows.summary import Beginning
from alexvgg.system import faults
from alexvgg.system.errors import NetworkError, ParamsError, TrainingError
from alexvgg.training.early_crops import at_crop
from alexvgg.training.optimizer import Optimizer
from alexvgg.training.schedule import crops, learning_rate, require_full_size

REMEDY = "lower learning_rate, or set gradient_clip_norm or a longer warmup_fraction"
BEGINNING = (1, 2, 10)  # steps after which the loss and the weights are noted exactly


def resident(array: np.ndarray) -> Any:
    """The array as a tensor where the steps read it: on a GPU if there is one, else in the array's own memory."""
    if tf.config.list_physical_devices("GPU"):
        return tf.constant(array)
    return tf.experimental.dlpack.from_dlpack(aligned(array).__dlpack__())


class StepReport(Protocol):
    """Called after each step with the running means of the epoch so far."""

    def __call__(self, *, epoch: int, step: int, loss: float, acc: float) -> None: ...


class Trainer:
    """A network in training. `model` is a Keras model as an `Architecture` builds it."""

    def __init__(self, model: Any, data: TrainingData, identity: Identity) -> None:
        self._recipe = recipe = identity.recipe
        self._seed, self._crop = identity.seed, identity.crop
        self._data = data
        images = len(data.train)
        if recipe.batch_size > images:
            raise ParamsError(
                f"batch_size {recipe.batch_size} is larger than the {images} training images; make it at most {images}"
            )
        self._images = resident(data.train.images)
        self._labels = tf.constant(data.train.labels)
        self.network = logits_network(model)
        self._optimizer = Optimizer(recipe, self.network.trainable_variables)
        self._loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
        # An incomplete batch at the end is left out: batch normalisation over a few images is noise.
        self.steps_per_epoch = images // recipe.batch_size
        # Of each batch the first are mixed, the next have a part erased, and the rest are measured.
        self._hidden = round(recipe.cutmix * recipe.batch_size), round(recipe.erasing * recipe.batch_size)
        self._measured = recipe.batch_size - sum(self._hidden)
        self.total_steps = self.steps_per_epoch * recipe.epochs  # of the schedule
        self.last_step = min(self.total_steps, recipe.stop_after or self.total_steps)
        self.crops = crops(recipe, self._crop)  # by epoch, pixels
        require_full_size(self.crops, self.last_step, self.steps_per_epoch)
        self._state_variables = [
            *(v.value for v in model.variables),
            *(m for ms in self._optimizer.moments for m in ms),
        ]
        self.step = 0  # steps done
        self.rows: list[Epoch] = []  # epochs done, validation included
        self.beginning: list[Beginning] = []
        self._loss_sum, self._correct = 0.0, 0  # of the epoch so far
        self._val_logits: list[np.ndarray] = []  # of a validation that is under way, batch by batch

    def check_crops(self, where: str) -> None:
        """Raises NetworkError, naming the network by `where`, if it cannot take one of its smaller crops."""
        for crop in sorted(set(self.crops) - {self._crop}):
            try:
                self._at_crop(crop)
            except (AttributeError, TypeError, ValueError) as error:
                raise NetworkError(
                    f"{faults.line_of(error) or where}: it cannot take early crops of {crop} pixels, where its weights "
                    f"have to fit as they are (maps are resampled only before Flatten): {faults.said(error)}"
                ) from error

    def state(self) -> tuple[int, dict[str, np.ndarray], dict[str, Any]]:
        """Exactly where training stands: the step, arrays by name, and values that JSON holds exactly.

        Raises TrainingError if a weight is not finite: after the last update, no loss shows it.

        On a CPU the arrays are the variables' own memory. While somebody holds them, a training step takes new memory
        and leaves them as they are, so do not hold them longer than needed.
        """
        arrays = {
            f"variable/{i}": np.asarray(memoryview(variable.read_value()))
            for i, variable in enumerate(self._state_variables)
        }
        if not all(np.isfinite(array).all() for array in arrays.values() if array.dtype.kind == "f"):
            raise TrainingError(f"weights are not finite after step {self.step} of {self.total_steps}; {REMEDY}")
        arrays |= {f"val_logits/{i}": logits for i, logits in enumerate(self._val_logits)}
        facts = {
            "loss_sum": self._loss_sum,
            "correct": self._correct,
            "rows": [asdict(row) for row in self.rows],
            "beginning": [one.model_dump() for one in self.beginning],
        }
        return self.step, arrays, facts

    def restore(self, step: int, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        """Go on from what `state` gave in a training of the same network, data and recipe."""
        for i, variable in enumerate(self._state_variables):
            variable.assign(arrays[f"variable/{i}"])
        # Copies, since the arrays of a checkpoint are parts of its whole content, which would stay in memory.
        self._val_logits = [arrays[f"val_logits/{i}"].copy() for i in range(len(arrays) - len(self._state_variables))]
        self.step, self._loss_sum, self._correct = step, facts["loss_sum"], facts["correct"]
        self.rows = [Epoch(**row) for row in facts["rows"]]
        self.beginning = [Beginning(**one) for one in facts["beginning"]]

    def epochs(self, report: StepReport, safe_point: Callable[[], None]) -> Iterator[Epoch]:
        """Train to the end, yielding after each epoch. Raises TrainingError when a loss is not finite.

        An epoch is validated at its own crop: what the network has not seen yet, it does not know.

        `safe_point` is called after every step and every batch of a validation, where `state` is exact.
        """
        val = self._data.val
        while (epoch := len(self.rows)) * self.steps_per_epoch < self.last_step:
            self._train_epoch(epoch, report, safe_point)
            predictor = self._predictor(self.crops[epoch])
            for logits in predictor.batches(val.images, skip=len(self._val_logits)):
                self._val_logits.append(logits)
                safe_point()
            row = self._row(epoch, np.concatenate(self._val_logits))
            if not math.isfinite(row.val_loss):
                raise TrainingError(f"val_loss is {row.val_loss} after epoch {epoch + 1}; {REMEDY}")
            self.rows.append(row)
            self._loss_sum, self._correct, self._val_logits = 0.0, 0, []
            yield self.rows[-1]

    def _train_epoch(self, epoch: int, report: StepReport, safe_point: Callable[[], None]) -> None:
        order = self._order(epoch)
        size = self._recipe.batch_size
        update = self.compiled_step(self.crops[epoch])
        for i in range(self.step - epoch * self.steps_per_epoch, self._steps_in(epoch)):
            batch = order[i * size : (i + 1) * size]
            loss, hits = update(batch, tf.constant(self.step), tf.constant(self._rate(self.step)))
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss is {float(loss)} at step {self.step + 1} of {self.total_steps} (epoch {epoch + 1}); "
                    f"{REMEDY}"
                )
            self.step += 1
            self._loss_sum += float(loss)
            self._correct += int(hits)
            if self.step in BEGINNING:
                self.beginning.append(
                    Beginning(step=self.step, loss=float(loss), weights_sha256=self._weights_sha256())
                )
            acc = self._correct / ((i + 1) * self._measured)
            report(epoch=epoch + 1, step=self.step, loss=self._loss_sum / (i + 1), acc=acc)
            safe_point()

    def _row(self, epoch: int, val_logits: np.ndarray) -> Epoch:
        val_labels = self._data.val.labels
        return Epoch(
            epoch=epoch + 1,
            crop=self.crops[epoch],
            loss=self._loss_sum / self._steps_in(epoch),
            acc=self._correct / (self._steps_in(epoch) * self._measured),
            val_loss=metrics.cross_entropy(val_logits, val_labels, self._recipe.label_smoothing),
            val_acc=metrics.accuracy(val_logits, val_labels),
            learning_rate=self._rate(self.step - 1),
        )

    def _weights_sha256(self) -> str:
        """Of all weights, moving averages included."""
        digest = hashlib.sha256()
        for weight in self.network.weights:
            digest.update(np.ascontiguousarray(weight.numpy()).data)
        return digest.hexdigest()

    def _steps_in(self, epoch: int) -> int:
        """All of an epoch's, but for one that `stop_after` ends early."""
        return min(self.steps_per_epoch, self.last_step - epoch * self.steps_per_epoch)

    def _order(self, epoch: int) -> Any:
        """The permutation of the training images for one epoch, int32 (n,)."""
        indices = tf.range(len(self._labels))
        # Negative, to be apart from the seeds of the crops, which are (seed, step); flips and mixing are far below.
        return tf.random.experimental.stateless_shuffle(indices, seed=[self._seed, -1 - epoch])

    def _rate(self, step: int) -> float:
        return learning_rate(self._recipe, step, self.total_steps)

    @cache  # noqa: B019 - as many as there are crops, and they live as long as the trainer
    def _at_crop(self, crop: int) -> Any:
        """The network for crops of this size, sharing all weights."""
        return self.network if crop == self._crop else at_crop(self.network, crop)

    @cache  # noqa: B019 - as above
    def _predictor(self, crop: int) -> Predictor:
        cropper = Cropper(self._data.description, crop)
        return Predictor(self._at_crop(crop), cropper, self._recipe.batch_size)

    def _cropper(self, crop: int) -> Cropper:
        return Cropper(self._data.description, crop, self._recipe.padding)

    @cache  # noqa: B019 - as above
    def compiled_step(self, crop: int) -> Any:
        """`_step` at a size of crops, compiled: a function of a batch's indices, the step, and the learning rate."""
        step = partial(self._step, self._at_crop(crop), self._cropper(crop))
        return tf.function(step, jit_compile=self._recipe.jit_compile)

    def _step(self, network: Any, cropper: Cropper, batch: Any, step: Any, rate: Any) -> tuple[Any, Any]:
        """One update. Returns mean loss and number of correct answers, of the images that are measured."""
        recipe = self._recipe
        originals, labels = tf.gather(self._images, batch), tf.gather(self._labels, batch)
        targets = tf.one_hot(labels, len(self._data.description.classes))
        colour = np.round(255 * np.asarray(self._data.description.mean)).astype(np.uint8)
        originals, targets = mixing.hide_parts(originals, targets, self._hidden, colour, self._seed, step)
        mirrored = flips.mirrored(recipe.flip, self._seed, step, step // self.steps_per_epoch, batch, len(self._labels))
        images = cropper.random(originals, self._seed, step, recipe.random_crop, mirrored)
        with tf.GradientTape() as tape:
            logits = network(images, training=True)
            loss = self._loss(targets, logits)
        self._optimizer.apply(tape.gradient(loss, self.network.trainable_variables), step, rate)
        if self._measured < recipe.batch_size:
            labels, targets, logits = (each[-self._measured :] for each in (labels, targets, logits))
            loss = self._loss(targets, logits)
        correct = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
        return loss, tf.reduce_sum(tf.cast(correct, tf.int32))
