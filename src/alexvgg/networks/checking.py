"""Is a network one that can be trained here? Looked at before its training, in a moment.

Whoever writes a network meets these messages; each says what was found, what is expected, and where the network is.
Imports TensorFlow: call `runtime.start` before importing this.
"""

from collections.abc import Iterable
from typing import Any

import keras

from alexvgg.networks.architecture import Architecture
from alexvgg.system.errors import NetworkError


def build(architecture: Architecture, crop: int, classes: int, options: dict[str, Any]) -> Any:
    """The Keras model of an architecture, checked. Raises NetworkError, or what the network's own code raises."""
    model = architecture.build(crop, classes, options)
    for problem in problems(model, crop, classes):
        raise NetworkError(f"{architecture.where}: {problem}")
    return model


def problems(model: Any, crop: int, classes: int) -> Iterable[str]:
    """What is wrong with a built model, the most telling first; nothing if it can be trained."""
    if not isinstance(model, keras.Model):
        what = "nothing (is a `return` missing?)" if model is None else f"a {type(model).__name__}"
        yield f"`build` returns {what}; it has to return a keras.Model"
        return
    if model.input_shape != (None, crop, crop, 3):
        yield f"its input is {_shape(model.input_shape)}; it has to be {crop} × {crop} × 3, as in `input_shape`"
    logits = next((layer for layer in model.layers if layer.name == "logits"), None)
    if logits is None:
        yield "no layer is called `logits`; give that name to the last dense layer, as `blocks.classifier` does"
        return
    output = logits.output
    if tuple(output.shape[1:]) != (classes,):
        yield f"the layer `logits` puts out {_shape(output.shape)}; it has to have {classes} units, one a class"
    activation = getattr(logits, "activation", keras.activations.linear)
    if activation is not keras.activations.linear:
        name = getattr(activation, "__name__", str(activation))
        yield f"the layer `logits` has the activation {name}; it has to have none: the softmax is a layer of its own"
    elif "softmax" in type(logits).__name__.lower():
        yield "the layer `logits` is a softmax; it has to be the layer before that"
    if output.dtype != "float32":
        yield f"the layer `logits` computes in {output.dtype}; give it dtype='float32'"
    if not model.trainable_weights:
        yield "it has no weights to train"


def _shape(shape: tuple[int | None, ...]) -> str:
    return " × ".join(map(str, shape[1:])) or "one number"
