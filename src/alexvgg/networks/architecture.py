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

from alexvgg.system import faults
from alexvgg.system.choices import refuse_unknown
from alexvgg.system.errors import NetworkError

Initializer = Literal["glorot_uniform", "he_normal"]
# Of the moving averages of batch normalisation. They need hundreds of steps at Keras's 0.99, ten times fewer at 0.9.
Momentum = Annotated[float, Field(ge=0, lt=1)]


class Options(BaseModel):
    """What every network here lets you change. The defaults are the slides' values."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)

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

    def __post_init__(self) -> None:
        """Raises TypeError for what a file of somebody's own may get wrong."""
        if not (isinstance(self.options, type) and issubclass(self.options, Options)):
            raise TypeError(f"`options` has to be a class derived from Options, found {self.options!r}")
        if not inspect.isfunction(self._plain_function):
            raise TypeError(f"`function` has to be the function that builds the network, found {self.function!r}")
        if required := [name for name, field in self.options.model_fields.items() if field.is_required()]:
            raise TypeError(f"options need defaults; there is none for {', '.join(required)}")

    def parse(self, options: dict[str, Any]) -> Options:
        """The options, checked. Raises ValueError, saying what is allowed, or NetworkError if the class is wrong."""
        for name in options:
            refuse_unknown(name, self.options.model_fields, f"{self.title} option")
        try:
            parsed = self.options.model_validate(options)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            message = detail["msg"][0].lower() + detail["msg"][1:]
            path = ".".join(["options", *map(str, detail["loc"])])
            if detail["loc"] and detail["loc"][0] not in options:
                raise NetworkError(
                    f"{self._where_options}: the default of `{detail['loc'][0]}`: {message}, found {detail['input']!r}"
                ) from None
            raise ValueError(f"{path}: {message}, found {detail['input']!r}") from None
        self._check(parsed)
        return parsed

    def _check(self, parsed: Options) -> None:
        """Raises NetworkError if an option is of a kind that no file holds, or if `min_crop` is of no use."""
        for name, value in parsed.model_dump().items():
            if not _is_plain(value):
                raise NetworkError(
                    f"{self._where_options}: the option `{name}` has to be a number, text, true or false, or a list of "
                    f"those, found {value!r}"
                )
        try:
            least: Any = parsed.min_crop
        except (ValueError, AssertionError) as error:  # others say by themselves where they come from
            where = faults.line_of(error) or self._where_options
            raise NetworkError(f"{where}: `min_crop` raises {faults.said(error)}") from error
        if not isinstance(least, int):
            what = "is a method (`@property` is missing)" if callable(least) else f"is {least!r}"
            raise NetworkError(f"{self._where_options}: `min_crop` {what}; it has to be a whole number of pixels")

    def build(self, crop: int, classes: int, options: dict[str, Any]) -> Any:
        """The Keras model for square colour images of `crop` pixels. Imports TensorFlow."""
        arguments = ((crop, crop, 3), classes, self.parse(options))
        try:
            inspect.signature(self.function).bind(*arguments)
        except TypeError as error:
            raise NetworkError(
                f"{self.where}: `build` has to take input_shape, classes and options ({error})"
            ) from None
        return self.function(*arguments)

    @property
    def source_file(self) -> Path:
        """The file in which the network is written."""
        return Path(inspect.getfile(self._plain_function))

    @property
    def where(self) -> str:
        """File and line of `build`, for messages."""
        return _where(self._plain_function)

    @property
    def _where_options(self) -> str:
        return _where(self.options)

    @property
    def _plain_function(self) -> Any:
        function = self.function.func if isinstance(self.function, partial) else self.function
        return inspect.unwrap(function)


def _is_plain(value: Any) -> bool:
    """Whether a value comes back from JSON and YAML as it is."""
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_is_plain, value.values()))
    return value is None or type(value) in (bool, int, float, str)


def _where(thing: Any) -> str:
    """File and line of a function or class."""
    return f"{faults.short(inspect.getfile(thing))}, line {inspect.findsource(thing)[1] + 1}"
