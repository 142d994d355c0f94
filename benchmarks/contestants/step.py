"""Our training step by itself: network, loss, clipping and optimizer on one constant batch.

python step.py <architecture> <crop> <batch_size>
"""

import sys
from pathlib import Path

from windows import serve

from alexvgg import models, params_file, runtime

ROOT = Path(__file__).resolve().parents[2]


def main(architecture: str, crop: int, batch_size: int) -> None:
    recipe = params_file.load(ROOT / "profiles/cpu.yaml").recipe(architecture)
    tf = runtime.start(recipe.precision, 0)
    import keras

    from alexvgg.anatomy import training_flops
    from alexvgg.optimizers import Optimizer
    from alexvgg.prediction import logits_network

    model = models.named(architecture).build(crop, 100, {})
    network = logits_network(model)
    optimizer = Optimizer(recipe, network.trainable_variables)
    loss_of = keras.losses.CategoricalCrossentropy(from_logits=True)
    images = tf.random.stateless_normal([batch_size, crop, crop, 3], seed=[0, 0])
    labels = tf.one_hot(tf.random.stateless_uniform([batch_size], [0, 1], 0, 100, tf.int32), 100)

    @tf.function
    def step(number, rate):
        with tf.GradientTape() as tape:
            loss = loss_of(labels, network(images, training=True))
        optimizer.apply(tape.gradient(loss, network.trainable_variables), number, rate)
        return loss

    facts = {"params": model.count_params(), "flops": training_flops(model), "hardware": runtime.hardware()}
    serve(lambda: float(step(tf.constant(1), tf.constant(1e-6))), batch_size, **facts)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
