"""Records as the pipeline writes them, complete and small, for tests to change."""

from dataclasses import asdict, fields
from typing import Any

import pandas as pd

from alexvgg.evaluation import cost
from alexvgg.networks import registry
from alexvgg.networks.counting import Layer
from alexvgg.params.recipe import Recipe
from alexvgg.rows.evaluation import Evaluation
from alexvgg.rows.history import Epoch
from alexvgg.rows.identity import Identity, Inputs
from alexvgg.rows.row import Row
from alexvgg.rows.summary import Beginning, Summary
from alexvgg.training import schedule

RECIPE = {
    "epochs": 3, "batch_size": 128, "optimizer": "adam", "learning_rate": 0.001, "schedule": "one_cycle",
    "warmup_fraction": 0.0, "momentum": 0.9, "weight_decay": 0.0, "label_smoothing": 0.1, "gradient_clip_norm": None,
    "precision": "float32", "jit_compile": False, "random_crop": True, "padding": 0, "flip": "none",
    "cutmix": 0.0, "erasing": 0.0, "early_crops": [], "restart": 0.0, "stop_after": None,
}  # fmt: skip
LAYER = Layer("Conv2D 96, 11 × 11, strides 4, valid, relu", [55, 55, 96], 34_944, 210_830_400)
STEP_FLOP = 10**9  # of one image, at 227 pixels


def recipe(**changes: Any) -> Recipe:
    return Recipe.model_validate(RECIPE | changes)


def identity(**changes: Any) -> Identity:
    """Of AlexNet, unless another `architecture` is given; `options` are completed with the architecture's own."""
    architecture, options = changes.get("architecture", "alexnet"), changes.pop("options", {})
    known = registry.ARCHITECTURES.get(architecture)
    base = {
        "model": "alexnet",
        "seed": 0,
        "architecture": architecture,
        "options": known.parse(options).model_dump() if known else options,
        "crop": 227,
        "recipe": recipe(),
        "data": {field.name: str(i) * 64 for i, field in enumerate(fields(Inputs))},
    }
    return Identity.model_validate(base | changes)


def summary(**changes: Any) -> Summary:
    """Of a training on CIFAR-100. The changes may be of its identity, too."""
    own = {name: changes.pop(name) for name in list(changes) if name not in Identity.model_fields}
    known = identity(**changes)
    base = {
        **{name: getattr(known, name) for name in Identity.model_fields},
        "version": "1.0.0",
        "source": "cifar100",
        "title": "CIFAR-100",
        "archive_sha256": "85cd44d02ba6" + "0" * 52,
        "images": {"train": 45_000, "val": 5_000, "test": 10_000},
        "resize": 256,
        "hardware": "CPU, 2 threads",
        "params": 58_696_548,
        "weights_sha256": "7" * 64,
        "beginning": [Beginning(step=1, loss=4.625, weights_sha256="8" * 64)],
        "loss": 2.0,
        "val_loss": 2.1,
        "acc": 0.5,
        "val_acc": 0.4432,
    }
    return Summary.model_validate(base | own)


def evaluation(**changes: Any) -> Evaluation:
    base = {
        "train_acc": 0.6,
        "train_petaflop": 0.134784,
        "test_loss": 2.2,
        "test_acc": 0.44,
        "test_acc_low": 0.4303,
        "test_acc_high": 0.4498,
        "test_top5": 0.7,
        "test_ece": 0.1,
        "test_superclass_acc": 0.55,
        "layers": [LAYER],
        "training_flop": {"227": STEP_FLOP},
    }
    return Evaluation.model_validate(base | changes)


def row(model: str = "alexnet", seed: int = 0, **changes_of_summary: Any) -> Row:
    """A training with its evaluation; `dataclasses.replace` changes its other parts.

    The architecture is the one called as the model is, or else AlexNet. The history ends where the summary does, and
    a step costs in proportion to the area of its crops.
    """
    known = {"architecture": model} if model in registry.ARCHITECTURES else {}
    made = summary(model=model, seed=seed, **known | changes_of_summary)
    epochs = _epochs(made)
    flop = {str(one.crop): STEP_FLOP * one.crop**2 // 227**2 for one in epochs}
    petaflop = cost.petaflop_by_epoch(made, [one.crop for one in epochs], flop)[-1]
    return Row(made, evaluation(training_flop=flop, train_petaflop=petaflop), history(*epochs), answers())


def history(*epochs: Epoch) -> pd.DataFrame:
    return pd.DataFrame([asdict(one) for one in epochs])


def answers() -> pd.DataFrame:
    return pd.DataFrame({"label": ["cat", "dog"], "answer": ["cat", "cat"], "confidence": [0.9, 0.6], "rank": [1, 2]})


def _epochs(made: Summary) -> list[Epoch]:
    """Those that were trained, in straight lines to the summary's numbers."""
    steps, planned = cost.steps(made.recipe, made.images["train"])
    count = -(-steps * made.recipe.epochs // planned)
    crops = schedule.crops(made.recipe, made.crop)[:count]
    return [
        Epoch(
            epoch=i,
            crop=crop,
            loss=made.loss * (2 - i / count),
            acc=made.acc * i / count,
            val_loss=made.val_loss * (2 - i / count),
            val_acc=made.val_acc * i / count,
            learning_rate=made.recipe.learning_rate,
        )
        for i, crop in enumerate(crops, start=1)
    ]
