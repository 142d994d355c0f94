"""The rules of the house, which a reader can rely on. Which room imports which is checked by `lint-imports`."""

from ruamel.yaml import YAML

from conftest import ROOT

PACKAGE = ROOT / "src" / "alexvgg"
MODULES = sorted(PACKAGE.rglob("*.py"))


def test_every_stage_depends_on_the_list_of_its_code():
    pipeline = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"]
    assert {path.stem for path in (ROOT / "stages").glob("[!_]*.py")} == set(pipeline)
    for name, stage in pipeline.items():
        listed = {dep for dep in stage["deps"] if dep.startswith(("src", "stages", "data/code/stages"))}
        assert listed == ({"src/alexvgg", "stages"} if name == "check" else {f"data/code/stages/{name}.json"})
        networks = {dep for dep in stage["deps"] if dep.startswith("data/code/networks")}
        assert bool(networks) == (name in ("networks", "train", "evaluate"))
        sources = {dep for dep in stage["deps"] if dep == "data/code/source.json"}
        assert bool(sources) == (name in ("download", "preprocess"))


def test_outputs_persist_only_where_the_run_cache_is_of_no_use():
    pipeline = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"]
    for name, stage in pipeline.items():
        options = [out if isinstance(out, str) else next(iter(out.values())) for out in stage["outs"]]
        persisting = [not isinstance(one, str) and one.get("persist", False) for one in options]
        assert persisting == [name in ("check", "report")] * len(options), name


def test_rooms_have_no_facade():
    """It would widen what a stage depends on."""
    contents = {path: path.read_text() for path in PACKAGE.rglob("*/__init__.py")}
    assert len(contents) > 12
    assert {path for path, content in contents.items() if content} == set()


def test_no_module_is_long():
    lengths = {path.name: len(path.read_text().splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 250} == {}
