"""What checkpoints cost a training: steps of a stretch with one checkpoint against one without, in turns.

    python benchmarks/checkpoints.py [--crop 67] [--batch-size 128] [--pairs 7] [--seconds 20]

Prints the time that a checkpoint adds to a training and its share of the 45 seconds between two.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from alexvgg import params_file, runtime
from alexvgg.keeper import EVERY


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="alexnet", help="of profiles/cpu.yaml")
    parser.add_argument("--crop", type=int, default=67)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=20.0, help="of a stretch")
    settings = parser.parse_args()
    tf = runtime.start("float32", 0)
    from alexvgg import models
    from alexvgg.checkpoint import Checkpoints, Snapshot
    from alexvgg.data.arrays import Description
    from alexvgg.data.dataset import Split
    from alexvgg.training import Trainer

    random = np.random.default_rng(0)
    images = random.integers(0, 256, (4096, 32, 32, 3), dtype=np.uint8)
    split = Split(images, random.integers(0, 100, 4096).astype(np.int32))
    description = Description(
        source="random", archive_sha256="", classes=[str(i) for i in range(100)], side=32,
        mean=[0.5] * 3, std=[0.25] * 3, resize=256, crop=227, images={}, sha256={},
    )  # fmt: skip
    recipe = params_file.load(Path("profiles/cpu.yaml")).recipe(settings.model)
    recipe = recipe.model_copy(update={"epochs": 10_000, "batch_size": settings.batch_size})
    architecture = models.named(settings.model)
    model = architecture.build(settings.crop, 100, architecture.parse({}).model_dump())
    trainer = Trainer(model, split, description, settings.crop, recipe, 0)
    batch = tf.range(settings.batch_size)
    seconds_per_step: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder, Checkpoints(Path(folder) / "c" / "alexnet-0-0") as checkpoints:

        def stretch(saving: bool, least: float) -> None:
            steps, began = 0, time.monotonic()
            if saving:
                checkpoints.save(Snapshot(*trainer.state(), runtime.versions()))
            while time.monotonic() - began < least:
                trainer._compiled_step(batch, tf.constant(trainer.step), tf.constant(1e-6))
                steps += 1
            checkpoints.wait()
            seconds_per_step[saving].append((time.monotonic() - began) / steps)

        stretch(False, 5.0)
        stretch(True, 5.0)
        for values in seconds_per_step.values():
            values.clear()  # the first ones compile
        for _ in range(settings.pairs):
            stretch(True, settings.seconds)
            stretch(False, settings.seconds)
        size = sum(array.nbytes for array in trainer.state()[1].values()) / 1e6
    pairs = zip(seconds_per_step[True], seconds_per_step[False], strict=True)
    added = sorted((with_one / without - 1) * settings.seconds for with_one, without in pairs)
    median = statistics.median(added)
    print(f"{settings.model}, {settings.crop} px, batch {settings.batch_size}: state {size:.0f} MB")
    print(
        f"a checkpoint adds {median:.2f} s ({added[0]:.2f} to {added[-1]:.2f}), {median / EVERY:.2%} of {EVERY:.0f} s"
    )


if __name__ == "__main__":
    main()
