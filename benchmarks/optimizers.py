"""One update of AlexNet's weights: Keras's Adam against ours, interleaved.

python benchmarks/optimizers.py [rounds]
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from alexvgg import models, runtime
from alexvgg.params import Recipe

RECIPE = Recipe(
    epochs=1, batch_size=32, optimizer="adam", learning_rate=1e-3, schedule="constant", warmup_fraction=0.0,
    momentum=0.9, weight_decay=0.02, label_smoothing=0.0, gradient_clip_norm=1.0, precision="float32",
    jit_compile=False, random_crop=True, flip="random", early_crops=[],
)  # fmt: skip


def main(rounds: int) -> None:
    tf = runtime.start("float32", 0)
    import keras

    from alexvgg.optimizers import Optimizer

    model = models.named("alexnet").build(67, 100, {})
    variables = model.trainable_variables
    gradients = [tf.random.stateless_normal(v.shape, seed=[0, i], stddev=1e-3) for i, v in enumerate(variables)]
    theirs = keras.optimizers.Adam(1e-3, weight_decay=0.02, global_clipnorm=1.0)
    theirs.build(variables)
    ours = Optimizer(RECIPE, variables)
    contestants: dict[str, Callable[[], Any]] = {
        "Keras": tf.function(lambda: theirs.apply(gradients, variables)),
        "ours": tf.function(lambda: ours.apply(gradients, tf.constant(1), tf.constant(1e-3))),
    }
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for round_number in range(rounds + 2):
        for name, update in contestants.items():
            began = time.perf_counter()
            update()
            if round_number >= 2:  # the first ones compile
                times[name].append(time.perf_counter() - began)
    for name, values in times.items():
        spread = f"{min(values) * 1e3:.0f} to {max(values) * 1e3:.0f}"
        print(f"{name}: median {statistics.median(values) * 1e3:.0f} ms ({spread})")
    ratios = [a / b for a, b in zip(times["Keras"], times["ours"], strict=True)]
    print(f"Keras / ours: median {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    print(f"{model.count_params():,} parameters, {runtime.hardware()}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
