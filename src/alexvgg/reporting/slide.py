"""What the talk's slides print and claim. Compared with, never mixed in."""

from dataclasses import dataclass, field
from typing import Any, Literal

DATA = "cifar100"

# The last slide's two rows, by architecture.
RESULTS: dict[str, dict[str, float]] = {
    "alexnet": {"params": 58_696_548, "loss": 2.0653, "val_loss": 2.1413, "acc": 0.4529, "val_acc": 0.4432},
    "alexnet_vgg": {
        "params": 45_295_844,
        "loss": 1.1039,
        "val_loss": 1.5973,
        "acc": 0.6834,
        "val_acc": 0.5788,
    },
}

# Table 2: parameters in millions, with 1000 classes.
MILLIONS = {"vgg_a": 133, "vgg_a_lrn": 133, "vgg_b": 133, "vgg_c": 134, "vgg_d": 138, "vgg_e": 144}

# The slides that draw a network or print its code.
DRAWINGS = {
    "alexnet": "Fig 1, 7",
    "vgg16": "Fig 9, 10",
    "alexnet_vgg": "Fig 11",
    **dict.fromkeys(MILLIONS, "Fig 8"),
}

KRIZHEVSKY = "Krizhevsky et al. 2012"
SIMONYAN = "Simonyan and Zisserman 2014"


@dataclass(frozen=True)
class Claim:
    """A comparison that a slide shows, and what it (or the paper that it is from) claims.

    `setting` is the key that differs, in a roster entry's `options`, in its recipe, or its architecture. Every other
    value is compared with `reference`. `measure` says by what: the lower, the better. Those in `no_better` are said
    not to be better than the reference; all others are said to be better.
    """

    key: str
    slide: str
    title: str
    says: str
    setting: str
    reference: Any
    names: dict[Any, str]
    measure: Literal["epochs_to_error", "val_error", "gap"]
    no_better: tuple[Any, ...] = field(default=())


CLAIMS = [
    Claim(
        "relu", "Fig 2", "ReLU and tanh",
        f"With ReLU the training error falls several times as fast as with tanh ({KRIZHEVSKY}, section 3.1: six times, "
        "a network of four convolutions on CIFAR-10).",
        "activation", "tanh", {"relu": "ReLU", "tanh": "tanh"}, "epochs_to_error",
    ),
    Claim(
        "pooling", "Fig 3", "Overlapping pooling",
        f"Windows of 3 with strides of 2 make a lower error than windows of 2 ({KRIZHEVSKY}, section 3.4: by 0.4 "
        "points of top-1).",
        "overlapping_pooling", False, {True: "3/2, overlapping", False: "2/2"}, "val_error",
    ),
    Claim(
        "normalization", "Fig 4", "Local response normalisation",
        f"Normalising responses lowers the error ({KRIZHEVSKY}, section 3.3: by 1.4 points of top-1). The talk's code "
        "has batch normalisation in its place.",
        "normalization", "none", {"batch": "batch normalisation", "lrn": "LRN", "none": "none"}, "val_error",
    ),
    Claim(
        "random_crop", "Fig 5", "Random crops",
        f"Random crops reduce overfitting ({KRIZHEVSKY}, section 4.1).",
        "random_crop", False, {True: "random crops", False: "centre crops"}, "gap",
    ),
    Claim(
        "dropout", "Fig 6", "Dropout",
        f"Dropout in the dense layers reduces overfitting ({KRIZHEVSKY}, section 4.2).",
        "dropout", 0.0, {0.5: "dropout 0.5", 0.0: "no dropout"}, "gap",
    ),
    Claim(
        "vgg", "Fig 8, Table 2", "VGG configurations A to E",
        f"The deeper, the lower the error; local response normalisation does not help ({SIMONYAN}, section 4.1).",
        "architecture", "vgg_a", {name: name[4:].upper().replace("_", "-") for name in MILLIONS}, "val_error",
        no_better=("vgg_a_lrn",),
    ),
]  # fmt: skip
