"""SGD with Nesterov momentum, and Adam, with clipping and weight decay, in one loop over each weight.

The same mathematics as Keras's optimizers (tests hold them together). Those compute an update in many passes over
memory; on the dense layers of these networks, tens of millions of weights, that costs as much as the network itself.
Here XLA makes one loop of each formula (docs/decisions/0003-fused-optimizers.md).
"""

from typing import Any

import tensorflow as tf

from alexvgg.params.recipe import Recipe

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7  # Kingma and Ba 2015; epsilon as in Keras
NOT_DECAYED = ("bias", "gamma", "beta", "alpha")  # the last is PReLU's


class Optimizer:
    """Updates Keras variables in place. Weight decay is decoupled; biases, normalisation and PReLU have none."""

    def __init__(self, recipe: Recipe, variables: list[Any]) -> None:
        self._recipe = recipe
        self._weights = [variable.value for variable in variables]
        self._decays = [0.0 if v.name in NOT_DECAYED else recipe.weight_decay for v in variables]
        moments = 2 if recipe.optimizer == "adam" else 1
        self.moments = [
            [tf.Variable(tf.zeros(weight.shape, weight.dtype), trainable=False) for weight in self._weights]
            for _ in range(moments)
        ]
        self._compiled_update = tf.function(self._update, jit_compile=True)

    def apply(self, gradients: list[Any], step: Any, rate: Any) -> None:
        """One update. `step`, int32, counts from 0; `rate` is the learning rate, float32."""
        # The norm is needed before the loops begin; alone, it is faster by TensorFlow than by XLA.
        limit = self._recipe.gradient_clip_norm
        scale = 1.0 if limit is None else limit / tf.maximum(tf.linalg.global_norm(gradients), limit)
        self._compiled_update(gradients, tf.cast(scale, tf.float32), tf.cast(step, tf.float32), rate)

    def _update(self, gradients: list[Any], scale: Any, step: Any, rate: Any) -> None:
        formula = self._adam if self._recipe.optimizer == "adam" else self._sgd
        moments = zip(*self.moments, strict=True)
        for weight, decay, gradient, its_moments in zip(self._weights, self._decays, gradients, moments, strict=True):
            change = formula(gradient * scale, its_moments, step, rate)
            weight.assign(weight * (1 - rate * decay) + change)

    def _adam(self, gradient: Any, moments: tuple[Any, ...], step: Any, rate: Any) -> Any:
        first, second = moments
        first.assign_add((gradient - first) * (1 - BETA_1))
        second.assign_add((gradient * gradient - second) * (1 - BETA_2))
        unbiased_rate = rate * tf.sqrt(1 - BETA_2 ** (step + 1)) / (1 - BETA_1 ** (step + 1))
        return -unbiased_rate * first / (tf.sqrt(second) + EPSILON)

    def _sgd(self, gradient: Any, moments: tuple[Any, ...], step: Any, rate: Any) -> Any:
        del step  # the rate is all that changes
        (velocity,) = moments
        momentum = self._recipe.momentum
        velocity.assign(momentum * velocity - rate * gradient)
        return momentum * velocity - rate * gradient  # Nesterov's: one step further along it
