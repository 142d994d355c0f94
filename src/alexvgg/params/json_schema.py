"""The JSON Schema of `params.yaml`, by which editors complete and check it; made of the pydantic models.

It refuses what is wrong by itself: a key, a type, a bound, a name. What is wrong only together, such as a crop that is
larger than `resize`, is left to `params/schema.py`, as is the order of things.

Draft 7, since every editor knows it.
"""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from alexvgg.data.registry import SOURCES
from alexvgg.networks.architecture import Options
from alexvgg.networks.registry import ARCHITECTURES
from alexvgg.params.recipe import Training
from alexvgg.params.schema import Params

Schema = dict[str, Any]

# Of keys whose own code says nothing: what describes them is code that a training depends on.
DESCRIPTIONS = {
    "source": "Which data set.",
    "sha256": "Digests of the archive, any of which will do.",
    "urls": "Addresses of the archive, in the order in which to try them.",
    "title": "The name of the data set in tables and on the page.",
    "archive": "The archive that `alexvgg pack` made: a path in the project's folder, an absolute one, or an address.",
    "side": "Pixels: the middle square of each image is resized to it.",
    "test_fraction": "Share of each class that is held back for the test; `null` if the archive has train/ and test/.",
    "superclasses": "Groups of classes, such as `{animals: [cat, dog]}`, each class in exactly one; `{}` for none.",
    "kernel_initializer": "How weights begin.",
    "dropout": "Share of the units that each step leaves out, in the fully connected layers.",
    "activation": "Of all hidden layers (slide Fig 2).",
    "overlapping_pooling": "Pooling windows of 3 every 2 pixels; `false`: of 2 every 2 (slide Fig 3).",
    "normalization": "Batch normalisation, local response normalisation, or none (slide Fig 4).",
    "batch_norm_momentum": "Of batch normalisation's averages: at 0.99 they need hundreds of steps, at 0.9 dozens.",
}


class _WithoutTitles(GenerateJsonSchema):
    """A title would only say the key again."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def schema() -> Schema:
    """The schema of a whole parameter file."""
    made = _of_model(Params)
    definitions, properties = made.pop("definitions"), made["properties"]
    properties["data"] = _data(properties["data"])
    properties["models"]["additionalProperties"] = False
    definitions |= _networks()
    _complete_entry(definitions["RosterEntry"])
    for section in (made, *definitions.values()):
        section.pop("title", None)
        for key, value in section.get("properties", {}).items():
            if "$ref" not in value:
                value.setdefault("description", DESCRIPTIONS.get(key, section.get("description", "")))
    version = {"$schema": "http://json-schema.org/draft-07/schema#"}
    return version | made | {"definitions": dict(sorted(definitions.items()))}


def _of_model(model: type[BaseModel]) -> Schema:
    made = model.model_json_schema(schema_generator=_WithoutTitles, ref_template="#/definitions/{model}")
    return made | {"definitions": made.pop("$defs", {})}


def _data(made: Schema) -> Schema:
    """`data:`, whose other keys follow from its `source`."""
    sections: dict[str, str] = made["discriminator"]["mapping"]
    return {
        "description": made["description"],
        "type": "object",
        "properties": {"source": {"enum": list(SOURCES), "description": DESCRIPTIONS["source"]}},
        "required": ["source"],
        "allOf": [_if("source", [name], {"$ref": sections[name]}) for name in SOURCES],
    }


def _networks() -> dict[str, Schema]:
    """The options of each network; several may share theirs."""
    found: dict[str, Schema] = {}
    for options, names in _by_options().items():
        made = _of_model(options)
        found |= made.pop("definitions")
        found[_name(options)] = made | {"description": f"Options of {', '.join(names)}."}
    return found


def _complete_entry(entry: Schema) -> None:
    """Of a roster entry: the keys of `training`, and the options that follow from its `architecture`."""
    properties = entry["properties"]
    properties |= {key: {"$ref": f"#/definitions/Training/properties/{key}"} for key in Training.model_fields}
    properties["architecture"] |= {"enum": list(ARCHITECTURES)}
    del properties["options"]["additionalProperties"]  # each network says which there are
    entry["additionalProperties"] = False
    entry["allOf"] = [
        _if("architecture", names, {"properties": {"options": {"$ref": f"#/definitions/{_name(options)}"}}})
        for options, names in _by_options().items()
    ]


def _by_options() -> dict[type[Options], list[str]]:
    """The names of the networks that have the same options."""
    found: dict[type[Options], list[str]] = {}
    for name, architecture in ARCHITECTURES.items():
        found.setdefault(architecture.options, []).append(name)
    return found


def _name(options: type[Options]) -> str:
    """In the schema: with the file, since two networks may call their classes alike."""
    return f"{options.__module__.rpartition('.')[2]}.{options.__name__}"


def _if(key: str, values: list[str], then: Schema) -> Schema:
    return {"if": {"properties": {key: {"enum": values}}, "required": [key]}, "then": then}
