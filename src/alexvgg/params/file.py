"""Read `params.yaml`; what is wrong with it, in one line."""

from pathlib import Path

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from alexvgg.data.registry import SOURCES
from alexvgg.params.schema import EarlyCrop, Evaluation, Params, Preprocess, Training
from alexvgg.system.choices import refuse_unknown
from alexvgg.system.errors import ParamsError


def load(path: Path) -> Params:
    """Read and check a parameter file. Raises ParamsError."""
    try:
        raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path} does not exist; copy one of profiles/*.yaml to it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path} cannot be read: {error}") from None
    except YAMLError as error:
        where = " ".join(str(error).split())
        raise ParamsError(f"{path} is not valid YAML: {where}; correct it, or copy one of profiles/*.yaml") from None
    if not isinstance(raw, dict):
        raise ParamsError(f"{path} holds {type(raw).__name__}, not a mapping; copy one of profiles/*.yaml to it")
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        raise ParamsError(f"{path}: {_describe(error)}") from None


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
    given = "" if isinstance(detail["input"], dict | BaseModel) else f", found {detail['input']!r}"
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
