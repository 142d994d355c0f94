"""Is a network one that can be trained here? Looked at before its training, in a moment.

Whoever writes a network meets these messages; each says what was found, what is expected, and where the network is.
Imports TensorFlow: call `runtime.start` before importing this.
"""

import re
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from alexvgg.networks.architecture import Architecture
from alexvgg.system import faults
from alexvgg.system.errors import NetworkError

PASSING_ON = layers.Activation | layers.Dropout | layers.Flatten | layers.Identity | layers.Reshape
RANDOM = re.compile("Random|TruncatedNormal|ParameterizedTruncatedNormal|Multinomial")  # TensorFlow's, with a state
SEEDED = "draw random numbers by keras.random with a `seed`: a keras.random.SeedGenerator that the layer holds"
ACTIVATIONS = {name.replace("_", "") for name in dir(keras.activations)} - {"linear"} | {"prelu"}


def build(architecture: Architecture, crop: int, classes: int, options: dict[str, Any]) -> Any:
    """The Keras model of an architecture, checked. Raises NetworkError, or what the network's own code raises."""
    try:
        model = architecture.build(crop, classes, options)
    except ValueError as error:
        if "negative" not in str(error):
            raise
        where = faults.line_of(error) or architecture.where
        raise NetworkError(
            f"{where}: nothing is left here of an image of {crop} × {crop} pixels; "
            f"take a larger crop, and give the smallest in the options' `min_crop` ({faults.said(error)})"
        ) from error
    for problem in problems(model, crop, classes):
        raise NetworkError(f"{architecture.where}: {problem}")
    return model


def check_training(model: Any, where: str) -> None:
    """Compile the network as it is trained and as it answers; raises NetworkError if training would not do it justice.

    If a weight would not be trained, a loss of the network's own not be minimised, or a state not be saved. What the
    network's own layers raise is raised here too. Nothing is computed.
    """
    network = keras.Model(model.inputs, model.get_layer("logits").output)
    still: list[str] = []
    losses: list[Any] = []

    def both(images: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = network(images, training=True)
        losses.extend(network.losses)
        gradients = tape.gradient(logits, network.trainable_variables)
        pairs = zip(network.trainable_variables, gradients, strict=True)
        still.extend(variable.path for variable, gradient in pairs if gradient is None)
        return network(images, training=False)

    compiled = tf.function(both).get_concrete_function(tf.TensorSpec((None, *model.inputs[0].shape[1:])))
    if still:
        raise NetworkError(
            f"{where}: `logits` does not change with {still[0]}, which could not be trained; use it, remove it, or "
            "give its layer trainable=False"
        )
    if losses:
        raise NetworkError(
            f"{where}: it adds losses of its own, which training does not minimise; leave out regularizers and "
            "`add_loss`, and set `weight_decay` in params.yaml"
        )
    if problem := _passing_state(compiled, model):
        raise NetworkError(f"{where}: {problem}")


def _passing_state(compiled: Any, model: Any) -> str:
    """What a training could not go on with after an interruption; empty if there is nothing."""
    kept = {id(variable.value.handle) for variable in model.variables}
    held = [tensor for tensor in compiled.captured_inputs if tensor.dtype == tf.resource]
    if any(id(handle) not in kept for handle in held):
        return (
            "it has state that is no weight of its layers and would not be saved; make variables by `add_weight`, and "
            f"{SEEDED}"
        )
    drawn = (operation.type for operation in compiled.graph.get_operations())
    if found := next((kind for kind in drawn if RANDOM.match(kind)), None):
        return f"it draws random numbers ({found}) that would be others after an interruption; {SEEDED}"
    return ""


def problems(model: Any, crop: int, classes: int) -> Iterator[str]:
    """What is wrong with a built model, the most telling first; nothing if it can be trained."""
    if not isinstance(model, keras.Model):
        what = "nothing (is a `return` missing?)" if model is None else f"a {type(model).__name__}"
        yield f"`build` returns {what}; it has to return a keras.Model"
        return
    inputs = getattr(model, "inputs", None)
    if not inputs:
        yield "its model has no input; make it by keras.Model(inputs, outputs), or begin with keras.Input(input_shape)"
        return
    if len(inputs) != 1:
        yield f"it has {len(inputs)} inputs; it has to have one, the image"
        return
    shape, dtype = tuple(inputs[0].shape), inputs[0].dtype
    if shape != (None, crop, crop, 3) or dtype != "float32":
        found = f"{_shape(shape[1:])}, {dtype}" + (f", in batches of {shape[0]}" if shape[0] else "")
        yield f"its input is {found}; it has to be {crop} × {crop} × 3, float32, as in keras.Input(input_shape)"
    logits = next((layer for layer in model.layers if layer.name == "logits"), None)
    if logits is None:
        yield "no layer is called `logits`; give that name to the last dense layer, as `blocks.classifier` does"
        return
    yield from _problems_of_output(model, logits, classes)


def _problems_of_output(model: Any, logits: Any, classes: int) -> Iterator[str]:
    if _uses(model, logits) != 1:
        yield "the layer `logits` is used more than once; use it once"
    output = logits.output
    if not isinstance(output, keras.KerasTensor):
        yield f"the layer `logits` puts out a {type(output).__name__}; it has to put out one tensor"
        return
    if tuple(output.shape[1:]) != (classes,):
        yield f"the layer `logits` puts out {_shape(output.shape[1:])}; it has to have {classes} units, one a class"
    if name := _activation(logits):
        yield f"the layer `logits` has the activation {name}; it has to have none: the softmax is a layer of its own"
    if output.dtype != "float32":
        yield f"the layer `logits` computes in {output.dtype}; give it dtype='float32'"
    trained = keras.Model(model.inputs, output).trainable_weights
    if not trained:
        yield "it has no weights to train"
    if held := [weight.path for weight in trained if weight.constraint is not None]:
        yield f"{held[0]} has a constraint, which training does not keep; leave it out"
    kept = {id(weight) for weight in trained}
    if left := [weight.path for weight in model.trainable_weights if id(weight) not in kept]:
        yield f"`logits` does not depend on {left[0]}, which would not be trained; `logits` comes after all weights"


def _uses(model: Any, layer: Any) -> int:
    """How often a network uses a layer of its own."""
    several = keras.Function(model.inputs, model.outputs)._nodes_by_depth.values()
    return sum(node.operation is layer for nodes in several for node in nodes)


def _activation(layer: Any) -> str:
    """The name of what a layer, or one before that it only passes on, ends with; empty if that is linear."""
    activation = getattr(layer, "activation", None)
    if activation not in (None, keras.activations.linear):
        return str(getattr(activation, "__name__", activation)).removesuffix("_v2")
    if isinstance(layer, PASSING_ON):
        return _activation(layer.input._keras_history.operation)
    kind = type(layer).__name__.lower()
    return kind if kind in ACTIVATIONS else ""


def _shape(shape: tuple[int | None, ...]) -> str:
    return " × ".join(map(str, shape)) or "one number"
