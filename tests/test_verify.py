"""`alexvgg verify` on the committed quickstart: what is true is found so, and what was tampered with is found."""

import hashlib
import json
import re
import shutil
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

import records
from alexvgg.data import arrays
from alexvgg.data.arrays import Description
from alexvgg.params import file
from alexvgg.pipeline import layout, locks
from alexvgg.rows.summary import Beginning, Summary
from alexvgg.system.errors import AlexvggError
from alexvgg.verification import findings as findings_module
from alexvgg.verification import inputs, paper, recorded, report, weights
from conftest import ROOT
from project import Project

REPORT = Path("reports/quickstart")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The committed report and its lock, to be tampered with."""
    shutil.copytree(ROOT / REPORT, tmp_path / REPORT)
    (tmp_path / "profiles").mkdir()
    shutil.copy(ROOT / "profiles/quickstart.lock", tmp_path / "profiles")
    monkeypatch.chdir(tmp_path)
    return REPORT


def findings(folder: Path) -> dict[str, list[str]]:
    """Of what is committed, without data and networks, by level."""
    document = paper.report(folder)
    found = [*paper.whole(folder, document), *(one for row in document["rows"] for one in paper.row(folder, row))]
    lock = Path("profiles/quickstart.lock")
    as_made = list(recorded.report(folder, lock))
    rows = rows_of(folder, lock)
    for summary in filter(None, map(paper.training_of, document["rows"])):
        as_made += findings_module.carefully(summary.name, partial(rows.training, summary))
    by_level: dict[str, list[str]] = {"same": [], "differs": [], "unknown": []}
    for one in found:
        by_level[one.level].append(f"{one.subject}: {one.text}")
    return by_level | {"recorded": [one.text for one in as_made if one.level != "same"]}


def rows_of(folder: Path, lock: Path) -> recorded.Rows:
    names = [f"{one['model']}-{one['seed']}" for one in paper.report(folder)["rows"]]
    files_of = {name: layout.row("quickstart", name) for name in names}
    return recorded.Rows(folder, lock, layout.rows("quickstart"), files_of)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) >= 1, old
    path.write_text(text.replace(old, new, 1))


def test_the_committed_report_is_what_its_answers_say(folder):
    found = findings(folder)
    assert not found["differs"] and not found["unknown"] and not found["recorded"] and len(found["same"]) > 25


def digit(name: str):
    def change(folder: Path) -> None:
        text = (folder / "results.json").read_text()
        number = re.findall(rf'"{name}": (0\.\d+)', text)[-1]  # of a row; the first ones are the table's
        before, _, after = text.rpartition(f'"{name}": {number}')
        changed = f'"{name}": {number[:5]}{(int(number[5]) + 1) % 10}{number[6:]}'  # the fourth digit, which is printed
        (folder / "results.json").write_text(before + changed + after)

    return change


def table(folder: Path) -> None:
    line = next(one for one in (folder / "results.md").read_text().splitlines() if one.startswith("| alexnet "))
    edit(folder / "results.md", line, line.replace("0.", "0.9", 1))


def answer(folder: Path) -> None:
    lines = (folder / "answers/vgg16-0.csv").read_text().splitlines()
    number = next(i for i, line in enumerate(lines) if line.startswith("3,3,"))
    lines[number] = lines[number].replace("3,3,", "3,8,")
    (folder / "answers/vgg16-0.csv").write_text("\n".join(lines) + "\n")


def by_class(folder: Path) -> None:
    lines = (folder / "by_class.csv").read_text().splitlines()
    lines[1] = re.sub(r"[^,]+$", "0.5", lines[1])
    (folder / "by_class.csv").write_text("\n".join(lines) + "\n")


def without_epoch(folder: Path) -> None:
    lines = (folder / "curves.csv").read_text().splitlines(keepends=True)
    gone = next(line for line in lines if line.startswith("alexnet,0,2,") and ",val," in line)
    (folder / "curves.csv").write_text("".join(line for line in lines if line != gone))


def another_curve(folder: Path) -> None:
    path = folder / "curves.csv"
    path.write_text(path.read_text() + "vgg19,0,1,32,val,0.1,0.99\n")


def without_ranks(folder: Path) -> None:
    path = folder / "answers/alexnet-0.csv"
    path.write_text(re.sub(r",[^,\n]+$", "", path.read_text(), flags=re.M))


def rank(folder: Path) -> None:
    path = folder / "answers/vgg16-0.csv"
    wrong = next(line for line in path.read_text().splitlines() if not line.endswith((",1", ",rank")))
    edit(path, wrong, re.sub(r",\d+$", ",1", wrong))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (digit("test_acc"), "test accuracy: reported"),
        (digit("val_loss"), "vgg16-0: val_loss: reported"),
        (digit("test_acc_low"), "its 95 % interval: reported"),
        (lambda folder: edit(folder / "results.json", '"learning_rate": 0.001', '"learning_rate": 0.002'), "key: reported"),
        (lambda folder: edit(folder / "curves.csv", ",val,", ",train,"), "loss: reported"),
        (table, "results.md is not what the rows say"),
        (answer, "vgg16-0: test accuracy: reported"),
        (by_class, "by_class.csv is not what the rows say"),
        (lambda folder: edit(folder / "results.csv", ",0.9", ",0.8"), "results.csv is not what the rows say"),
        (lambda folder: edit(folder / "metrics/vgg16.json", "0.9", "0.8"), "metrics/vgg16.json is not"),
        (without_epoch, "epochs and crops of its val curve: found 3 of them, expected 4"),
        (without_ranks, "columns of its answers: found 3 of them, expected 4"),
        (rank, "1 ranks do not agree with the answers"),
        (digit("test_ece"), "vgg16-0: calibration error: reported"),
        (another_curve, "curves.csv is not what the rows say"),
        (lambda folder: shutil.copy(folder / "metrics/vgg16.json", folder / "metrics/vgg19.json"), "vgg19.json: of no row"),
    ],
    ids=[
        "accuracy", "loss", "interval", "recipe", "curve", "table", "answer", "class", "csv", "metrics", 
        "epoch", "ranks", "rank", "calibration", "another curve", "another model",
    ],
)  # fmt: skip
def test_what_was_changed_is_found(folder, change, said):
    change(folder)
    found = findings(folder)
    assert [one for one in found["differs"] if said in one], found["differs"]
    assert found["recorded"]  # and DVC recorded other files


def test_files_beside_the_lock(folder):
    """One that the lock does not name is told; so are a page and a deck of another report, which git does not bring."""
    lock = Path("profiles/quickstart.lock")
    outs = YAML(typ="safe", pure=True).load(lock.read_text())
    report = outs["stages"]["report"]
    report["outs"] = [one for one in report["outs"] if not one["path"].endswith("results.csv")]
    with lock.open("w") as file:
        YAML(typ="safe", pure=True).dump(outs, file)
    (folder / "index.html").write_text("of another report")
    found = {one.text: one.level for one in recorded.report(folder, lock) if one.level != "same"}
    assert set(found.values()) == {"unknown"} and len(found) == 2
    assert "results.csv" in str(found) and "index.html is of another report" in str(found)


def test_what_a_file_manager_leaves_is_no_part_of_a_report(folder):
    for place in (folder, folder / "networks", folder / "answers"):
        (place / ".DS_Store").write_text("of Finder")
    assert not findings(folder)["differs"] and not findings(folder)["recorded"]


def test_the_words_around_the_tables(folder):
    edit(folder / "results.md", "Loss and ACC are", "Loss and ACC may be")
    found = findings(folder)
    assert not found["differs"] and "the words of results.md" in found["unknown"][0]


def test_of_a_report_of_another_version_the_table_is_compared(folder):
    document = json.loads((folder / "results.json").read_text())
    for row in document["rows"]:
        del row["recipe"]["cutmix"]
        row["recipe"]["early_crops"] = [{"crop": 30, "epochs": 1}]
    (folder / "results.json").write_text(json.dumps(document))
    found = findings(folder)
    assert not found["differs"]
    assert len(found["unknown"]) == len(document["rows"]) + 1  # no key and no beginning of each; and other files
    digit("test_acc")(folder)
    assert "table: results.json" in " ".join(findings(folder)["differs"])


@pytest.mark.parametrize("profile", sorted(path.name for path in (ROOT / "reports").iterdir()))
def test_each_committed_report_is_what_its_answers_say(profile):
    folder = ROOT / "reports" / profile
    document = paper.report(folder)
    rows = [one for row in document["rows"] for one in paper.row(folder, row)]
    assert not [one for one in [*paper.whole(folder, document), *rows] if one.level == "differs"]


def without(*keys: str):
    def change(folder: Path) -> None:
        document = json.loads((folder / "results.json").read_text())
        for key in keys:
            del document["rows"][1][key]
        (folder / "results.json").write_text(json.dumps(document))

    return change


def with_answers(change):
    def changed(folder: Path) -> None:
        path = folder / "answers/alexnet_vgg-0.csv"
        path.write_text(change(path.read_text()))

    return changed


@pytest.mark.parametrize(
    "change",
    [
        without("test_acc"),
        without("images"),
        without("recipe"),
        without("val_loss", "key"),
        with_answers(lambda text: text.partition("\n")[0] + "\n"),
        with_answers(lambda text: text.replace("answer", "said", 1)),
        with_answers(lambda text: text + text.splitlines()[-1] + "\n"),
        lambda folder: (folder / "answers/alexnet_vgg-0.csv").unlink(),
        lambda folder: (folder / "curves.csv").write_text(""),
        lambda folder: edit(folder / "curves.csv", "alexnet_vgg,0", "alexnet_vgg,1"),
        lambda folder: (folder / "results.md").unlink(),
        lambda folder: (folder / "by_class.csv").unlink(),
        lambda folder: shutil.rmtree(folder / "metrics"),
        lambda folder: Path("profiles/quickstart.lock").write_text(""),
    ],
)
def test_what_cannot_be_read_is_a_finding_and_the_rest_is_compared(folder, change, monkeypatch):
    change(folder)
    shutil.copy(ROOT / "profiles/quickstart.yaml", "profiles")
    shutil.copy(ROOT / "profiles/quickstart.yaml", "params.yaml")
    monkeypatch.setattr(inputs, "made_anew", nothing_made)
    found = list(report.Verification("quickstart", every_row=False, weights=False).findings())
    assert [one for one in found if one.level != "same" and one.subject != "data"]
    assert len([one for one in found if one.level == "same" and one.subject == "vgg16-0"]) >= 4


def changed_row(change):
    def changed(folder: Path) -> None:
        document = json.loads((folder / "results.json").read_text())
        change(document["rows"])
        (folder / "results.json").write_text(json.dumps(document))

    return changed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed_row(lambda rows: rows.insert(0, dict(rows[0]))), "rows: alexnet-0 is there 2 times"),
        (changed_row(lambda rows: rows.append(rows.pop(0))), "rows: number 1 reported alexnet_vgg-0, here alexnet-0"),
        (
            lambda _: edit(Path("profiles/quickstart.yaml"), "weight_decay: 0.02", "weight_decay: 0.5"),
            "profiles/quickstart.yaml and params.yaml: training.weight_decay profiles/quickstart.yaml 0.5, params.yaml 0.02",
        ),
    ],
    ids=["a row twice", "order", "profile"],
)
def test_what_was_changed_beside_the_rows_own_numbers_is_found(folder, change, said, monkeypatch):
    for name in ("profiles/quickstart.yaml", "params.yaml"):
        shutil.copy(ROOT / "profiles/quickstart.yaml", name)
    monkeypatch.setattr(inputs, "made_anew", nothing_made)
    change(folder)
    found = list(report.Verification("quickstart", every_row=False, weights=False).findings())
    assert [one for one in found if one.level == "differs" and said in one.text], found


@pytest.mark.parametrize("content", ["[]", '{"rows": [["model", "seed"]], "table": []}', '{"rows": [], "table": []}'])
def test_what_is_no_report(folder, content):
    (folder / "results.json").write_text(content)
    with pytest.raises(AlexvggError, match="is no report of this version; `git checkout"):
        paper.report(folder)


def described(archive_sha256: str = "0" * 64, groups: dict[str, list[str]] | None = None) -> Description:
    row = records.summary()
    return Description(
        source=row.source, title=row.title, archive_sha256=archive_sha256, classes=["a", "b"], superclasses=groups or {},
        side=32, mean=[0.5], std=[0.5], resize=256, crop=227, images=row.images, sha256={},
    )  # fmt: skip


def test_a_report_of_the_other_archive_is_not_called_wrong(tmp_path):
    """Two are accepted for CIFAR-100; they have the same images in another order."""
    row = records.summary()
    path = tmp_path / "description.json"
    arrays.save_description(path, described(archive_sha256="7" * 64))
    accepted = [row.archive_sha256, "7" * 64]
    other = inputs.another_archive(row, accepted, path)
    assert other is not None and other.level == "unknown" and "777777777777" in other.text
    assert inputs.another_archive(row, accepted[1:], path) is None  # one that is not accepted is compared
    assert {one.level for one in inputs.described(row, path, in_order=True)} == {"same"}
    fewer = row.model_copy(update={"images": {"train": 1, "val": 1, "test": 1}})
    assert {one.level for one in inputs.described(fewer, path, in_order=False)} == {"same"}
    assert "differs" in {one.level for one in inputs.described(fewer, path, in_order=True)}
    given = pd.DataFrame({"label": ["b", "a", "a"]})
    for labels, level in (([0, 0, 1], "same"), ([0, 1, 1], "unknown")):
        split = mock.Mock(labels=np.array(labels))
        with mock.patch.object(inputs.arrays, "load", return_value=split):
            assert inputs.labels(row.name, given, path, path, in_order=False).level == level


def test_parameters_and_sources_are_compared_for_every_row(folder, monkeypatch):
    params = file.load(ROOT / "profiles/quickstart.yaml")
    row = next(filter(None, map(paper.training_of, paper.report(folder)["rows"])))
    monkeypatch.chdir(ROOT)

    def differing(**changes: object) -> list[str]:
        changed = row.model_copy(update=changes)
        return [f"{one.level} {one.text}" for one in inputs.settings(changed, params) if one.level != "same"]

    assert differing() == []
    assert differing(crop=68) == ["differs crop: reported 68, here 67"]
    recipe = row.recipe.model_copy(update={"weight_decay": 0.5})
    assert differing(recipe=recipe, seed=7) == ["differs recipe: weight_decay reported 0.5, here 0.02"]
    assert "the parameters do not accept it" in differing(archive_sha256="7" * 64)[0]
    assert "unknown made by other sources" in differing(data=row.data | {"code": "0" * 64})[0]
    assert differing(data=row.data | {"more": ""}) == ["differs inputs: found 6 of them, expected 5"]


def test_rows_that_are_not_as_the_sources_here_write_them(folder, monkeypatch):
    rows = paper.report(folder)["rows"]
    monkeypatch.chdir(ROOT)
    assert list(inputs.not_as_written(rows)) == []
    for row in rows:
        del row["recipe"]["cutmix"]
    rows[0]["data"]["code"] = "0" * 64  # of a version with other keys
    found = list(inputs.not_as_written(rows))
    assert [one.subject for one in found] == [f"{row['model']}-{row['seed']}" for row in rows[1:]]
    assert {one.level for one in found} == {"differs"}


def test_what_was_changed_in_a_report_and_its_lock_alike(folder):
    """The lock has what DVC recorded of the rows, too, which git does not have: what they were follows from the report."""
    lock = Path("profiles/quickstart.lock")
    document = paper.report(folder)
    summary = next(filter(None, map(paper.training_of, document["rows"])))
    rows = rows_of(folder, lock)
    first = next(line for line in (folder / "curves.csv").read_text().splitlines() if line.startswith("alexnet,0,1,"))
    edit(folder / "curves.csv", first, first[:-1] + str((int(first[-1]) + 1) % 10))
    forged = summary.model_copy(update={"val_acc": 0.99})
    found = {one.text.split()[3].strip(":"): one.level for one in rows.training(forged)}
    assert found == {"summary.json": "differs", "history.csv": "differs", "answers.csv": "same"}
    made = rows.evaluation(document["rows"][0], ([], {}))  # of a network without layers
    assert made.level == "differs" and "what was in evaluation.json" in made.text


def test_a_lock_with_newer_rows_than_the_report_says_nothing_of_them(folder):
    """As `make repro MODELS=…` leaves it."""
    lock = Path("profiles/quickstart.lock")
    assert rows_of(folder, lock).of_report
    summary = layout.row("quickstart", "alexnet-0").summary
    md5 = locks.stages(lock)["train@alexnet-0"].outs[summary]
    lock.write_text(lock.read_text().replace(md5, "0" * 32))
    assert not rows_of(folder, lock).of_report
    lock.unlink()
    assert not rows_of(folder, lock).of_report


def test_an_archive_beside_the_project(clone):
    (clone.folder.parent / "pets.tar").write_bytes(b"no archive")
    params = YAML(typ="safe", pure=True).load(ROOT / "profiles/quickstart.yaml")
    params["data"] = {
        "source": "images",
        "archive": "../pets.tar",
        "sha256": [hashlib.sha256(b"no archive").hexdigest()],
    }
    params["data"] |= {"side": 32, "title": "pets", "test_fraction": 0.2, "superclasses": {}}
    clone.params = params
    for _ in range(2):
        made = inputs.made_anew(clone.folder, clone.folder / "params.yaml", Path("none"))
        with pytest.raises(inputs.NotMade, match="preprocess failed"), made:
            pass


@contextmanager
def nothing_made(*_):
    raise inputs.NotMade("no network here")
    yield


def test_what_rounding_explains(tf):
    from alexvgg.verification import beginning

    steps = [Beginning(step=step, loss=4.6, weights_sha256=str(step) * 32) for step in (1, 2, 10)]
    there = records.summary(beginning=steps)
    losses = [one.loss for one in there.beginning]

    def judged(*factors: float, here: str = "CPU, 2 threads, AVX2", there: Summary = there) -> str:
        anew = [
            Beginning(step=one.step, loss=loss * factor, weights_sha256="0" * 64)
            for one, loss, factor in zip(there.beginning, losses, factors, strict=False)
        ]
        return beginning.judged(there, anew, here).level

    assert there.hardware.startswith("CPU, ")
    assert beginning.judged(there, there.beginning, "").level == "same"
    assert judged(1 + 1e-7, 1 + 1e-5, 1.1) == "unknown"  # after ten steps nothing can be told
    assert (
        beginning.judged(there, there.beginning[:2], "").text == "losses and weights after steps 1, 2: to the last bit"
    )
    assert judged(1 + 1e-7, 1 + 1e-5) == "unknown"
    assert judged(1 + 1e-7, 1 + 1e-2) == "differs"
    assert judged(1 + 1e-4, 1 + 1e-4, 1.0) == judged(1.0, 1 + 1e-2, 1.0) == "differs"
    assert judged(1.0, 1.0, 1.0) == "differs"  # the same losses by other weights
    rounded = records.summary(beginning=steps, recipe=there.recipe.model_copy(update={"precision": "mixed_bfloat16"}))
    assert judged(1.0, 1.0, 1.0, there=rounded) == "unknown"  # weights are rounded before they are used
    assert judged(1.0, 1.0) == "unknown"
    on_gpu = records.summary(beginning=steps, hardware="1 × a GPU")
    assert judged(1 + 1e-3, 1 + 1e-3, there=on_gpu) == judged(1 + 1e-3, 1 + 1e-3, here="1 × a GPU") == "unknown"
    last = [*steps[:2], steps[2].model_copy(update={"loss": 99.0})]
    assert beginning.judged(there, last, there.hardware).level == "differs"  # the same until then, on the same hardware
    assert beginning.judged(there, last, "CPU, 2 threads, another").level == "unknown"
    for forged in ([], steps[2:], steps[:2]):
        assert beginning.judged(records.summary(beginning=forged), steps, "").level == "differs"
    more = [*steps, Beginning(step=11, loss=4.6, weights_sha256="0" * 64)]
    assert beginning.judged(records.summary(beginning=more), steps, "").level == "differs"


@pytest.fixture
def clone(tmp_path) -> Project:
    return Project.whole(tmp_path / "a clone")


def test_a_recipe_that_is_not_the_profile_s_is_found(clone):
    edit(clone.folder / "profiles/quickstart.yaml", "weight_decay: 0.02", "weight_decay: 0.03")
    shutil.copy(clone.folder / "profiles/quickstart.yaml", clone.folder / "params.yaml")
    said = clone.alexvgg("verify", "quickstart", code=1)
    assert len(re.findall(r"^DIFFERS .*-0: recipe: weight_decay reported 0.02, here 0.03$", said, re.M)) == 3
    assert "that cannot be told here" in said and "error: 3 of" in said


@pytest.mark.slow
def test_the_committed_quickstart(clone):
    """Its networks begin as reported: to the last bit, or on another type of processor as far as rounding explains."""
    said = clone.alexvgg("verify")
    assert " 0 differ, " in said
    assert len(re.findall(r"^same +.*-0: what was in evaluation.json", said, re.M)) == 3
    assert (
        len(re.findall(r"-0: (losses and weights after steps 1, 2(, 10)?: to|losses differ by .* as rounding)", said))
        == 3
    )
    texts = ["results.md", "talk/README.md", *(f"networks/{model}.md" for model in ("alexnet", "alexnet_vgg", "vgg16"))]
    for name in texts:
        assert f"\nsame     text: {name}\n" in said
        path = clone.folder / REPORT / name
        last = path.read_text().rpartition("\n|")[2]  # a line of the last table
        edit(path, last, re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), last, count=1))
    forged = clone.alexvgg("verify", code=1)
    for name in texts:
        assert f"\nDIFFERS  text: {name} is not what the rows say\n" in forged
    source = clone.folder / "src/alexvgg/training/optimizer.py"
    edit(source, "0.999, 1e-7", "0.99, 1e-7")
    assert clone.alexvgg("verify", code=1).count("made by other sources than those here") == 3


# Weights


def test_answers_of_weights_that_rounding_explains():
    probabilities = np.array([[0.9, 0.06, 0.04], [0.40004, 0.4, 0.19996]])
    reported = pd.DataFrame(
        {"label": ["a", "b"], "answer": ["a", "a"], "confidence": [0.9, 0.40004], "rank": [1, 2]}
    )  # fmt: skip

    def judged(**second: object) -> str:
        changed = reported.copy()
        for name, value in second.items():
            changed.loc[1, name] = value
        labels = np.array([0, 1], np.int32)
        return weights.judged(records.summary(), changed, probabilities, labels, ["a", "b", "c"]).level

    many = pd.DataFrame({"label": ["b"] * 20, "answer": ["b"] * 20, "confidence": [0.401] * 20, "rank": [1] * 20})
    close = np.tile([0.401, 0.4009, 0.1981], (20, 1))
    forged = weights.judged(records.summary(), many, close, np.ones(20, np.int32), ["a", "b", "c"])
    assert (
        forged.level == "differs" and "20 answers are right only in the report" in forged.text
    )  # each is rounding by itself

    assert judged() == judged(confidence=0.40009) == judged(answer="b", rank=1) == "unknown"
    for forged in (
        {"confidence": 0.5},
        {"confidence": 0.4005},
        {"answer": "c"},
        {"answer": "nothing known"},
        {"rank": 3},
        {"rank": 0},
    ):
        assert judged(**forged) == "differs", forged
    assert (
        weights.judged(records.summary(), reported[:1], probabilities, np.array([0, 1]), ["a", "b", "c"]).level
        == "differs"
    )


def test_metrics_of_weights():
    def level(reported: float, anew: float, bound: float) -> str:
        return weights.measured("alexnet-0", "test_loss", reported, anew, bound).level

    assert level(0.5, 0.5, 1e-6) == "same"
    assert level(0.5, 0.5 + 1e-7, 1e-6) == level(0.5, 0.6, 0.1) == "unknown"
    assert level(0.5, 0.5001, 1e-6) == level(0.5, 0.61, 0.1) == "differs"


def test_what_rounding_may_do_to_counts():
    logits = np.log([[0.4, 0.4001, 0.1999], [0.9, 0.05, 0.05], [0.7, 0.2, 0.1], [0.5, 0.2, 0.3]])
    assert weights.undecided(logits, 1e-4) == 1 / 4 and weights.undecided(logits, 0.2) == 2 / 4


def test_superclasses_are_counted_anew(tmp_path):
    path = tmp_path / "description.json"
    given = pd.DataFrame({"label": ["cat", "dog", "oak"], "answer": ["dog", "oak", "oak"]})

    def said(reported: float | None, groups: dict[str, list[str]]) -> list[str]:
        arrays.save_description(path, described(groups=groups))
        return [one.level for one in inputs.superclasses("alexnet-0", reported, given, path)]

    assert said(2 / 3, {"pets": ["cat", "dog"], "trees": ["oak"]}) == ["same"]
    assert said(0.7, {"pets": ["cat", "dog"], "trees": ["oak"]}) == ["differs"]
    assert said(0.7, {}) == ["differs"] and said(None, {}) == []


@pytest.mark.slow
def test_weights_are_evaluated_from_here_the_cache_and_a_remote(tmp_path):
    project = Project(tmp_path / "a project")
    project.add_small_network()
    project.environment["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"
    params = YAML(typ="safe", pure=True).load(ROOT / "profiles/quickstart.yaml")
    params |= {"profile": "tiny", "models": {"small": {"architecture": "small", "crop": 16, "learning_rate": 1e-3}}}
    params["training"]["epochs"] = 1
    project.params = params
    project.repro()
    project.dvc("remote", "add", "--default", "store", str(tmp_path / "store"))
    project.dvc("push")
    path = project.folder / "weights/tiny/small-0.weights.h5"
    for gone in (None, path, project.folder / ".dvc/cache"):
        if gone is not None:
            shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
        said = project.alexvgg("verify", "--weights")
        for what in ("what its weights answer to", "test_loss", "train_acc"):
            assert re.search(rf"^same +small-0: {what}", said, re.M), said
    shutil.rmtree(project.folder / ".dvc/cache")
    shutil.rmtree(tmp_path / "store")
    assert re.search(r"unknown +small-0: .*is neither here", project.alexvgg("verify", "--weights"))
    path.write_bytes(b"others")
    assert re.search(r"unknown +small-0: .*is another than .*dvc.lock names", project.alexvgg("verify", "--weights"))
