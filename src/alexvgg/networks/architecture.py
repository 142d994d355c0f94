"""What an architecture is: options, the input it was drawn for, and a function that builds it.

Nothing here imports Keras, so that parameters can be checked in a moment; `build` does, when it is called.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alexvgg.system.choices import refuse_unknown

Initializer = Literal["glorot_uniform", "he_normal"]
# Of the moving averages of batch normalisation. They need hundreds of steps at Keras's 0.99, ten times fewer at 0.9.
Momentum = Annotated[float, Field(ge=0, lt=1)]


class Options(BaseModel):
    """What every network here lets you change. The defaults are the slides' values."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kernel_initializer: Initializer = "glorot_uniform"
    dropout: float = Field(default=0.5, ge=0, lt=1)

    @property
    def min_crop(self) -> int:
        """The smallest input side, in pixels, from which a feature map is left at the end; 1 if nobody says."""
        return 1


@dataclass(frozen=True)
class Architecture:
    """One network of the talk.

    `function(input_shape, classes, options)` returns a Keras model from images, float32
    (n, height, width, channels), to class probabilities, float32 (n, classes), whose last trained layer is
    called `logits`. `input_size` (pixels) and `classes` are those that the slides draw it for.
    """

    title: str
    options: type[Options]
    function: Callable[[tuple[int, int, int], int, Any], Any]
    input_size: int
    classes: int

    def parse(self, options: dict[str, Any]) -> Options:
        """The options, checked. Raises ValueError, saying what is allowed."""
        for name in options:
            refuse_unknown(name, self.options.model_fields, f"{self.title} option")
        try:
            return self.options.model_validate(options)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            message = detail["msg"][0].lower() + detail["msg"][1:]
            raise ValueError(f"options.{detail['loc'][0]}: {message}, found {detail['input']!r}") from None

    def build(self, crop: int, classes: int, options: dict[str, Any]) -> Any:
        """The Keras model for square colour images of `crop` pixels. Imports TensorFlow."""
        return self.function((crop, crop, 3), classes, self.parse(options))

    @property
    def source_file(self) -> Path:
        """The file in which the network is written."""
        return Path(inspect.getfile(self._plain_function))

    @property
    def where(self) -> str:
        """File and line of `build`, for messages."""
        return f"{'/'.join(self.source_file.parts[-2:])}, line {self._plain_function.__code__.co_firstlineno}"

    @property
    def _plain_function(self) -> Any:
        return self.function.func if isinstance(self.function, partial) else self.function
