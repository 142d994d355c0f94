"""By the JSON Schema, editors refuse what the program refuses, and nothing that it takes."""

import copy
import importlib.util
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from alexvgg.params import json_schema, reference
from alexvgg.params.schema import Params
from conftest import ROOT
from test_params import put

SCHEMA = json_schema.schema()
VALIDATOR = Draft7Validator(SCHEMA)
FILES = [ROOT / "params.yaml", *sorted((ROOT / "profiles").glob("*.yaml"))]
FIRST_LINE = "# yaml-language-server: $schema=params.schema.json"
QUICKSTART = YAML(typ="safe", pure=True).load(ROOT / "profiles/quickstart.yaml")
IMAGES = {
    "source": "images", "title": "birds", "archive": "birds.tar", "sha256": ["0" * 64], "side": 64,
    "test_fraction": None, "superclasses": {},
}  # fmt: skip


def problems(params: object) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(params)]


def test_the_committed_files_are_those_of_this_code():
    spec = importlib.util.spec_from_file_location("schema_script", ROOT / "scripts/schema.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for name, text in script.contents().items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, f"{name} is not current; run `make schema`"


def test_it_is_a_schema():
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_parameter_file_names_it_and_is_valid(path):
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[0] == FIRST_LINE
    assert problems(YAML(typ="safe", pure=True).load(text)) == []


def test_a_profile_and_its_copy_find_it_under_the_same_name():
    beside = json.loads((ROOT / "profiles/params.schema.json").read_text())
    assert (ROOT / "profiles" / beside["$ref"]).resolve() == ROOT / "params.schema.json"


def test_every_key_is_described():
    for name, section in {"": SCHEMA, **SCHEMA["definitions"]}.items():
        for key, value in section["properties"].items():
            if "$ref" not in value:
                assert value["description"].endswith("."), (name, key)
                assert value["description"] != section["description"], (name, key)


@pytest.mark.parametrize(
    ("where", "value", "expected"),
    [
        ("traning", {}, "$: Additional properties are not allowed ('traning'"),
        ("training.batchsize", 1, "$.training: Additional properties are not allowed ('batchsize'"),
        ("training.early_crops", [{"crop": 67, "fracton": 0.5}], "$.training.early_crops[0]: Additional properties"),
        ("training.optimizer", "adamm", "$.training.optimizer: 'adamm' is not one of ['sgd', 'adam']"),
        ("training.epochs", 0, "$.training.epochs: 0 is less than the minimum of 1"),
        ("training.epochs", 2.5, "$.training.epochs: 2.5 is not of type 'integer'"),
        ("training.epochs", "3", "$.training.epochs: '3' is not of type 'integer'"),
        ("training.epochs", True, "$.training.epochs: True is not of type 'integer'"),
        ("training.random_crop", "yes", "$.training.random_crop: 'yes' is not of type 'boolean'"),
        ("training.momentum", 1.0, "$.training.momentum: 1.0 is greater than or equal to the maximum of 1"),
        ("data.source", "cifar10", "$.data.source: 'cifar10' is not one of"),
        ("data.urls", ["https://example.org"], "$.data: Additional properties are not allowed ('urls'"),
        ("data.sha256", ["abc"], "$.data.sha256[0]: 'abc' does not match"),
        ("data", IMAGES | {"side": 7}, "$.data.side: 7 is less than the minimum of 8"),
        ("seeds", [1, 1], "$.seeds: [1, 1] has non-unique elements"),
        ("seeds", [], "$.seeds: [] should be non-empty"),
        ("models", {}, "$.models: {} should be non-empty"),
        ("models.Alex Net", {"architecture": "alexnet", "crop": 67, "learning_rate": 1e-3}, "$.models: "),
        ("models.alexnet.architecture", "alexnett", "$.models.alexnet.architecture: 'alexnett' is not one of"),
        ("models.alexnet.epoch", 3, "$.models.alexnet: Additional properties are not allowed ('epoch'"),
        ("models.alexnet.epochs", 0, "$.models.alexnet.epochs: 0 is less than the minimum of 1"),
        ("models.alexnet.options", {"activaton": "tanh"}, "$.models.alexnet.options: Additional properties"),
        ("models.alexnet.options", {"activation": "gelu"}, "$.models.alexnet.options.activation: 'gelu' is not one of"),
        ("models.vgg16.options", {"normalization": "lrn"}, "$.models.vgg16.options: Additional properties"),
        ("models.vgg_e", {"architecture": "vgg_e", "crop": 32, "learning_rate": 0}, "$.models.vgg_e.learning_rate: 0 "),
        ("profile", "../evil", "$.profile: '../evil' does not match"),
    ],
)
def test_what_is_wrong_is_refused_where_it_is(quickstart, where, value, expected):
    put(quickstart, where, value)
    found = problems(quickstart)
    assert any(one.startswith(expected) for one in found), found


def test_a_missing_key_is_refused(quickstart):
    del quickstart["training"]["epochs"], quickstart["models"]["vgg16"]["crop"]
    assert set(problems(quickstart)) == {
        "$.training: 'epochs' is a required property",
        "$.models.vgg16: 'crop' is a required property",
    }


def places(value: object, *path: str | int) -> list[tuple[str | int, ...]]:
    """The path of each value in a tree."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, *path, key))]


CHANGED = [QUICKSTART, QUICKSTART | {"data": IMAGES}, YAML(typ="safe", pure=True).load(ROOT / "profiles/cpu.yaml")]
VALUES = st.one_of(
    st.sampled_from([None, True, False, "sgd", "cosine", "random", "none", "he_normal", "tanh", "lrn", "vgg_a", "x"]),
    st.sampled_from([[], {}, [0, 1], [{"crop": 40, "fraction": 0.5}], {"dropout": 0.0}, {"batch_norm_momentum": 0}]),
    st.sampled_from([0, 1, 2, 64, 227, 1024, 10_000, 2**31 - 1, 2**31, 0.0, 0.5, 1.0, 1e-3, 100.0]),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
)


@settings(max_examples=1500, deadline=None)
@given(data=st.data())
def test_whatever_the_program_takes_it_takes(data):
    params = copy.deepcopy(data.draw(st.sampled_from(CHANGED)))
    for _ in range(data.draw(st.integers(1, 2))):
        *path, last = data.draw(st.sampled_from([place for place in places(params) if place]))
        inner = params
        for key in path:
            inner = inner[key]
        inner[last] = copy.deepcopy(data.draw(VALUES))
    try:
        Params.model_validate(params)
    except ValueError:
        return
    assert problems(params) == []


def test_the_page_says_what_is_allowed_in_words():
    lines = reference.page(SCHEMA).splitlines()
    assert (
        "| `flip` | `none`, `random`, `alternating` | Mirror images; `alternating` shows each from both sides in any two epochs in a row. |"
        in lines
    )
    assert any(line.startswith("| `gradient_clip_norm` | number, above 0 or `null` |") for line in lines)
    assert any(line.startswith("| `early_crops` | list: a section; any number |") for line in lines)
    assert any(line.startswith("| `overlapping_pooling` | `true` or `false`; default `true` |") for line in lines)


def test_two_networks_may_call_their_options_alike(monkeypatch):
    from alexvgg.networks import alexnet, vgg

    other = type(
        "AlexNetOptions",
        (vgg.VGGOptions,),
        {"__module__": "alexvgg.networks.other", "__annotations__": {"width": int}, "width": 8},
    )
    monkeypatch.setitem(json_schema.ARCHITECTURES, "other", alexnet.Architecture("Other", other, vgg.build, 32, 10))
    validator = Draft7Validator(json_schema.schema())
    entry = {"architecture": "other", "crop": 32, "learning_rate": 1e-3, "options": {"width": 4}}
    assert validator.is_valid(QUICKSTART | {"models": {"mine": entry}})
    assert not validator.is_valid(QUICKSTART | {"models": {"mine": entry | {"architecture": "alexnet"}}})
