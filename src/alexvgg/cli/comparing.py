"""`alexvgg compare`: parameters and headline metrics that differ between revisions, side by side."""

import json
from pathlib import PurePosixPath
from typing import Any

from alexvgg.pipeline import layout
from alexvgg.system.errors import AlexvggError

WIDTH, LABEL, COLUMN = 120, 44, 15  # characters: of a line, of its label at the most, of a revision
SHORT, LONG = 4, 9  # digits: as a rule, and where those are the same
WORKSPACE = "workspace"

Values = dict[str, Any]  # by label


def compare(revisions: list[str]) -> None:
    """Print what differs. Raises AlexvggError for what is no revision."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import RevError

    try:
        with Repo() as repo:
            chosen = revisions or ["HEAD", WORKSPACE, *_experiments(repo)]
            if len(chosen) == 1:
                chosen.append(WORKSPACE)
            read = {rev: (_parameters(repo, rev), _metrics(repo, rev)) for rev in dict.fromkeys(chosen)}
            made_on = {rev: _hardware(repo, rev, str(params.get("profile"))) for rev, (params, _) in read.items()}
    except (DvcException, RevError) as error:
        raise AlexvggError(f"{' '.join(str(error).split())}; name commits, branches, tags or experiments") from None
    lines = table({rev: parameters | metrics for rev, (parameters, metrics) in read.items()}) + other_hardware(made_on)
    print("\n".join(lines))


def table(values: dict[str, Values]) -> list[str]:
    """Lines of a table with a column a revision and a line for each label whose values differ; several if need be."""
    labels = list(dict.fromkeys(label for one in values.values() for label in one))
    different = [label for label in labels if len({_text(one.get(label), LONG) for one in values.values()}) > 1]
    if not different:
        return [f"Nothing differs between {', '.join(values)}."]
    width = min(LABEL, max(map(len, different)))
    at_once = (WIDTH - width) // COLUMN
    revisions, lines = list(values), []
    for i in range(0, len(revisions), at_once):
        shown = revisions[i : i + at_once]
        lines += [] if i == 0 else [""]
        lines.append(" " * width + "".join(_cell(rev) for rev in shown))
        for label in different:
            told_apart = len({_text(one.get(label), SHORT) for one in values.values()}) > 1
            texts = [_text(values[rev].get(label), SHORT if told_apart else LONG) for rev in shown]
            lines.append(label[:width].ljust(width) + "".join(map(_cell, texts)))
    return lines


def other_hardware(made_on: dict[str, str]) -> list[str]:
    """Lines that say what trained the rows of each revision, if that is not everywhere the same."""
    if len(set(filter(None, made_on.values()))) < 2:
        return []
    width = max(map(len, made_on))
    told = [f"  {rev.ljust(width)}  {hardware}" for rev, hardware in made_on.items() if hardware]
    return ["", "Rows with the same parameters can differ, too, since hardware rounds differently. Trained on:", *told]


def _cell(text: str) -> str:
    return f"{text if len(text) < COLUMN else text[: COLUMN - 2] + '…':>{COLUMN}}"


def _text(value: Any, digits: int) -> str:
    if value is None:
        return "–"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def _experiments(repo: Any) -> list[str]:
    """The names of the experiments that began at HEAD."""
    return [name for names in repo.experiments.ls(rev="HEAD").values() for name, _ in names]


def _parameters(repo: Any, revision: str) -> Values:
    files = repo.params.show(revs=[revision]).get(revision, {}).get("data", {})
    return {label: value for one in files.values() for label, value in _leaves(one.get("data", {}))}


def _metrics(repo: Any, revision: str) -> Values:
    """`<model>: <metric>`, from the files of metrics, one per model."""
    files = repo.metrics.show(revs=[revision]).get(revision, {}).get("data", {})
    return {
        f"{PurePosixPath(path).stem}: {label}": value
        for path, one in files.items()
        for label, value in _leaves(one.get("data", {}))
    }


def _hardware(repo: Any, revision: str, profile: str) -> str:
    """What trained the rows of a revision's report, as that says; empty if there is none."""
    try:
        with repo.switch(revision):
            path = repo.fs.join(repo.root_dir, layout.reports(profile) / "results.json")
            rows = json.loads(repo.fs.read_text(path))["rows"]
        return "; ".join(dict.fromkeys(row["hardware"] for row in rows))
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def _leaves(tree: dict[str, Any], above: str = "") -> list[tuple[str, Any]]:
    found = []
    for name, value in tree.items():
        label = f"{above}{name}"
        found += _leaves(value, f"{label}.") if isinstance(value, dict) else [(label, value)]
    return found
