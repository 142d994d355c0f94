"""What a stage is made of is found from its imports."""

import pytest

from alexvgg import sources
from alexvgg.errors import EnvironmentProblem


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "alexvgg"
    folder.mkdir()
    (folder / "page.py").write_text("TEMPLATE = 'page.html.j2'\n")
    (folder / "page.html.j2").write_text("<p>")
    (folder / "other.html.j2").write_text("<p>")
    return folder


def stage(package, text):
    entry = package.parent / "stages/report.py"
    entry.parent.mkdir()
    entry.write_text(text)
    return entry


def test_a_template_counts_where_a_module_names_it(package):
    found = sources.of_stage(stage(package, "def main():\n    from alexvgg import page\n"), package)
    assert set(found) == {"stages/report.py", "src/alexvgg/page.py", "src/alexvgg/page.html.j2"}
    assert sources.located("src/alexvgg/page.html.j2", package) == package / "page.html.j2"


@pytest.mark.parametrize("text", ["from . import page\n", "from .page import TEMPLATE\n"])
def test_a_relative_import_is_refused(package, text):
    (package / "mine.py").write_text(text)
    with pytest.raises(EnvironmentProblem, match=r"alexvgg/mine.py, line 1: name modules in full"):
        sources.of_network(package / "mine.py", package)
