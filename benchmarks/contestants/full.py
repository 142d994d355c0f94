"""Our training in full, as the stage `train` runs it: input, metrics, checkpoints, journal, tracking.

    python full.py <architecture> <crop> <batch_size> <precision> [training images] [seconds between checkpoints]

It runs in a temporary copy of the project's settings, on random images of CIFAR-100's size and number. The time
that it sleeps does not count for its checkpoints: they are made every so many seconds of work, as in use
unless told otherwise. The first three are made while it warms up, since the fourth is the first that is written over
an older one, as all later ones are.
"""

import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "stages"))

import numpy as np  # noqa: E402
from ruamel.yaml import YAML  # noqa: E402
from windows import Windows  # noqa: E402

import _project  # noqa: F401, E402 - begins again in the variables of a stage, before anything else sets some
from alexvgg.checkpoints import saver  # noqa: E402
from alexvgg.networks import runtime  # noqa: E402
from alexvgg.pipeline import layout  # noqa: E402

WARM_UP = 4  # steps: those that compile, and a checkpoint after each but the last
IMAGES = {"val": 5_000, "test": 10_000}


def make_project(architecture: str, crop: int, batch_size: int, precision: str, images: dict[str, int]) -> None:
    """Parameters and arrays in the present folder."""
    from alexvgg.data import arrays
    from alexvgg.data.dataset import Split

    params = YAML(typ="safe", pure=True).load(ROOT / "profiles/cpu.yaml")
    one_size = {"crop": crop, "batch_size": batch_size, "precision": precision, "early_crops": []}
    params["models"] = {"bench": params["models"][architecture] | one_size}
    YAML().dump(params, layout.PARAMS)
    layout.PIPELINE.write_text((ROOT / "dvc.yaml").read_text())
    for name in ("src", "stages"):
        Path(name).symlink_to(ROOT / name)
    random, sha256 = np.random.default_rng(0), {}
    for name, n in images.items():
        pixels, labels = random.bytes(n * 3072), random.integers(0, 100, n).astype(np.int32)
        split = Split(np.frombuffer(pixels, np.uint8).reshape(n, 32, 32, 3), labels)
        sha256[name] = arrays.save(layout.SPLITS[name], split)
    arrays.save_description(layout.DESCRIPTION, described(images, sha256))


def described(images: dict[str, int], sha256: dict[str, str]) -> Any:
    """The description of such images."""
    from alexvgg.data.arrays import Description

    return Description(
        source="cifar100", title="random", archive_sha256="", classes=[str(i) for i in range(100)], superclasses={},
        side=32, mean=[0.5] * 3, std=[0.25] * 3, resize=256, crop=227, images=images, sha256=sha256,
    )  # fmt: skip


def main(
    architecture: str, crop: int, batch_size: int, precision: str, images: int = 45_000, every: float = saver.EVERY
) -> None:
    runtime.start(precision, 0)  # before anything imports TensorFlow, as in the stage
    from alexvgg.pipeline import progress

    windows = Windows(batch_size, WARM_UP)
    saver.time = SimpleNamespace(monotonic=windows.work_clock)  # type: ignore[assignment]
    shown, saved = progress.Progress.step, saver.Saver.safe_point

    def step(self: Any, **numbers: float) -> None:
        shown(self, **numbers)
        saver.EVERY = 0.0 if numbers["step"] < WARM_UP else every

    def safe_point(self: Any) -> None:
        saved(self)  # a checkpoint belongs to the window of the step before it
        windows.after_step()

    progress.Progress.step = step  # type: ignore[method-assign, assignment]
    saver.Saver.safe_point = safe_point  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.chdir(folder)
        make_project(architecture, crop, batch_size, precision, {"train": images, **IMAGES})
        import check
        import train

        check.main()
        try:
            train.main("bench", 0)
        except KeyboardInterrupt:
            os.chdir(ROOT)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], *map(int, sys.argv[5:]))
