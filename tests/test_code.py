"""What a stage, a network or a data set is made of is found from its imports."""

from pathlib import Path

import pytest

from alexvgg.data.registry import SOURCES
from alexvgg.networks.registry import ARCHITECTURES
from alexvgg.pipeline import code
from alexvgg.pipeline.guard import Guard
from alexvgg.system.errors import ChangedMeanwhile, EnvironmentProblem
from conftest import ROOT

PACKAGE = ROOT / "src" / "alexvgg"


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "alexvgg"
    folder.mkdir()
    write(folder, "page.py", "TEMPLATE = 'page.html.j2'\n")
    write(folder, "page.html.j2", "<p>")
    write(folder, "other.html.j2", "<p>")
    return folder


def write(package, name, text=""):
    path = package / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def stage(package, text):
    entry = package.parent / "stages/report.py"
    entry.parent.mkdir()
    entry.write_text(text)
    return entry


def test_a_template_counts_where_a_module_names_it(package):
    found = code.of_stage(stage(package, "def main():\n    from alexvgg import page\n"), package)
    assert set(found) == {"stages/report.py", "src/alexvgg/page.py", "src/alexvgg/page.html.j2"}
    assert code.located("src/alexvgg/page.html.j2", package) == package / "page.html.j2"


@pytest.mark.parametrize("text", ["from . import page\n", "from .page import TEMPLATE\n"])
def test_a_relative_import_is_refused(package, text):
    (package / "mine.py").write_text(text)
    with pytest.raises(EnvironmentProblem, match=r"alexvgg/mine.py, line 1: name modules in full"):
        code.of_plugin(package / "mine.py", package)


@pytest.mark.parametrize("first", [b"\xef\xbb\xbf", b"# -*- coding: euc-kr -*-\n# \xb1\xdb\n"])
def test_a_file_may_have_a_byte_order_mark_or_another_encoding(package, first):
    (package / "mine.py").write_bytes(first + b"from alexvgg import page\n")
    assert "src/alexvgg/page.py" in code.of_plugin(package / "mine.py", package)


@pytest.mark.parametrize("room", sorted(code.NEUTRAL))
def test_a_neutral_room_does_not_count_nor_what_it_alone_imports(package, room):
    write(package, "figures/curves.py")
    write(package, f"{room}/__init__.py")
    write(package, f"{room}/paths.py", "from alexvgg import page\nfrom alexvgg.figures import curves\n")
    entry = stage(
        package, f"import alexvgg.{room}\nfrom alexvgg.{room} import paths\nfrom alexvgg.figures import curves\n"
    )
    assert set(code.of_stage(entry, package)) == {"stages/report.py", "src/alexvgg/figures/curves.py"}
    assert set(code.of_plugin(entry, package)) == {"stages/report.py", "src/alexvgg/figures/curves.py"}


def test_a_room_that_is_not_listed_counts(package):
    write(package, "figures/__init__.py")
    write(package, "figures/curves.py", "from alexvgg.figures.axes import WIDTH\n")
    write(package, "figures/axes.py", "WIDTH = 1\n")
    found = code.of_stage(stage(package, "from alexvgg.figures import curves\n"), package)
    assert set(found) == {"stages/report.py", "src/alexvgg/figures/curves.py", "src/alexvgg/figures/axes.py"}


@pytest.mark.parametrize("registry", sorted(code.REGISTRIES))
def test_what_a_registry_names_counts_by_itself_and_nowhere_else(package, registry):
    room, _, _ = registry.partition("/")
    write(package, f"{room}/blocks.py", "from alexvgg.system import errors\n")
    write(package, f"{room}/one.py", f"from alexvgg.{room} import blocks\n")
    write(package, f"{room}/other.py", f"from alexvgg.{room} import blocks\n")
    write(package, registry, f"from alexvgg.{room} import one, other\n")
    entry = stage(package, f"from alexvgg.{room} import registry\nfrom alexvgg import page\n")
    assert set(code.of_stage(entry, package)) == {"stages/report.py", "src/alexvgg/page.py", "src/alexvgg/page.html.j2"}
    found = code.of_plugin(package / room / "one.py", package)
    assert set(found) == {f"src/alexvgg/{room}/one.py", f"src/alexvgg/{room}/blocks.py"}


def test_the_neutral_rooms_and_registries_are_the_projects():
    assert {room for room in code.NEUTRAL if not (PACKAGE / room).is_dir()} == set()
    assert {file for file in code.REGISTRIES if not (PACKAGE / file).is_file()} == set()


def test_no_network_and_no_data_set_counts_for_a_stage():
    plugins = {one.source_file for one in [*ARCHITECTURES.values(), *SOURCES.values()]}
    assert len(plugins) >= 5
    for entry in (ROOT / "stages").glob("[!_]*.py"):
        found = code.closure(entry, PACKAGE)
        assert entry in found
        assert not plugins & set(found)
    assert PACKAGE / "training/trainer.py" in code.closure(ROOT / "stages/train.py", PACKAGE)
    for own in plugins:
        assert plugins & set(code.closure(own, PACKAGE)) == {own}


def test_parameters_that_change_while_the_code_is_listed(tmp_path, monkeypatch):
    """`check` reads them as a file, and DVC would record the new ones as checked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text("stages: {check: {deps: [params.yaml]}}")
    params = tmp_path / "params.yaml"
    params.write_text("seeds: [0]")
    guard = Guard("check", Path("dvc.yaml"), Path("params.yaml"), PACKAGE)
    guard.check()
    params.write_text("seeds: [1]")
    with pytest.raises(ChangedMeanwhile, match=r"^params\.yaml changed while check ran"):
        guard.check()
