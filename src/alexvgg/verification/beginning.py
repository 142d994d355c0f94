"""The beginning of a training, repeated: a few steps are compared with what the report says of them, bit by bit.

Imports TensorFlow: call `runtime.start` before importing this.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from alexvgg.data import arrays
from alexvgg.data.arrays import TrainingData
from alexvgg.networks import checking, registry
from alexvgg.rows.identity import Identity, Inputs
from alexvgg.rows.summary import Beginning, Summary
from alexvgg.training.trainer import BEGINNING, Trainer
from alexvgg.verification.findings import Finding, compared

# How far rounding moves the loss after so many steps, relatively: several times what other threads and other vector
# units were seen to do (benchmarks/results/rounding.md). A step later nothing can be told.
ROUNDING = {1: 1e-5, 2: 1e-3}
ROUNDING_BFLOAT16 = {1: 5e-3, 2: 2e-2}


class _Far(Exception):
    """The last step to be compared is done."""


def of(summary: Summary, identity: Identity, inputs: Inputs) -> Iterator[Finding]:
    """Train as far as the report has exact losses, and compare."""
    data = training_data(inputs)
    architecture = registry.named(identity.architecture)
    model = checking.build(architecture, identity.crop, len(data.description.classes), identity.options)
    yield compared(summary.name, "parameters", summary.params, model.count_params())
    yield judged(summary, repeated(Trainer(model, data, identity)))


def training_data(inputs: Inputs) -> TrainingData:
    """The training and validation split, and their description."""
    description = arrays.load_description(inputs.description)
    return TrainingData(arrays.load(inputs.train, description), arrays.load(inputs.val, description), description)


def repeated(trainer: Trainer) -> list[Beginning]:
    """What `Summary.beginning` says, of the first steps of a training."""

    def report(*, step: int, **_: Any) -> None:
        if step == BEGINNING[-1]:
            raise _Far

    with suppress(_Far):
        for _ in trainer.epochs(report, lambda: None):
            pass
    return trainer.beginning


def judged(summary: Summary, anew: list[Beginning]) -> Finding:
    """Whether the steps are the same to the last bit, apart by no more than rounding, or others."""
    if anew == summary.beginning:
        steps = ", ".join(str(one.step) for one in anew)
        return Finding("same", summary.name, f"losses and weights after steps {steps}: to the last bit")
    steps_of = [[one.step for one in beginning] for beginning in (summary.beginning, anew)]
    if steps_of[0] != steps_of[1]:
        return Finding("differs", summary.name, f"losses are reported of steps {steps_of[0]}, noted are {steps_of[1]}")
    bounds = ROUNDING if summary.recipe.precision == "float32" else ROUNDING_BFLOAT16
    apart = {
        there.step: float(abs(there.loss - here.loss) / np.maximum(abs(there.loss), 1e-12))
        for there, here in zip(summary.beginning, anew, strict=True)
        if there.step in bounds
    }
    found = ", ".join(f"{difference:.1e} after step {step}" for step, difference in apart.items())
    if all(difference <= bounds[step] for step, difference in apart.items()):
        text = f"losses differ by {found}, as rounding on another type of processor or with other threads explains"
        return Finding("unknown", summary.name, f"{text} ({summary.hardware} there)")
    return Finding("differs", summary.name, f"losses differ by {found}; rounding explains no more than {bounds}")
