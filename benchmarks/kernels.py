"""Our update, batch normalisation, dense layer and convolutions against Keras's, interleaved.

python benchmarks/kernels.py [rounds]
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import origin

from alexvgg.networks import registry, runtime
from alexvgg.params import file
from alexvgg.system import process

ROOT = Path(__file__).resolve().parents[1]
FEATURE_MAP = (128, 27, 27, 256)  # AlexNet's second, at 227 pixels and a batch of 128
FEATURES = (128, 4096)  # of its dense layers
MAPS = [
    (128, 3, 3, 384), (64, 4, 4, 512), (64, 2, 2, 512), (64, 32, 32, 64),  # AlexNet's at 67 pixels, VGG-16's at 32
    (8, 224, 224, 64),  # its second at 224
]  # fmt: skip
Pair = tuple[Callable[[], Any], Callable[[], Any]]  # Keras's, ours


def adam(tf: Any) -> Pair:
    """An update of AlexNet's weights, with decay and clipping."""
    import keras

    from alexvgg.training.optimizer import Optimizer

    variables = registry.named("alexnet").build(67, 100, {}).trainable_variables
    gradients = [tf.random.stateless_normal(v.shape, seed=[0, i], stddev=1e-3) for i, v in enumerate(variables)]
    theirs = keras.optimizers.Adam(1e-3, weight_decay=0.02, global_clipnorm=1.0)
    theirs.build(variables)
    ours = Optimizer(file.load(ROOT / "profiles/cpu.yaml").recipe("alexnet"), variables)
    return (
        tf.function(lambda: theirs.apply(gradients, variables)),
        tf.function(lambda: ours.apply(gradients, tf.constant(1), tf.constant(1e-3))),
    )


def batch_normalization(tf: Any, precision: str) -> Pair:
    """Forward and backward, in training."""
    import keras

    from alexvgg.networks.blocks import BatchNormalization

    theirs, ours = keras.layers.BatchNormalization(dtype=precision), BatchNormalization(dtype=precision)
    return backward(tf, theirs, FEATURE_MAP, "gamma", "beta"), backward(tf, ours, FEATURE_MAP, "gamma", "beta")


def dense(tf: Any, precision: str) -> Pair:
    """The gradient with respect to the input."""
    import keras

    from alexvgg.networks.blocks import Dense

    theirs, ours = keras.layers.Dense(FEATURES[1], dtype=precision), Dense(FEATURES[1], dtype=precision)
    return backward(tf, theirs, FEATURES), backward(tf, ours, FEATURES)


def convolution(tf: Any, precision: str, shape: tuple[int, ...]) -> Pair:
    """The gradients with respect to input, kernel and bias, from as many channels to as many filters."""
    import keras

    from alexvgg.networks.blocks import Conv2D

    theirs, ours = (kind(shape[3], 3, padding="same", dtype=precision) for kind in (keras.layers.Conv2D, Conv2D))
    return backward(tf, theirs, shape, "kernel", "bias"), backward(tf, ours, shape, "kernel", "bias")


def backward(tf: Any, layer: Any, shape: tuple[int, ...], *weights: str) -> Callable[[], Any]:
    """A function that computes a layer's gradients by its input, of the shape of its output, and by its `weights`."""
    layer.build(shape)
    inputs, upstream = (
        tf.cast(tf.random.stateless_normal(shape, seed=[0, i]), layer.compute_dtype) for i in range(2)
    )  # fmt: skip

    @tf.function
    def gradients() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True)
        by = [inputs, *(getattr(layer, name).value for name in weights)]
        return tape.gradient(outputs, by, output_gradients=upstream)

    return lambda: gradients()[0][0, 0].numpy()  # wait for the result


def compare(name: str, pair: Pair, rounds: int) -> None:
    times: list[list[float]] = [[], []]
    for round_number in range(rounds + 2):
        for run, taken in zip(pair, times, strict=True):
            began = time.perf_counter()
            run()
            if round_number >= 2:  # the first ones compile
                taken.append((time.perf_counter() - began) * 1e3)
    theirs, ours = (f"{statistics.median(taken):.0f} ms ({min(taken):.0f} to {max(taken):.0f})" for taken in times)
    ratios = [a / b for a, b in zip(*times, strict=True)]
    ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    print(f"{name}: Keras {theirs}, ours {ours}, ratio {ratio}", flush=True)


def main(rounds: int) -> None:
    tf = runtime.start("float32", 0)
    print(origin.sentence())
    compare("Adam, 21,996,388 weights", adam(tf), rounds)
    for precision in ("float32", "mixed_bfloat16"):
        compare(f"Batch normalisation, {FEATURE_MAP}, {precision}", batch_normalization(tf, precision), rounds)
        compare(f"Dense, {FEATURES} by 4096, {precision}", dense(tf, precision), rounds)
        for shape in MAPS:
            compare(f"Convolution, 3 by 3, {shape}, {precision}", convolution(tf, precision, shape), rounds)


if __name__ == "__main__":
    process.begin_again(Path(__file__).parent.parent)
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
