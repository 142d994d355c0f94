"""Read `params.yaml`; what is wrong with it, in one line."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from alexvgg.data.registry import SOURCES
from alexvgg.params.recipe import EarlyCrop, Training
from alexvgg.params.schema import Evaluation, Params, Preprocess
from alexvgg.system.choices import refuse_unknown
from alexvgg.system.errors import ParamsError
from alexvgg.system.lines import line

# A file beyond these limits would be read for minutes, or fill the memory, before it is refused.
LARGEST = 100_000  # characters
DEEPEST = 30  # sections in sections
MOST = 100_000  # values, each alias followed
SHOWN = 100  # characters of a value in a message


class _Constructor(SafeConstructor):
    def construct_document(self, node: Node) -> Any:
        if _values(node, {}) > MOST:
            raise ConstructorError(problem=f"its aliases stand for more than {MOST:,} values")
        return super().construct_document(node)


def load(path: Path) -> Params:
    """Read and check a parameter file. Raises ParamsError."""
    raw = _parsed(path)
    if not isinstance(raw, dict):
        raise ParamsError(f"{path} holds {type(raw).__name__}, not a mapping; copy one of profiles/*.yaml to it")
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        raise ParamsError(f"{path}: {line(_describe(error))}") from None


def _parsed(path: Path) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor, yaml.max_depth = _Constructor, DEEPEST
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise ParamsError(f"{path} has more than {LARGEST:,} characters; copy one of profiles/*.yaml to it")
        return yaml.load(text)
    except ParamsError:
        raise
    except FileNotFoundError:
        raise ParamsError(f"{path} does not exist; copy one of profiles/*.yaml to it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path} cannot be read: {error}") from None
    except Exception as error:  # noqa: BLE001 - a date, a tag or an escape can make the parser raise nearly anything
        where = line(str(error) if isinstance(error, YAMLError) else f"{type(error).__name__}: {error}")
        raise ParamsError(f"{path} is not valid YAML: {where}; correct it, or copy one of profiles/*.yaml") from None


def _values(node: Node, counted: dict[int, int]) -> int:
    """How many values a node stands for, each alias followed."""
    if id(node) not in counted:
        counted[id(node)] = MOST  # where it holds itself
        inner = node.value if isinstance(node, SequenceNode | MappingNode) else []
        pairs = inner if isinstance(node, MappingNode) else [inner]
        counted[id(node)] = 1 + sum(_values(one, counted) for pair in pairs for one in pair)
    return counted[id(node)]


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python does not print numbers of thousands of digits
        return "a number that is too long"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _describe(error: ValidationError) -> str:
    """The most telling of a validation's errors, as `where: what; what is allowed`.

    A misspelt key is two errors, one unknown and one missing: the unknown one says what to do.
    """
    found = error.errors(include_url=False)
    detail = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    where = list(map(str, detail["loc"]))
    if where[:1] == ["data"]:
        del where[1:2]  # the data set, which chose the fields
    path = ".".join(where) or "file"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if detail["type"] == "extra_forbidden":
        allowed = list(_fields_at(detail["loc"][:-1]))
        try:
            refuse_unknown(where[-1], allowed, "key")
        except ValueError as unknown:
            return f"{path}: {unknown}{more}"
    message = detail["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if message.startswith("models."):
        return message + more
    given = "" if isinstance(detail["input"], dict | BaseModel) else f", found {_shown(detail['input'])}"
    return f"{path}: {message}{given}{more}"


def _fields_at(loc: tuple[int | str, ...]) -> list[str]:
    """The keys that are allowed in the section at `loc`."""
    sections: dict[tuple[int | str, ...], type[BaseModel]] = {
        (): Params,
        **{("data", name): source.settings for name, source in SOURCES.items()},
        ("preprocess",): Preprocess,
        ("training",): Training,
        ("evaluation",): Evaluation,
    }
    return list((sections.get(loc) or EarlyCrop).model_fields)  # they are at `training.early_crops[i]`
