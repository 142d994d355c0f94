"""The page of all parameters, docs/reference/parameters.md, made of the JSON Schema."""

from collections.abc import Iterator

from alexvgg.params.json_schema import Schema

INTRODUCTION = """\
# Parameters

What `params.yaml` and the files in `profiles/` may contain. `make schema` makes this page and
[params.schema.json](../../params.schema.json), by which editors complete and check these files, from
`src/alexvgg/params/schema.py` and `recipe.py`.

Every key is needed, but for those of a roster entry that say otherwise. Nothing is converted: `"3"` is not a number.
"""


def page(schema: Schema) -> str:
    """The page, as Markdown."""
    return "\n".join([INTRODUCTION, *_sections(schema)])


def _sections(schema: Schema) -> Iterator[str]:
    definitions, properties = schema["definitions"], schema["properties"]
    yield _section("The file", "", schema, definitions)
    yield f"## `data`\n\n{properties['data']['description']} The other keys follow from `source`.\n"
    for choice in properties["data"]["allOf"]:
        [name] = choice["if"]["properties"]["source"]["enum"]
        section = _resolved(choice["then"], definitions)
        yield _section(f"`source: {name}`", section["description"], section, definitions, level=3)
    for key in ("preprocess", "training", "evaluation"):
        section = _resolved({"$ref": properties[key]["$ref"]}, definitions)
        yield _section(f"`{key}`", section["description"], section, definitions)
        if key == "training":
            early = definitions["EarlyCrop"]
            yield _section("`early_crops`, each", early["description"], early, definitions, level=3)
    yield from _roster(definitions)


def _roster(definitions: dict[str, Schema]) -> Iterator[str]:
    entry = definitions["RosterEntry"]
    own = {key: value for key, value in entry["properties"].items() if "$ref" not in value}
    text = f"{entry['description']} It may also have any key of `training`; its own value wins."
    yield _section("`models`, each", text, entry | {"properties": own}, definitions)
    for choice in entry["allOf"]:
        names = choice["if"]["properties"]["architecture"]["enum"]
        options = _resolved(choice["then"]["properties"]["options"], definitions)
        title = "`options` of " + ", ".join(f"`{name}`" for name in names)
        yield _section(title, "All have defaults.", options, definitions, level=3)


def _section(title: str, text: str, section: Schema, definitions: dict[str, Schema], level: int = 2) -> str:
    """A heading, what the section is for, and a line a key."""
    lines = [
        f"{'#' * level} {title}",
        "",
        *([text, ""] if text else []),
        "| key | allowed | meaning |",
        "| --- | --- | --- |",
    ]
    for key, value in section["properties"].items():
        allowed = allowed_values(value, definitions)
        if "default" in value:
            allowed += f"; default {_literal(value['default'])}"
        elif key not in section.get("required", []):
            allowed += "; optional"
        lines.append(f"| `{key}` | {allowed} | {_resolved(value, definitions)['description']} |".replace("\n\n", " "))
    return "\n".join(lines) + "\n"


def allowed_values(value: Schema, definitions: dict[str, Schema]) -> str:
    """What a value may be, in words."""
    if "anyOf" in value:
        return " or ".join(allowed_values(one, definitions) for one in value["anyOf"])
    if "const" in value or "enum" in value:
        return ", ".join(_literal(one) for one in value.get("enum", [value.get("const")]))
    if "$ref" in value:
        return "a section"
    kind = value.get("type")
    if kind == "array":
        few = f"at least {value['minItems']}" if "minItems" in value else "any number"
        different = ", all different" if value.get("uniqueItems") else ""
        return f"list: {allowed_values(value['items'], definitions)}; {few}{different}"
    if kind == "object" or "allOf" in value:
        return "a section"
    if kind in ("integer", "number"):
        return ", ".join([{"integer": "whole number", "number": "number"}[kind], *_bounds(value)])
    pattern = f" like `{value['pattern']}`" if "pattern" in value else ""
    return {"boolean": "`true` or `false`", "null": "`null`", "string": "text"}.get(str(kind), "any") + pattern


def _bounds(value: Schema) -> Iterator[str]:
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    return (f"{word} {value[key]:,}" for key, word in words.items() if key in value)


def _literal(value: object) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _resolved(value: Schema, definitions: dict[str, Schema]) -> Schema:
    """What a reference stands for; what is said beside it comes first."""
    if "$ref" not in value:
        return value
    return definitions[value["$ref"].rpartition("/")[2]] | {key: one for key, one in value.items() if key != "$ref"}
