"""The rules of the house, which a reader can rely on."""

import ast

import pytest
from ruamel.yaml import YAML

from alexvgg.sources import closure
from conftest import ROOT

PACKAGE = ROOT / "src" / "alexvgg"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Modules that cannot change what a stage makes: how it speaks, where it writes, what MLflow hears.
NEUTRAL = {
    "__init__.py", "checkpoint.py", "console.py", "errors.py", "files.py", "guard.py", "journal.py", "keeper.py", "layout.py", "monitor.py", "names.py", "params_file.py",
    "progress.py", "provenance.py", "recording.py", "tracking/follower.py", "data/__init__.py",
    "reporting/__init__.py",
}  # fmt: skip

# Read by every stage for values that DVC tracks itself, or to find its files; only `train` computes with them.
BOOKKEEPING = {"params.py", "identity.py", "sources.py"}


def imports(path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def users_of(package: str) -> set[str]:
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if any(name == package or name.startswith(package + ".") for name in imports(path))
    }


def test_only_tracking_imports_mlflow():
    assert {name.split("/")[0] for name in users_of("mlflow")} == {"tracking"}


def test_only_these_import_tensorflow():
    assert users_of("tensorflow") | users_of("keras") == {
        "crops.py", "early_crops.py", "optimizers.py", "prediction.py", "runtime.py", "training.py",
        "models/alexnet.py", "models/alexnet_vgg.py", "models/blocks.py", "models/vgg.py", "tracking/served_model.py",
    }  # fmt: skip


def test_the_package_never_imports_stages_and_mathematics_never_imports_tracking():
    assert users_of("stages") == set()
    assert users_of("alexvgg.layout") == {"cli.py"}
    assert not users_of("alexvgg.tracking") & {"training.py", "prediction.py", "evaluation.py", "experiment.py"}
    assert not any(name.startswith(("models/", "data/", "reporting/")) for name in users_of("alexvgg.tracking"))


def test_architectures_import_blocks_and_not_each_other():
    for path in (PACKAGE / "models").glob("*.py"):
        used = {name for name in imports(path) if name.startswith("alexvgg.")}
        if path.stem not in ("__init__", "blocks", "architecture", "summary"):
            allowed = ("alexvgg.models", "alexvgg.models.blocks", "alexvgg.models.architecture")
            assert all(name in allowed or name.startswith(allowed[2] + ".") for name in used), path


def test_reporting_imports_neither_tensorflow_nor_mlflow():
    for name in ("deck", "figures", "page", "talk"):
        files = {
            path.relative_to(PACKAGE).as_posix() for path in closure(PACKAGE / "reporting" / f"{name}.py", PACKAGE)
        }
        assert not files & (users_of("tensorflow") | users_of("mlflow"))


@pytest.mark.parametrize("stage", ["download", "preprocess", "network", "published", "train", "evaluate", "report"])
def test_dvc_depends_on_exactly_the_sources_that_matter(stage):
    """What a stage imports, less what is neutral, is what dvc.yaml lists; networks come by their own file."""
    definition = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"][stage]
    listed = set()
    for dep in definition["deps"]:
        if dep.startswith("src/alexvgg/"):
            path = ROOT / dep
            listed |= {p.relative_to(PACKAGE).as_posix() for p in ([path] if path.is_file() else path.rglob("*.py"))}
    entry = ROOT / "stages" / f"{stage}.py"
    assert f"stages/{stage}.py" in definition["deps"]
    used = {p.relative_to(PACKAGE).as_posix() for p in closure(entry, PACKAGE) if p != entry} - NEUTRAL
    if stage == "network":
        assert {name for name in used if name.startswith("models/")} <= listed
        assert "sources.py" in listed
        return
    if stage != "train":
        used -= BOOKKEEPING
    if stage == "published":
        assert {name for name in used if name.startswith("models/")} <= listed
        listed = {name for name in listed if not name.startswith("models/")}
    assert listed - NEUTRAL == {name for name in used if not name.startswith("models/")}


def test_no_module_is_long():
    lengths = {path.name: len(path.read_text().splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 250} == {}
