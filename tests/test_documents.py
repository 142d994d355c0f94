"""The how-to pages are true: their blocks are executed, in order, in a copy of the project.

The information after a fence says what a block is:

- `python src/alexvgg/networks/mine.py`, a language and a path: the content of that file
- `diff <path>`: lines of that file, to take out (-), to put in (+) and to find (a space); each is there once
- `yaml <path>`: the content of a file that is not there yet, or keys to set in one that is
- `console`: what begins with `$ ` is run by bash in the project's folder and has to succeed. What is shown below it has
  to be said, line by line, but for its numbers
- a language alone: only to be read
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from alexvgg.system import faults
from alexvgg.system.errors import NetworkError
from conftest import ROOT
from project import Project

HOW_TO = ROOT / "docs/how-to"
BLOCK = re.compile(r"^```(?P<language>\w+)(?: (?P<path>\S+))?\n(?P<content>.*?)^```$", re.MULTILINE | re.DOTALL)
DOCUMENTS = sorted(
    path for places in ("*.md", "docs/**/*.md", "reports/**/*.md", "benchmarks/**/*.md") for path in ROOT.glob(places)
)
PAGES = [path for path in DOCUMENTS if path.is_relative_to(ROOT / "docs")]
LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*\]\(([^)\s]+)(?: \"[^\"]*\")?\)")
IMAGE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")


class Reader:
    """Somebody who does in a project what a page says, word by word."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.said = ""
        tools = project.folder.parent / "tools"
        tools.mkdir()
        make = tools / "make"  # with the environment of the tests in place of `.venv`
        make.write_text(f'#!/bin/sh\nexec {shutil.which("make")} --old-file=.venv/ready BIN={sys.prefix}/bin "$@"\n')
        make.chmod(0o755)
        environment = project.environment
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            environment.pop(name, None)
        environment["PATH"] = f"{tools}{os.pathsep}{environment['PATH']}"
        environment["PYTHONPATH"] = str(project.folder / "src")
        environment["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"  # nobody there: that is quicker
        environment |= {f"GIT_{who}_{what}": "test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

    def follow(self, page: Path) -> None:
        """Do everything that a page says."""
        text, end = page.read_text(encoding="utf-8"), 0
        for block in BLOCK.finditer(text):
            before, end = text[end : block.start()], block.end()
            language, path, content = block.group("language", "path", "content")
            if path is None:
                if language == "console":
                    self.type_in(content)
                continue
            assert f"`{path}`" in before, f"{page.name}: the text before a block for {path} does not name it"
            file = self.project.folder / path
            if language == "diff":
                file.write_text(edited(file.read_text(encoding="utf-8"), content), encoding="utf-8")
            elif language == "yaml" and file.exists():
                set_keys(file, content)
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content, encoding="utf-8")

    def type_in(self, content: str) -> None:
        """Run the commands of a block; what is shown of their output has to come."""
        for command in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
            line, *shown = command.splitlines()
            done = subprocess.run(
                ["bash", "-c", line], cwd=self.project.folder, env=self.project.environment, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            self.said += f"$ {line}\n{done.stdout}"
            assert done.returncode == 0, f"$ {line}\n{done.stdout}"
            said = {without_numbers(one) for one in done.stdout.splitlines()}
            missing = [one for one in shown if one.strip() and without_numbers(one) not in said]
            assert not missing, f"$ {line}\n{done.stdout}\nis not shown as {missing}"


def edited(text: str, diff: str) -> str:
    """A text with the lines of a `diff` block taken out and put in."""
    lines, place = text.split("\n"), None
    for kind, line in ((one[:1], one[1:]) for one in diff.splitlines() if one):
        if kind == "+":
            assert place is not None, f"nothing says where to put {line!r}"
            lines.insert(place, line)
            place += 1
            continue
        assert kind in "- " and lines.count(line) == 1, f"{line!r} is there {lines.count(line)} times"
        place = lines.index(line)
        if kind == "-":
            del lines[place]
        else:
            place += 1
    return "\n".join(lines)


def set_keys(file: Path, content: str) -> None:
    """Set in a YAML file what `content` names, and leave the rest."""

    def merge(into: dict, values: dict) -> None:
        for key, value in values.items():
            if isinstance(value, dict) and isinstance(into.get(key), dict):
                merge(into[key], value)
            else:
                into[key] = value

    yaml = YAML()
    values = yaml.load(file.read_text(encoding="utf-8"))
    merge(values, yaml.load(content))
    yaml.dump(values, file)


def without_numbers(line: str) -> str:
    """A line of output without what differs between machines: numbers, digests, widths of columns."""
    line = re.sub(r"\b[0-9a-f]{64}\b|\d+(?:[.,]\d+)*", "0", line)
    return re.sub(r"\s+", " ", line).strip()


@pytest.fixture
def reader(tmp_path) -> Reader:
    """In a copy of the project, with its Makefile and the quickstart in use."""
    project = Project(tmp_path / "alexvgg")
    for name in ("Makefile", "profiles/quickstart.yaml"):
        (project.folder / Path(name).name.replace("quickstart", "params")).write_bytes((ROOT / name).read_bytes())
    return Reader(project)


def rows_of(project: Project, profile: str) -> dict[str, str]:
    """The lines of a profile's table, by model."""
    report = (project.folder / "reports" / profile / "results.md").read_text(encoding="utf-8")
    table = next(part for part in report.split("\n\n") if part.startswith("| Model"))
    return {line.split()[1]: line for line in table.splitlines()[2:]}


@pytest.mark.slow  # 40 s
def test_a_network_of_your_own(reader):
    """Its row is in the table. Another network, which comes later, does not make it stale."""
    project = reader.project
    project.params = project.params | {"models": {}}
    reader.follow(HOW_TO / "own-network.md")
    assert list(rows_of(project, "quickstart")) == ["residual"]
    assert re.findall(r"Running stage '(train@\S+)'", reader.said) == ["train@residual-0"]
    project.add_small_network()
    small = {"architecture": "small", "crop": 16, "learning_rate": 1e-3}
    project.params = project.params | {"models": {"small": small, **project.params["models"]}}
    project.dvc("repro", "check")
    assert {stage for stage in project.stale() if "@" in stage} == {"train@small-0", "evaluate@small-0"}


# What somebody may get wrong in the page's network: the line that they change, and what they make of it.
MISTAKES = {
    "softmax": ('dtype="float32", name="logits"', 'activation="softmax", dtype="float32", name="logits"'),
    "units": ("Dense(classes, ", "Dense(classes + 1, "),
    "name": (', name="logits"', ""),
    "return": ("    return keras.Model", "    keras.Model"),
    "input": ("image_input(input_shape)", "image_input((28, 28, 3))"),
    "dtype": ('dtype="float32", name="logits"', 'dtype="bfloat16", name="logits"'),
    "no such layer": ("layers.Add()", "layers.Ad()"),
}


@pytest.mark.parametrize("change", MISTAKES.values(), ids=MISTAKES)
def test_messages_about_a_network_are_as_the_page_gives_them(tf, tmp_path, monkeypatch, change):
    from alexvgg.networks import checking

    page = (HOW_TO / "own-network.md").read_text(encoding="utf-8")
    code = next(block["content"] for block in BLOCK.finditer(page) if (block["path"] or "").endswith("residual.py"))
    assert code.count(change[0]) == 1
    file = tmp_path / "src/alexvgg/networks/residual.py"
    file.parent.mkdir(parents=True)
    file.write_text(code.replace(*change))
    spec = importlib.util.spec_from_file_location("residual", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "argv", ["stages/train.py", "residual", "0"])
    with pytest.raises(Exception) as raised:  # Keras and Python raise what they want
        checking.build(module.ARCHITECTURE, 32, 10, {})
    if isinstance(raised.value, NetworkError):
        assert f"\n| {str(raised.value).partition(': ')[2]} |" in page
    else:
        assert f"error: {faults.explain(raised.value)}\n" in page


BAD_ENTRIES = {"crop": {"crop": 4}, "option": {"options": {"widht": 32}}, "architecture": {"architecture": "residul"}}


@pytest.mark.parametrize("change", BAD_ENTRIES.values(), ids=BAD_ENTRIES)
def test_messages_about_an_entry_are_as_the_page_gives_them(tmp_path, quickstart, change):
    """Asked of a process of its own, whose registry has the network."""
    page = (HOW_TO / "own-network.md").read_text(encoding="utf-8")
    blocks = {block["path"]: block["content"] for block in BLOCK.finditer(page) if block["path"]}
    project = Project(tmp_path / "alexvgg")
    registry = project.folder / "src/alexvgg/networks/registry.py"
    registry.write_text(edited(registry.read_text(), blocks["src/alexvgg/networks/registry.py"]))
    (project.folder / "src/alexvgg/networks/residual.py").write_text(blocks["src/alexvgg/networks/residual.py"])
    entry = YAML(typ="safe", pure=True).load(blocks["params.yaml"])["models"]["residual"]
    project.params = quickstart | {"models": {"residual": entry | change}}
    said = project.alexvgg("check", code=2)
    shown = [line[2:].partition(" |")[0] for line in page.splitlines() if line.startswith("| models.residual: ")]
    assert any(f"params.yaml: {message}" in said for message in shown), said


@pytest.mark.slow  # 40 s
def test_your_own_images(reader):
    project = reader.project
    reader.follow(HOW_TO / "own-images.md")
    description = json.loads((project.folder / "data/description.json").read_text())
    assert description["classes"] == ["flower", "one", "temple", "zero"]
    folder = project.folder / "reports/samples"
    assert {"results.md", "index.html", "slides.pptx"} <= {path.name for path in folder.iterdir()}
    assert [line.split(" | ")[-1].strip(" |") for line in rows_of(project, "samples").values()] == ["–"]  # top-5
    assert float(rows_of(project, "samples")["alexnet"].split(" | ")[6].split()[0]) > 0.5


def test_whatever_the_entry_of_images_says_is_preprocessed_again():
    """The page says that `side` may be changed."""
    stages = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"]
    read = {"data.side", "data.test_fraction", "data.superclasses", "data.title"}
    assert "data" in stages["preprocess"]["params"] or read <= set(stages["preprocess"]["params"])


@pytest.mark.slow
@pytest.mark.skipif(not (HOW_TO / "own-project.md").exists(), reason="it has done its work")
def test_a_project_of_your_own(tmp_path):
    """Report and README are its own, a clone with the remote has the results, and it stands under another name."""
    reader = Reader(Project.clone(Project.whole(tmp_path / "alexvgg"), tmp_path / "handwriting"))
    reader.follow(HOW_TO / "own-project.md")
    project = reader.project
    assert project.run("git", "status", "--short") == ""
    row = rows_of(project, "handwriting")["alexnet"]
    assert row in (project.folder / "README.md").read_text()
    page = "reports/handwriting/index.html"
    assert "<h1>Handwriting: results of profile handwriting</h1>" in (project.folder / page).read_text()
    assert (tmp_path / "colleague" / page).read_bytes() == (project.folder / page).read_bytes()
    project.run(sys.executable, "-m", "handwriting", "check")
    project.run(sys.executable, "-m", "pytest", "-q", "tests/test_house.py")
    project.run(sys.executable, "-m", "pytest", "-q", "--collect-only", "tests")  # none reads what is gone


@pytest.mark.slow  # 60 s
def test_an_augmentation_of_your_own(tmp_path):
    """It is in the schema, and its row is in the table."""
    reader = Reader(Project.whole(tmp_path / "alexvgg"))
    shutil.copy(ROOT / "profiles/quickstart.yaml", reader.project.folder / "params.yaml")
    reader.follow(HOW_TO / "own-augmentation.md")
    assert "train@alexnet_noise-0" in reader.said
    assert "`noise`" in (reader.project.folder / "docs/reference/parameters.md").read_text(encoding="utf-8")


def test_the_augmentation_of_the_page_adds_noise(tf):
    page = (HOW_TO / "own-augmentation.md").read_text(encoding="utf-8")
    code = next(block["content"] for block in BLOCK.finditer(page) if (block["path"] or "").endswith("noise.py"))
    scope: dict = {}
    exec(code, scope)
    noise = scope["add"](tf.zeros([8, 20, 20, 3]), 0.3, 0, 5).numpy()
    assert (noise == scope["add"](tf.zeros([8, 20, 20, 3]), 0.3, 0, 5).numpy()).all()
    assert (noise != scope["add"](tf.zeros([8, 20, 20, 3]), 0.3, 0, 6).numpy()).any()
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 0.3) < 0.02


def prose(document: Path) -> str:
    """A document without its blocks of code."""
    return BLOCK.sub("", document.read_text(encoding="utf-8"))


def links(document: Path) -> list[str]:
    """What a document links to in the project, and shows of it."""
    text = re.sub(r"`[^`\n]*`", lambda code: "code" if "](" in code[0] else code[0], prose(document))
    return [one for one in [*LINK.findall(text), *IMAGE.findall(text)] if "://" not in one]


def anchors(document: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    made: dict[str, int] = {}
    for title in re.findall(r"^#{1,6} (.+)$", prose(document), re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", LINK.sub("", title).strip().lower()).replace(" ", "-")
        made[name] = made.get(name, -1) + 1
    return {name if not number else f"{name}-{number}" for name, last in made.items() for number in range(last + 1)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    for link in links(document):
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_index_leads_to_every_page(page):
    """By itself, or by the lists of decisions and of results."""
    lists = [ROOT / "docs" / name for name in ("README.md", "decisions/README.md", "reference/results.md")]
    reached = {(one.parent / link.partition("#")[0]).resolve() for one in lists if one.exists() for link in links(one)}
    assert page in reached or page == lists[0]


@pytest.mark.parametrize("page", sorted((ROOT / "docs/decisions").glob("0*.md")), ids=lambda path: path.stem)
def test_a_decision_is_short_and_its_numbers_can_be_made_again(page):
    text = page.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 25
    assert not re.search(r"not kept|for the record", text, re.IGNORECASE)
    listed = f"[{int(page.stem[:4])}. {text.partition(chr(10))[0].partition('. ')[2]}"
    assert listed.startswith(next(one for one in index_of_decisions() if f"({page.name})" in one).partition("](")[0])


def index_of_decisions() -> list[str]:
    text = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    return [line.removeprefix("- ") for line in text.splitlines() if line.startswith("- [")]


SPHINX = all(importlib.util.find_spec(name) for name in ("sphinx", "myst_parser", "furo"))
REQUEST = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc="(?:https?:)?//|"""
    r"""<link\b(?=[^>]*\brel="(?:stylesheet|preload|preconnect|icon|modulepreload)")[^>]*\bhref="(?:https?:)?//|"""
    r"""@import\s+(?:url\()?["']?(?:https?:)?//|url\(["']?(?:https?:)?//"""
)


@pytest.mark.slow  # 30 s
@pytest.mark.skipif(not SPHINX, reason="the group `docs` is not installed: make setup DOCS=1")
def test_the_site_is_made_without_a_warning_and_makes_no_request(tmp_path):
    folder = tmp_path / "site"
    made = subprocess.run(
        [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "--conf-dir", "docs", ".", folder],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    pages = {path.relative_to(folder).with_suffix(".md") for path in folder.glob("docs/**/*.html")}
    assert pages == {path.relative_to(ROOT) for path in PAGES}
    texts = [path for path in folder.rglob("*") if path.suffix in (".html", ".css", ".js")]
    assert len(texts) > 100
    assert {path.name for path in texts if REQUEST.search(path.read_text(encoding="utf-8"))} == set()
    assert "README.html" in (folder / "index.html").read_text(encoding="utf-8")
