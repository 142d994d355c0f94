"""What checkpoints cost a training: windows of steps that begin with a checkpoint against windows without, in turns.

    python benchmarks/checkpoints.py [--crop 67] [--batch-size 128] [--pairs 20] [--steps 16]

Prints the time that a checkpoint adds to a training and its share of the 45 seconds between two.
"""

import argparse
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
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--steps", type=int, default=16, help="of a window; long enough for a checkpoint's write")
    parser.add_argument("--output", type=Path, help="write the figures there, too")
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
    batch, update = tf.range(settings.batch_size), trainer.compiled_step(settings.crop)
    windows: dict[bool, list[list[float]]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder, Checkpoints(Path(folder) / "c" / "alexnet-0-0") as checkpoints:

        def window(saving: bool) -> None:
            seconds, end = [], time.monotonic()
            for number in range(settings.steps):
                if saving and number == 0:
                    checkpoints.save(Snapshot(*trainer.state(), runtime.versions()))
                update(batch, tf.constant(trainer.step), tf.constant(1e-6))
                began, end = end, time.monotonic()
                seconds.append(end - began)
            windows[saving].append(seconds)
            checkpoints.wait()

        window(True)
        window(False)
        windows = {True: [], False: []}  # the first ones compile
        for _ in range(settings.pairs):
            window(True)
            window(False)
        size = sum(array.nbytes for array in trainer.state()[1].values()) / 1e6
    # Of every step of a window the median over all windows: bursts of other work on the machine drop out.
    steps = {saving: np.median(values, axis=0) for saving, values in windows.items()}
    added = float(sum(steps[True]) - sum(steps[False]))
    halves = [
        float(np.sum(np.median(windows[True][i::2], axis=0)) - np.sum(np.median(windows[False][i::2], axis=0)))
        for i in (0, 1)
    ]
    text = (
        f"{settings.model}, {settings.crop} px, batch {settings.batch_size}, {runtime.hardware()}. "
        f"State {size:.0f} MB, step {np.median(steps[False]):.3f} s,\n{settings.pairs} pairs of windows of "
        f"{sum(steps[False]):.1f} s: a checkpoint adds {added:.2f} s (either half of the pairs: {min(halves):.2f}, "
        f"{max(halves):.2f}),\n{added / EVERY:.2%} of the {EVERY:.0f} s between two.\n"
    )
    print(text)
    if settings.output:
        settings.output.write_text(f"# Checkpoints\n\nMade by `make bench`.\n\n{text}")


if __name__ == "__main__":
    main()
