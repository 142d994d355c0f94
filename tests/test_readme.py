"""What the READMEs, the pages of results and the reports show is what is there."""

import json
import re
import runpy

import pandas as pd
import pytest

from conftest import ROOT, committed

READMES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ko.md")}
RESULTS = (ROOT / "docs/reference/results.md").read_text(encoding="utf-8")
SPEED = (ROOT / "docs/reference/speed.md").read_text(encoding="utf-8")
each_readme = pytest.mark.parametrize("readme", READMES.values(), ids=READMES)
with_tables = pytest.mark.parametrize(
    ("page", "profiles"),
    [*((text, ["cpu"]) for text in READMES.values()), (RESULTS, ["quickstart", "slides"])],
    ids=[*READMES, "results.md"],
)
WORDS = 900
PICTURE = 300_000  # bytes


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


@each_readme
def test_it_is_short(readme):
    assert len(readme.split()) <= WORDS


@with_tables
def test_the_tables_are_those_in_reports(page, profiles):
    """Or those as committed: `make repro` writes other last digits on another type of processor."""
    found = with_tables_of(page)
    assert [profile for profile, _ in found] == profiles
    for profile, shown in found:
        path = f"reports/{profile}/results.md"
        tables = ["\n".join(rows(text.split("\n## ")[0])) for text in ((ROOT / path).read_text(), committed(path))]
        assert shown in tables, f"the table of {profile} is not the one in {path}: run `make readme`"


def with_tables_of(page: str) -> list[tuple[str, str]]:
    """Each table that `make readme` writes, and its profile."""
    return [
        (match[2], match[3].strip())
        for match in runpy.run_path(str(ROOT / "scripts/readme.py"))["MARKER"].finditer(page)
    ]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "reports").glob("*/answers/*.csv")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_accuracies_are_those_of_the_committed_answers(path):
    given = pd.read_csv(path, dtype=str, keep_default_na=False)
    right = given["label"] == given["answer"]
    rows = json.loads((path.parent.parent / "results.json").read_text())["rows"]
    [row] = [row for row in rows if f"{row['model']}-{row['seed']}" == path.stem]
    assert right.mean() == row["test_acc"]
    if "rank" in given:
        assert ((given["rank"] == "1") == right).all()
        assert (given["rank"].astype(int) <= 5).mean() == row["test_top5"]


@pytest.mark.parametrize("folder", sorted((ROOT / "reports").iterdir()), ids=lambda path: path.name)
def test_the_table_is_that_of_the_committed_rows(folder):
    document = json.loads((folder / "results.json").read_text())
    assert document["profile"] == folder.name
    by_class = pd.read_csv(folder / "by_class.csv")
    for line in document["table"]:
        rows = [row for row in document["rows"] if row["model"] == line["model"]]
        assert [row["seed"] for row in rows] == line["seeds"]
        for name in ("loss", "val_loss", "acc", "val_acc", "test_acc"):
            assert sum(row[name] for row in rows) / len(rows) == pytest.approx(line[name], rel=1e-12)
        metrics = json.loads((folder / "metrics" / f"{line['model']}.json").read_text())
        assert metrics["test_acc"] == line["test_acc"]
        assert len(metrics) <= 12
        of_model = by_class[by_class["model"] == line["model"]]
        if document["rows"][0]["source"] == "cifar100":  # as many test images of each class
            assert of_model["acc"].mean() == pytest.approx(line["test_acc"])


@each_readme
def test_it_starts_with_a_table_of_rows_that_are_trained_to_the_end(readme):
    assert len(readme[: readme.index("|")].splitlines()) < 20
    assert "not trained to the end" not in readme


@each_readme
def test_its_tree_of_files_has_every_room(readme):
    tree = readme.split("```text\n")[1].split("```")[0]
    names = [(len(line) - len(line.lstrip()), line.split()[0]) for line in tree.splitlines()]
    for indent, name in names:
        assert (ROOT / ("src/alexvgg" if indent else "") / name).exists(), name
    rooms = {path.parent.name for path in (ROOT / "src/alexvgg").glob("*/__init__.py")}
    assert {name.rstrip("/") for indent, name in names if indent} == rooms


@each_readme
def test_its_pictures_are_small(readme):
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", readme)
    assert len(pictures) == 3
    assert {name: (ROOT / name).stat().st_size for name in pictures if (ROOT / name).stat().st_size > PICTURE} == {}


def test_the_ratios_it_gives_are_those_that_were_measured():
    measured = "".join(path.read_text() for path in (ROOT / "benchmarks/results").glob("throughput*.md"))
    ratios = re.findall(r"\d\.\d\d+", SPEED)
    assert len(ratios) == 54
    assert [ratio for ratio in ratios if ratio not in measured] == []


def test_the_claims_it_gives_are_those_that_were_measured():
    """Rounded as they are shown."""
    shown = {"talk/README.md": section("The talk's claims"), "results.md": section("The recipe")}
    for (name, text), profile in zip(shown.items(), ("ablations", "effort"), strict=True):
        report = (ROOT / "reports" / profile / name).read_text(encoding="utf-8")
        measured = [float(one) for one in re.findall(r"\d+\.\d+", report)]
        numbers = re.findall(r"\b\d\.\d+", text)
        assert numbers
        half = {one: 0.5 * 10.0 ** (2 - len(one)) + 1e-9 for one in numbers}
        wrong = [one for one in numbers if not any(abs(each - float(one)) <= half[one] for each in measured)]
        assert wrong == [], name


def section(title: str) -> str:
    """Of the page of results."""
    return next(part for part in RESULTS.split("\n## ") if part.startswith(f"{title}\n"))


@each_readme
def test_every_make_target_it_names_exists(readme):
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:`|\$ )make ([a-z]+)\b", readme):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@each_readme
def test_every_profile_it_names_exists(readme):
    for profile in re.findall(r"PROFILE=([a-z-]+)", readme):
        assert (ROOT / "profiles" / f"{profile}.yaml").exists(), profile
