"""What an architecture is: options, the input it was drawn for, and a function that builds it.

Nothing here imports Keras, so that parameters can be checked in a moment; `build` does, when it is called.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Initializer = Literal["glorot_uniform", "he_normal"]


class Options(BaseModel):
    """What every network here lets you change. The defaults are the slides' values."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kernel_initializer: Initializer = "glorot_uniform"
    dropout: float = Field(default=0.5, ge=0, lt=1)

    @property
    def min_crop(self) -> int:
        """The smallest input side, in pixels, from which a feature map is left at the end."""
        raise NotImplementedError


@dataclass(frozen=True)
class Architecture:
    """One network of the talk.

    `build(input_shape, classes, options)` returns a Keras model from images, float32
    (n, height, width, channels), to class probabilities, float32 (n, classes), whose last trained layer is
    called `logits`.
    """

    title: str
    options: type[Options]
    build: Callable[[tuple[int, int, int], int, Any], Any]
    input_size: int
    classes: int
