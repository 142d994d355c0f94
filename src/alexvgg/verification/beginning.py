"""The beginning of a training, repeated: a few steps are compared with what the report says of them, bit by bit.

Imports TensorFlow: call `runtime.start` before importing this.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from alexvgg.data import arrays
from alexvgg.data.arrays import TrainingData
from alexvgg.evaluation import prediction
from alexvgg.networks import checking, counting, registry
from alexvgg.networks.counting import Layer
from alexvgg.rows.identity import Identity, Inputs
from alexvgg.rows.summary import Beginning, Summary
from alexvgg.system import hardware
from alexvgg.training.trainer import BEGINNING, Trainer
from alexvgg.verification import recorded
from alexvgg.verification.findings import Finding

# How far rounding moves the loss after so many steps, relatively: several times what other threads and other vector
# units were seen to do (benchmarks/results/rounding.md), and processors without units for bfloat16
# (docs/how-to/check-a-number.md). A step later nothing can be told.
ROUNDING = {1: 1e-5, 2: 1e-3}
ROUNDING_BFLOAT16 = {1: 2e-2, 2: 2e-2}


class _Far(Exception):
    """The last step to be compared is done."""


def of(summary: Summary, identity: Identity, inputs: Inputs) -> Iterator[Finding]:
    """Train as far as the report has exact losses, and compare."""
    data = training_data(inputs)
    architecture = registry.named(identity.architecture)
    model = checking.build(architecture, identity.crop, len(data.description.classes), identity.options)
    # Later steps tell nothing on another type of processor, and are slow if it has no units for bfloat16.
    here = hardware.title()
    last = BEGINNING[-1] if summary.hardware == here else max(ROUNDING)
    yield judged(summary, repeated(Trainer(model, data, identity), last), here)


def counted(summary: Summary, description: Path) -> tuple[int, list[Layer], dict[str, int | None]]:
    """A network's weights, its layers, and the operations of one image's training step by crop.

    The last two as an evaluation has them.
    """
    crops = sorted({crop for _, crop in recorded.planned(summary)})
    known = arrays.load_description(description)
    model = prediction.build(summary, known)
    own = counting.layers(model)
    at = {crop: counting.layers(prediction.build(summary, known, crop)) for crop in crops if crop != summary.crop}
    return model.count_params(), own, {str(crop): counting.training_flop(own, at.get(crop, own)) for crop in crops}


def training_data(inputs: Inputs) -> TrainingData:
    """The training and validation split, and their description."""
    description = arrays.load_description(inputs.description)
    return TrainingData(arrays.load(inputs.train, description), arrays.load(inputs.val, description), description)


def repeated(trainer: Trainer, last: int = BEGINNING[-1]) -> list[Beginning]:
    """What `Summary.beginning` says, of the first steps of a training, up to step `last`."""

    def report(*, step: int, **_: Any) -> None:
        if step == last:
            raise _Far

    with suppress(_Far):
        for _ in trainer.epochs(report, lambda: None):
            pass
    return trainer.beginning


def judged(summary: Summary, anew: list[Beginning], here: str) -> Finding:
    """Whether steps are the same to the last bit, apart by no more than rounding, or others; `anew` may end earlier.

    `here` is the hardware that made `anew`.
    """
    reported, noted = [one.step for one in summary.beginning], [one.step for one in anew]
    if reported[: len(noted)] != noted or not set(reported) <= set(BEGINNING):
        return Finding("differs", summary.name, f"losses are reported of steps {reported}, noted are {noted}")
    if anew == summary.beginning[: len(anew)]:
        steps = ", ".join(map(str, noted))
        return Finding("same", summary.name, f"losses and weights after steps {steps}: to the last bit")
    if problem := _never_by_rounding(summary, anew, here):
        return Finding("differs", summary.name, problem)
    on_cpus = summary.hardware.startswith("CPU") and here.startswith("CPU")  # GPUs round products, as bfloat16 does
    bounds = ROUNDING if summary.recipe.precision == "float32" and on_cpus else ROUNDING_BFLOAT16
    apart = {
        again.step: float(abs(there.loss - again.loss) / np.maximum(abs(there.loss), 1e-12))
        for there, again in zip(summary.beginning, anew, strict=False)
        if again.step in bounds
    }
    found = ", ".join(f"{difference:.1e} after step {step}" for step, difference in apart.items())
    if all(difference <= bounds[step] for step, difference in apart.items()):
        what = "processor" if summary.hardware == here else "type of processor or with other threads"
        text = f"losses differ by {found}, as rounding on another {what} explains"
        return Finding("unknown", summary.name, f"{text} ({summary.hardware} there)")
    most = ", ".join(f"{bound:.0e} after step {step}" for step, bound in bounds.items())
    return Finding("differs", summary.name, f"losses differ by {found}; rounding explains no more than {most}")


def _never_by_rounding(summary: Summary, anew: list[Beginning], here: str) -> str:
    """What no other order of sums makes; empty if there is nothing. Hardware of one name may yet round differently."""
    pairs = list(zip(summary.beginning, anew, strict=False))
    alike = [there == again for there, again in pairs]
    exact = summary.recipe.precision == "float32"  # in bfloat16 networks see their weights rounded
    if exact and len(pairs) == len(BEGINNING) and all(there.loss == again.loss for there, again in pairs):
        return "the losses of all steps are the same, and digests of the weights are not"
    if summary.hardware == here and len(pairs) == len(BEGINNING) and alike[:-1] == [True] * (len(pairs) - 1):
        return (
            f"the same to the last bit until step {BEGINNING[-2]}, another loss or other weights after {BEGINNING[-1]}"
        )
    return ""
