"""What checkpoints cost a training: windows of steps that begin with a checkpoint against windows without, in turns.

    python benchmarks/checkpoints.py [--crop 67] [--batch-size 128] [--pairs 20] [--steps 16]

Prints the time that a checkpoint adds to a training and its share of the time between two.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import origin

from alexvgg.checkpoints.saver import EVERY
from alexvgg.checkpoints.snapshot import Snapshot
from alexvgg.checkpoints.store import Checkpoints
from alexvgg.networks import registry, runtime
from alexvgg.params import file
from alexvgg.rows.identity import Identity
from alexvgg.system import hardware


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="alexnet", help="of profiles/cpu.yaml")
    parser.add_argument("--crop", type=int, default=67)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--steps", type=int, default=16, help="of a window; long enough for a checkpoint's write")
    parser.add_argument("--output", type=Path, help="write the figures there, too")
    settings = parser.parse_args()
    runtime.start("float32", 0)
    trainer = make_trainer(settings.model, settings.crop, settings.batch_size)
    seconds = measure(trainer, settings.crop, settings.batch_size, settings.pairs, settings.steps)
    size = sum(array.nbytes for array in trainer.state()[1].values()) / 1e6
    text = (
        f"{settings.model}, {settings.crop} px, batch {settings.batch_size}: state of {size:.0f} MB.\n"
        f"{findings(seconds)}"
    )
    print(text)
    if settings.output:
        settings.output.write_text(f"# Checkpoints\n\n{origin.sentence()}\n\n{text}")


def make_trainer(name: str, crop: int, batch_size: int) -> Any:
    """A trainer of a network on random images. TensorFlow has to be started."""
    from alexvgg.data.arrays import Description, TrainingData
    from alexvgg.data.dataset import Split
    from alexvgg.training.trainer import Trainer

    random = np.random.default_rng(0)
    images = random.integers(0, 256, (4096, 32, 32, 3), dtype=np.uint8)
    split = Split(images, random.integers(0, 100, 4096).astype(np.int32))
    description = Description(
        source="random", title="random", archive_sha256="", classes=[str(i) for i in range(100)], superclasses={},
        side=32, mean=[0.5] * 3, std=[0.25] * 3, resize=256, crop=227, images={}, sha256={},
    )  # fmt: skip
    recipe = file.load(Path("profiles/cpu.yaml")).recipe(name)
    recipe = recipe.model_copy(update={"epochs": 10_000, "batch_size": batch_size})
    identity = Identity(model=name, seed=0, architecture=name, options={}, crop=crop, recipe=recipe, data={})
    return Trainer(registry.named(name).build(crop, 100, {}), TrainingData(split, split, description), identity)


def measure(trainer: Any, crop: int, batch_size: int, pairs: int, steps: int) -> dict[bool, np.ndarray]:
    """Seconds of every step, (pairs, steps), of windows with a checkpoint at their start and of windows without."""
    import tensorflow as tf

    batch, update = tf.range(batch_size), trainer.compiled_step(crop)
    with tempfile.TemporaryDirectory() as folder, Checkpoints(Path(folder) / "c" / "alexnet-0-0") as checkpoints:

        def window(saving: bool) -> list[float]:
            times = [time.monotonic()]
            for number in range(steps):
                if saving and number == 0:
                    checkpoints.save(Snapshot(*trainer.state(), hardware.environment()))
                update(batch, tf.constant(trainer.step), tf.constant(1e-6))
                times.append(time.monotonic())
            checkpoints.wait()
            return list(np.diff(times))

        found = [(window(True), window(False)) for _ in range(pairs + 1)][1:]  # the first ones compile
    return {True: np.array([pair[0] for pair in found]), False: np.array([pair[1] for pair in found])}


def findings(seconds: dict[bool, np.ndarray]) -> str:
    """What a checkpoint adds: over the steps of a window, the difference of the medians over all windows.

    Bursts of other work on the machine drop out so. Both halves of the pairs say how much is left to chance.
    """
    without = np.median(seconds[False], axis=0)
    added = float(np.sum(np.median(seconds[True], axis=0) - without))
    halves = sorted(
        float(np.sum(np.median(seconds[True][i::2], axis=0) - np.median(seconds[False][i::2], axis=0))) for i in (0, 1)
    )
    return (
        f"{len(seconds[True])} pairs of windows of {without.sum():.1f} s, steps of {np.median(without):.3f} s: a "
        f"checkpoint adds {added:.2f} s\n(either half of the pairs: {halves[0]:.2f}, {halves[1]:.2f}), "
        f"{added / EVERY:.2%} of the {EVERY:.0f} s between two.\n"
    )


if __name__ == "__main__":
    main()
