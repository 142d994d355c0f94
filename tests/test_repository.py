"""What hosts of repositories and pre-commit read is valid, and says what the Makefile and pyproject.toml say."""

import os
import re
import tomllib

import pytest
from ruamel.yaml import YAML

from conftest import ROOT

READ = [".github/workflows/ci.yml", ".github/ISSUE_TEMPLATE/bug.yml", ".pre-commit-config.yaml", "CITATION.cff"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def load(name: str) -> dict:
    return YAML(typ="safe", pure=True).load((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", READ)
def test_it_is_yaml(name):
    assert isinstance(load(name), dict)


def test_the_workflow_runs_what_a_change_has_to_pass():
    workflow = load(".github/workflows/ci.yml")
    assert set(workflow["on"]) == {"pull_request", "push"}
    assert workflow["on"]["push"] == {"branches": ["main"]}
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    [job] = workflow["jobs"].values()
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", one) for one in used), used
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert os.access(ROOT / ".ci/run", os.X_OK)
    [python] = [step["with"]["python-version"] for step in job["steps"] if "setup-python" in step.get("uses", "")]
    assert PROJECT["requires-python"] == f">={python},<3.14"
    assert job["env"]["PYTHON"] == f"python{python}"


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    return [line.strip().replace("$(BIN)", ".venv/bin") for line in found[1].splitlines()]


def test_pre_commit_runs_what_make_check_runs():
    [local] = load(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    assert [hook["entry"] for hook in local["hooks"]] == recipe("check")
    for hook in local["hooks"]:
        assert (hook["language"], hook["pass_filenames"]) == ("system", False)
        assert hook["files"] == (r"^requirements\.lock$" if hook["id"] == "audit" else r"\.(py|toml)$")


def test_a_report_of_a_bug_brings_what_doctor_says():
    fields = {one["id"]: one for one in load(".github/ISSUE_TEMPLATE/bug.yml")["body"] if "id" in one}
    assert "alexvgg doctor" in fields["doctor"]["attributes"]["label"]
    assert fields["doctor"]["validations"] == {"required": True}


def test_the_citation_is_of_this_version():
    citation = load("CITATION.cff")
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert {"abstract", "authors", "keywords", "message", "title", "type"} <= set(citation)
    [author] = citation["authors"]
    assert f"Copyright (c) 2026 {author['name']}" in (ROOT / "LICENSE").read_text(encoding="utf-8")
