"""What the README shows is what is there."""

import re

import pytest

from conftest import ROOT

README = (ROOT / "README.md").read_text()


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("profile", ["quickstart", "cpu"])
def test_the_table_is_the_one_in_reports(profile):
    results = (ROOT / "reports" / profile / "results.md").read_text().split("## Beside the slide")[0]
    assert rows(results)
    assert "\n".join(rows(results)) in README


def test_it_starts_with_the_table():
    before = README[: README.index("|")]
    assert len(before.splitlines()) < 10


def test_every_file_it_links_to_exists():
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", README):
        assert (ROOT / target).exists(), target


def test_every_make_target_it_names_exists():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:`|\$ )make ([a-z]+)\b", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
