"""How MLflow shows a profile's runs: shared views and a description, kept as tags of its experiment.

MLflow 3.17 keeps a shared view in the tag `mlflow.sharedViewState.<key>`, as JSON: a name, two times and a `state`,
which is the page's own JSON, compressed; its page opens it by `viewStateShareKey=<key>`. A view or description of ours
has a digest of itself in it, so that one that a person made or changed is known, and left alone.
"""

import base64
import json
import re
import time
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

from alexvgg.system import files
from alexvgg.tracking import shared_table
from alexvgg.tracking.runs import KEY_TAG, NOTE_TAG, find_all
from alexvgg.tracking.sender import in_a_line

PREFIX = "mlflow.sharedViewState."
TABLE, CURVES = "alexvgg-table", "alexvgg-curves"
NAMES = {TABLE: "Results table", CURVES: "Curves"}
MOST, LONGEST = 40, 20_000  # views of an experiment, characters of a tag: MLflow's limits
MANY = 200  # runs that a filter names one by one
OVER = ("FINISHED", "FAILED", "KILLED")
COMPRESSED = "deflate;"
FIRST_TABLE = re.compile(r"(?:^\|.*\n?)+", re.M)
SIGNED = re.compile(r"(?s)(.*)\n\n<!-- alexvgg writes this again until somebody edits it: ([0-9a-f]{64}) -->")

BY_NAME = "tags.`mlflow.runName`"  # that is by model, then by seed
# In the order of the slide's table. Pixels, so that all columns fit in a window of 1280.
COLUMNS = {"params.`model`": 100, "params.`parameters`": 92} | {
    f"metrics.`{name}`": 80 for name in ("loss", "val_loss", "acc", "val_acc", "test_acc")
}
NAME_AND_AGE = {"attributes.`Run Name`": 190, "runDateAndNestInfo": 110}
DURATION = {"duration": 60}
CHARTS = (("LINE", "loss", "val_loss"), ("LINE", "acc", "val_acc"), ("BAR", "test_acc"))
BY_MODEL = {"aggregateFunction": "average", "groupByKeys": [{"mode": "param", "groupByData": "model"}]}


@dataclass(frozen=True)
class Shown:
    """What there is to look at: the runs to compare, the views that MLflow has, and what it did not take, if any."""

    experiment: str
    runs: list[str]
    views: set[str]
    refused: str


def update(client: Any, experiment: Any, keys: set[str], profile: str, report: str) -> Shown | None:
    """Write the views and the description of an experiment, as far as they differ. None if it has no runs.

    `keys` are those of the rows of the present table, in anybody's clone. `report` is the text that has the table here,
    or empty.
    """
    runs = find_all(client, experiment.experiment_id)
    if not runs:
        return None
    table, tags, refused = of_table(runs, keys), dict(experiment.tags), ""
    state = _state(runs, table)
    wanted = {PREFIX + key: _view(name, state, tags.get(PREFIX + key, "")) for key, name in NAMES.items()}
    wanted[NOTE_TAG] = _note(profile, report, tags.get(NOTE_TAG, ""))
    for tag, text in wanted.items():
        refused = _put(client, experiment.experiment_id, tag, text, tags) or refused
    views = {key for key in NAMES if PREFIX + key in tags}
    return Shown(experiment.experiment_id, [run.info.run_id for run in table or runs], views, refused)


def of_table(runs: list[Any], keys: set[str]) -> list[Any]:
    """The finished runs of the present table, one of each row; of all that finished, if none is of the table.

    It is the one that is tagged as such, which has the row's weights, or else the newest. `runs` come newest first.
    """
    finished = [run for run in reversed(runs) if run.info.status == "FINISHED"]
    finished.sort(key=lambda run: shared_table.TAG in run.data.tags)
    newest = {run.data.tags.get(KEY_TAG, run.info.run_id): run for run in finished}
    found = [run for key, run in newest.items() if key in keys] or list(newest.values())
    return sorted(found, key=lambda run: (_model(run), run.data.params.get("seed", "").zfill(9)))


def _model(run: Any) -> str:
    return str(run.data.params.get("model", ""))


def _put(client: Any, experiment: str, tag: str, text: str, tags: dict[str, str]) -> str:
    """Set a tag that is another one in `tags`, and note it there. Returns why it could not be, or nothing."""
    views = sum(one.startswith(PREFIX) for one in tags)
    if text == tags.get(tag):
        return ""
    if len(text) > LONGEST:
        return f"{tag} would have {len(text)} characters, {LONGEST} are possible"
    if tag.startswith(PREFIX) and tag not in tags and views >= MOST:
        return f"the experiment has {views} views, {MOST} are possible; delete some"
    try:
        client.set_experiment_tag(experiment, tag, text)
    except Exception as error:  # noqa: BLE001 - who may only read still gets to see the runs
        return in_a_line(error)
    tags[tag] = text
    return ""


def _view(name: str, state: dict[str, Any], old: str) -> str:
    """A view's tag; the old one if it is the same, or a person's."""
    digest, now = files.digest([name, state]), int(time.time() * 1000)
    before = _ours(old)
    if old and (before is None or before["alexvgg"] == digest):
        return old
    packed = COMPRESSED + base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    created = before["createdAt"] if before else now
    return json.dumps({"name": name, "createdAt": created, "updatedAt": now, "state": packed, "alexvgg": digest})


def _ours(view: str) -> dict[str, Any] | None:
    """A view as we wrote it; None if a person made or changed it."""
    try:
        found: dict[str, Any] = json.loads(view)
        state = json.loads(zlib.decompress(base64.b64decode(found["state"].removeprefix(COMPRESSED))))
        return found if found["alexvgg"] == files.digest([found["name"], state]) else None
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error):
        return None


def _note(profile: str, report: str, old: str) -> str:
    """The description: how to make the results, and their table. The old one if it is a person's, or has more."""
    signed = SIGNED.fullmatch(old)
    persons = bool(old) and not (signed and files.digest(signed[1]) == signed[2])
    table = FIRST_TABLE.search(report)
    if persons or (old and not table):
        return old
    text = f"Results of profile {profile}, made by `make repro PROFILE={profile}`"
    text += f":\n\n{table[0].strip()}" if table else "."
    return f"{text}\n\n<!-- alexvgg writes this again until somebody edits it: {files.digest(text)} -->"


def _state(runs: list[Any], table: list[Any]) -> dict[str, Any]:
    """The page's state: which runs, which columns, which charts. Several seeds of a model are a group."""
    widths = NAME_AND_AGE | COLUMNS | DURATION
    grouped = max(Counter(map(_model, table)).values(), default=0) > 1
    return {
        "searchFilter": _filter(runs, table), "orderByKey": BY_NAME, "orderByAsc": True, "startTime": "ALL",
        "lifecycleFilter": "Active", "datasetsFilter": [], "modelVersionFilter": "All Runs",
        "selectedColumns": list(COLUMNS), "columnOrder": list(widths), "columnWidths": widths,
        "groupBy": BY_MODEL if grouped else None, "groupsExpanded": {}, "useGroupedValuesInCharts": True,
        "runsHiddenMode": "SHOW_ALL", "viewMaximized": False, "runListHidden": False, "hideEmptyCharts": True,
        "compareRunCharts": _charts(runs), "compareRunSections": _sections(), "isAccordionReordered": True,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }  # fmt: skip


def _filter(runs: list[Any], table: list[Any]) -> str:
    """Leaves out what is over and not of the table: killed, failed, replaced. What is running stays to be watched."""
    kept = {run.info.run_id for run in table}
    others = sorted(run.info.run_id for run in runs if run.info.status in OVER and run.info.run_id not in kept)
    if not kept or not others:
        return ""
    word, named = ("NOT IN", others) if len(others) <= MANY else ("IN", sorted(kept))
    return f"attributes.run_id {word} ({', '.join(repr(one) for one in named)})"


def _charts(runs: list[Any]) -> list[dict[str, Any]]:
    """Training beside validation, then the test. For a metric that no chart begins with MLflow adds one of its own;
    those that are deleted here it leaves out: curves of steps, of the machine, and what is in the charts already.
    """
    own = [
        {"uuid": f"alexvgg-{kind}-{first}", "type": kind, "metricKey": first, "selectedMetricKeys": [first, *others],
         "metricSectionId": "alexvgg-charts", "deleted": False, "isGenerated": False, "lineSmoothness": 0,
         "xAxisKey": "step", "xAxisScaleType": "linear", "scaleType": "linear", "selectedXAxisMetricKey": "",
         "yAxisKey": "metric", "yAxisExpressions": [], "ignoreOutliers": False, "range": {},
         "useGlobalXaxisKey": True, "useGlobalLineSmoothing": True}
        for kind, first, *others in CHARTS
    ]  # fmt: skip
    inside = {name for _, _, *others in CHARTS for name in others}
    left_out = sorted(inside | {name for run in runs for name in run.data.metrics if "/" in name})
    return own + [
        {"uuid": f"alexvgg-{name}", "type": "LINE", "metricKey": name, "metricSectionId": "alexvgg-others",
         "deleted": True, "isGenerated": True}
        for name in left_out
    ]  # fmt: skip


def _sections() -> list[dict[str, Any]]:
    """Ours, and a closed one where MLflow puts the charts that it adds; it knows it by its name."""
    same = {"isReordered": False, "deleted": False, "isGenerated": False}
    return [
        {"uuid": "alexvgg-charts", "name": "Curves", "display": True, "columns": 2, **same},
        {"uuid": "alexvgg-others", "name": "Model metrics", "display": False, **same},
    ]
