"""SGD with Nesterov momentum, and Adam, as one pass over memory for each weight.

The same mathematics as Keras's optimizers (tests hold them together). Those compute an update in many passes;
on the dense layers of these networks, tens of millions of weights, that costs as much as the network itself
(docs/decisions/0003-fused-optimizers.md).
"""

from typing import Any

import tensorflow as tf

from alexvgg.params import Recipe

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7  # Kingma and Ba 2015; epsilon as in Keras
NOT_DECAYED = ("bias", "gamma", "beta")


class Optimizer:
    """Updates Keras variables in place. Weight decay is decoupled and leaves biases and normalisation alone."""

    def __init__(self, recipe: Recipe, variables: list[Any]) -> None:
        self._recipe = recipe
        self._weights = [variable.value for variable in variables]
        self._decayed = [
            weight for weight, v in zip(self._weights, variables, strict=True) if v.name not in NOT_DECAYED
        ]
        moments = 2 if recipe.optimizer == "adam" else 1
        self.moments = [
            [tf.Variable(tf.zeros(weight.shape, weight.dtype), trainable=False) for weight in self._weights]
            for _ in range(moments)
        ]

    def apply(self, gradients: list[Any], step: Any, rate: Any) -> None:
        """One update. `step`, int32, counts from 0; `rate` is the learning rate, float32."""
        if self._recipe.gradient_clip_norm is not None:
            gradients = clip(gradients, self._recipe.gradient_clip_norm)
        if self._recipe.weight_decay:
            for weight in self._decayed:
                weight.assign(weight * (1 - rate * self._recipe.weight_decay))
        update = self._adam if self._recipe.optimizer == "adam" else self._sgd
        update(gradients, tf.cast(step, tf.float32), rate)

    def _adam(self, gradients: list[Any], step: Any, rate: Any) -> None:
        for weight, first, second, gradient in zip(self._weights, *self.moments, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=weight.handle, m=first.handle, v=second.handle,
                beta1_power=BETA_1 ** (step + 1), beta2_power=BETA_2 ** (step + 1),
                lr=rate, beta1=BETA_1, beta2=BETA_2, epsilon=EPSILON, grad=gradient,
            )  # fmt: skip

    def _sgd(self, gradients: list[Any], step: Any, rate: Any) -> None:
        del step  # the rate is all that changes
        momentum = self._recipe.momentum
        for weight, velocity, gradient in zip(self._weights, *self.moments, gradients, strict=True):
            tf.raw_ops.ResourceApplyKerasMomentum(
                var=weight.handle, accum=velocity.handle, lr=rate, grad=gradient,
                momentum=momentum, use_nesterov=momentum > 0,
            )  # fmt: skip


def clip(gradients: list[Any], norm: float) -> list[Any]:
    """The gradients, scaled down together if their common norm is larger than `norm`."""
    actual = tf.linalg.global_norm(gradients)
    scale = norm / tf.maximum(actual, norm)
    return tf.cond(actual > norm, lambda: [g * scale for g in gradients], lambda: gradients)
