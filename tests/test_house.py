"""The rules of the house, which a reader can rely on."""

import ast

from ruamel.yaml import YAML

from alexvgg import sources
from alexvgg.sources import closure
from conftest import ROOT

PACKAGE = ROOT / "src" / "alexvgg"
MODULES = sorted(PACKAGE.rglob("*.py"))


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
    users = users_of("tensorflow") | users_of("keras")
    assert {name for name in users if not name.startswith("models/")} == {
        "crops.py", "early_crops.py", "optimizers.py", "prediction.py", "runtime.py", "training.py",
        "tracking/served_model.py",
    }  # fmt: skip
    assert not users & {"models/__init__.py", "models/architecture.py"}  # parameters are checked without them


def test_the_package_never_imports_stages_and_mathematics_never_imports_tracking():
    assert users_of("stages") == set()
    assert users_of("alexvgg.layout") == {"cli.py"}
    assert not users_of("alexvgg.tracking") & {"training.py", "prediction.py", "evaluation.py", "experiment.py"}
    assert not any(name.startswith(("models/", "data/", "reporting/")) for name in users_of("alexvgg.tracking"))


def test_architectures_import_blocks_and_not_each_other():
    for path in (PACKAGE / "models").glob("*.py"):
        used = {name for name in imports(path) if name.startswith("alexvgg.")}
        if path.stem not in ("__init__", "blocks", "architecture", "small_maps"):
            allowed = ("alexvgg.models", "alexvgg.models.blocks", "alexvgg.models.architecture")
            assert all(name in allowed or name.startswith(allowed[2] + ".") for name in used), path


def test_reporting_imports_neither_tensorflow_nor_mlflow():
    for name in ("deck", "figures", "page", "talk"):
        files = {
            path.relative_to(PACKAGE).as_posix() for path in closure(PACKAGE / "reporting" / f"{name}.py", PACKAGE)
        }
        assert not files & (users_of("tensorflow") | users_of("mlflow"))


def test_every_stage_depends_on_the_list_of_its_sources():
    pipeline = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"]
    assert {path.stem for path in (ROOT / "stages").glob("[!_]*.py")} == set(pipeline)
    for name, stage in pipeline.items():
        listed = {dep for dep in stage["deps"] if dep.startswith(("src", "stages", "data/sources"))}
        assert listed == ({"src/alexvgg", "stages"} if name == "sources" else {f"data/sources/{name}.json"})
        networks = {dep for dep in stage["deps"] if dep.startswith("data/networks")}
        assert bool(networks) == (name in ("published", "train", "evaluate"))


def test_neutral_modules_exist():
    assert {path for path in sources.NEUTRAL | sources.FOR_TRAINING if not (PACKAGE / path).is_file()} == set()


def test_no_module_is_long():
    lengths = {path.name: len(path.read_text().splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 250} == {}
