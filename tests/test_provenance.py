"""A report is marked where other sources or other parameters made it than those that are here."""

import json
import shutil
from pathlib import Path

import pytest

from alexvgg.cli import results, wholeness
from alexvgg.params import file
from alexvgg.pipeline import provenance
from conftest import ROOT

REPORT = "reports/quickstart/results.json"


@pytest.fixture
def rows(tmp_path, monkeypatch) -> list[dict]:
    """Those of the committed report, in a copy of what is read for it."""
    for name in ("stages", "profiles", "reports/quickstart"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "profiles/quickstart.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return json.loads(Path(REPORT).read_text())["rows"]


def differing(rows: list[dict]) -> str:
    return provenance.said(provenance.differing(file.load(Path("params.yaml")), rows))


def test_the_committed_report_is_of_what_is_committed(rows):
    assert differing(rows) == ""  # else `make repro`, and commit what it makes


def test_what_differs_is_named(rows):
    rows[0]["data"]["code"] = "0" * 64
    rows[1]["recipe"]["weight_decay"] = 0.5
    assert differing(rows) == "alexnet-0: made by other sources; alexnet_vgg-0: made with other parameters"
    rows[0] |= {"seed": 7}
    rows[1]["data"]["network"] = "0" * 64
    rows[2]["data"]["network"] = "0" * 64
    assert differing(rows) == (
        "alexnet-7: no longer in the roster; alexnet_vgg-0: made with other parameters; "
        "vgg16-0: made by other sources; alexnet-0: not in the table"
    )
    del rows[2]["recipe"], rows[2]["data"]  # as no version wrote it
    assert "vgg16-0: made by other sources" in differing(rows)


def test_show_and_doctor_say_so(rows, capsys):
    results.show([])
    assert "older than" not in capsys.readouterr().out and not list(wholeness.age(Path("reports")))
    params = Path("params.yaml").read_text()
    Path("params.yaml").write_text(params.replace("learning_rate: 2e-4", "learning_rate: 3e-4"))
    results.show([])
    said = capsys.readouterr().out
    assert "older than what is here (vgg16-0: made with other parameters); `make repro` makes it anew." in said
    [found] = wholeness.age(Path("reports"))
    assert found.level == "note" and "(vgg16-0: made with other parameters)" in found.text


def test_data_and_answers_are_compared_with_what_dvc_recorded(rows):
    def said() -> str:
        path = Path("params.yaml")
        return provenance.said(provenance.around_training(file.load(path), path))

    assert said() == ""
    params = Path("params.yaml").read_text()
    Path("params.yaml").write_text(params.replace("split_seed: 0", "split_seed: 1"))
    assert said() == "data: made with other parameters"
    Path("params.yaml").write_text(params)
    program = Path("stages/evaluate.py")
    program.write_text(program.read_text().replace('"""DVC stage', '"""A stage'))
    assert said() == "answers: made by other sources"
    Path("profiles/quickstart.lock").write_text("<<<<<<< HEAD\n")
    assert said() == ""  # `alexvgg doctor` says so in other words


def test_a_report_that_cannot_be_compared_is_left_to_others(rows):
    Path(REPORT).write_text("{")
    shutil.copytree("reports/quickstart", "reports/nobodys")
    assert not list(wholeness.age(Path("reports")))
