"""What the READMEs and reports show is what is there."""

import json
import re

import pandas as pd
import pytest

from conftest import ROOT, committed

READMES = {name: (ROOT / name).read_text() for name in ("README.md", "README.ko.md")}
each_readme = pytest.mark.parametrize("readme", READMES.values(), ids=READMES)


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


@each_readme
@pytest.mark.parametrize("profile", ["quickstart", "slides", "cpu"])
def test_the_table_is_the_one_in_reports(readme, profile):
    path = f"reports/{profile}/results.md"  # `make repro` writes other last digits on another type of processor
    tables = ["\n".join(rows(text.split("\n## ")[0])) for text in ((ROOT / path).read_text(), committed(path))]
    assert all(tables)
    assert any(table in readme for table in tables)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "reports").glob("*/answers/*.csv")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_accuracies_are_those_of_the_committed_answers(path):
    given = pd.read_csv(path, dtype=str)
    right = given["label"] == given["answer"]
    metrics, by_class = (
        json.loads((path.parent.parent / folder / f"{path.stem}.json").read_text())
        for folder in ("metrics", "by_class")
    )
    assert right.mean() == metrics["test_acc"]
    assert right.groupby(given["label"]).mean().to_dict() == by_class


@each_readme
def test_it_starts_with_the_table(readme):
    before = readme[: readme.index("|")]
    assert len(before.splitlines()) < 10


@each_readme
def test_the_ratios_it_gives_are_those_that_were_measured(readme):
    measured = "".join(path.read_text() for path in (ROOT / "benchmarks/results").glob("throughput*.md"))
    section = next(part for part in readme.split("\n## ") if "throughput.md" in part)
    ratios = re.findall(r"\d\.\d\d", section)
    assert len(ratios) >= 5
    assert [ratio for ratio in ratios if ratio not in measured] == []


@each_readme
def test_every_file_it_links_to_exists(readme):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", readme):
        assert (ROOT / target).exists(), target


@each_readme
def test_every_make_target_it_names_exists(readme):
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:`|\$ )make ([a-z]+)\b", readme):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@each_readme
def test_every_profile_it_names_exists(readme):
    for profile in re.findall(r"PROFILE=([a-z-]+)", readme):
        assert (ROOT / "profiles" / f"{profile}.yaml").exists(), profile
