"""The registry of networks. A new one is a file beside this one and a line in ARCHITECTURES."""

import inspect
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from alexvgg.models import alexnet, alexnet_vgg, vgg
from alexvgg.models.architecture import Architecture, Options
from alexvgg.names import refuse_unknown

ARCHITECTURES: dict[str, Architecture] = {
    "alexnet": alexnet.ARCHITECTURE,
    "alexnet_vgg": alexnet_vgg.ARCHITECTURE,
    "vgg16": vgg.VGG16,
    **vgg.FAMILY,
}


def parse_options(architecture: str, options: dict[str, Any]) -> Options:
    """The options of an architecture, checked. Raises ValueError, saying what is allowed."""
    refuse_unknown(architecture, list(ARCHITECTURES), "architecture")
    schema = ARCHITECTURES[architecture].options
    for name in options:
        refuse_unknown(name, list(schema.model_fields), f"{architecture} option")
    try:
        return schema.model_validate(options)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        message = detail["msg"][0].lower() + detail["msg"][1:]
        raise ValueError(f"options.{detail['loc'][0]}: {message}, found {detail['input']!r}") from None


def build(architecture: str, crop: int, channels: int, classes: int, options: dict[str, Any]) -> Any:
    """The Keras model of an architecture for square images of `crop` pixels. Imports TensorFlow."""
    parsed = parse_options(architecture, options)
    return ARCHITECTURES[architecture].build((crop, crop, channels), classes, parsed)


def source_file(architecture: str) -> Path:
    """The file in which an architecture is written."""
    build = ARCHITECTURES[architecture].build
    function = build.func if isinstance(build, partial) else build
    return Path(inspect.getfile(function))
