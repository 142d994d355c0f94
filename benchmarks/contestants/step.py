"""Our training step by itself: network, loss, clipping and optimizer on one constant batch.

python step.py <architecture> <crop> <batch_size> [settings: see --help]
"""

import argparse
from pathlib import Path

from windows import serve

from alexvgg.networks import counting, registry, runtime
from alexvgg.params import file

ROOT = Path(__file__).resolve().parents[2]


def main(
    architecture: str, crop: int, batch_size: int,
    precision: str, inter_threads: int | None, steps_per_call: int, without_update: bool,
) -> None:  # fmt: skip
    recipe = file.load(ROOT / "profiles/cpu.yaml").recipe(architecture)
    tf = runtime.start(precision, 0)
    if inter_threads is not None:
        tf.config.threading.set_inter_op_parallelism_threads(inter_threads)
    import keras

    from alexvgg.evaluation.prediction import logits_network
    from alexvgg.training.optimizer import Optimizer

    model = registry.named(architecture).build(crop, 100, {})
    network = logits_network(model)
    optimizer = Optimizer(recipe, network.trainable_variables)
    loss_of = keras.losses.CategoricalCrossentropy(from_logits=True)
    images = tf.random.stateless_normal([batch_size, crop, crop, 3], seed=[0, 0])
    labels = tf.one_hot(tf.random.stateless_uniform([batch_size], [0, 1], 0, 100, tf.int32), 100)

    @tf.function
    def step(number, rate):
        with tf.GradientTape() as tape:
            loss = loss_of(labels, network(images, training=True))
        gradients = tape.gradient(loss, network.trainable_variables)
        if without_update:
            return loss + 0.0 * sum(tf.reduce_sum(gradient[..., :1]) for gradient in gradients)
        optimizer.apply(gradients, number, rate)
        return loss

    @tf.function
    def steps(number, rate):
        for _ in tf.range(steps_per_call - 1):
            step(number, rate)
        return step(number, rate)

    layers = counting.layers(model)
    flop = counting.training_flop(layers, layers)
    facts = {"params": model.count_params(), "flops": flop}
    call = steps if steps_per_call > 1 else step
    serve(lambda: float(call(tf.constant(1), tf.constant(1e-6))), batch_size * steps_per_call, **facts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architecture")
    parser.add_argument("crop", type=int)
    parser.add_argument("batch_size", type=int)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--inter-threads", type=int)
    parser.add_argument("--steps-per-call", type=int, default=1)
    parser.add_argument("--without-update", action="store_true", help="gradients only")
    main(**vars(parser.parse_args()))
