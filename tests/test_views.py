"""How MLflow shows the runs: shared views, the description, links; and what a browser makes of them."""

import base64
import html
import json
import re
import shutil
import signal
import subprocess
import sys
import time
import zlib
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from alexvgg.tracking import experiments, ui, views
from conftest import ROOT
from project import Project

REPORT = """# Results

| Model   |     Params |
| ------- | ---------: |
| alexnet | 21,627,658 |

| Another |
| ------- |
"""
KEYS = {"alexnet0", "alexnet1", "vgg160", "vgg161"}
TEST_ACC = {"alexnet": 0.9123, "vgg16": 0.9323}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def log_run(client, experiment: str, model: str, seed: int, key: str, status: str = "FINISHED") -> str:
    """A run as `runs.push` makes it, with the metrics of two epochs."""
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    run = client.create_run(experiment, run_name=f"{model}-{seed}", tags={"alexvgg.key": key}).info.run_id
    values = {"loss": 0.31 + seed / 100, "val_loss": 0.42, "acc": 0.93, "val_acc": 0.91, "learning_rate": 1e-3}
    values |= {"step/loss": 0.5, "system/cpu_utilization_percentage": 50.0}
    metrics = [Metric(name, value, now + step, step) for name, value in values.items() for step in (1, 2)]
    metrics.append(Metric("test_acc", TEST_ACC[model] + seed / 100, now, 0))
    params = {"model": model, "seed": str(seed), "parameters": {"alexnet": "21627658", "vgg16": "33638218"}[model]}
    client.log_batch(run, metrics=metrics, params=[Param(name, value) for name, value in params.items()])
    client.set_terminated(run, status)
    return run


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Two models with two seeds each, an older training of one of them, and one that was killed."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("mlflow")
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = experiments.find_or_create(client, "quickstart", folder / "lock", folder / "mlruns")
    older = [
        log_run(client, experiment, "alexnet", 0, "of an earlier recipe"),
        log_run(client, experiment, "vgg16", 0, "vgg160", "KILLED"),
    ]
    named = {f"{model}-{seed}": (model, seed) for model in ("vgg16", "alexnet") for seed in (1, 0)}
    table = {name: log_run(client, experiment, *one, f"{one[0]}{one[1]}") for name, one in named.items()}
    return SimpleNamespace(client=client, experiment=experiment, older=older, table=table)


class Recording:
    """A client whose experiment has the tags of a dictionary instead of its own."""

    def __init__(self, database, tags=None) -> None:
        self.tags: dict[str, str] = {} if tags is None else tags
        self.written: list[str] = []
        self.experiment_id = database.experiment
        self.search_runs = database.client.search_runs

    def set_experiment_tag(self, experiment: str, tag: str, text: str) -> None:
        assert experiment == self.experiment_id
        self.tags[tag] = text
        self.written.append(tag)

    def update(self, report: str = REPORT, keys: set[str] = KEYS) -> views.Shown | None:
        self.written = []
        return views.update(self, self, keys, "quickstart", report)


def state_of(tag: str) -> dict:
    packed = json.loads(tag)["state"]
    assert packed.startswith("deflate;")
    return json.loads(zlib.decompress(base64.b64decode(packed.removeprefix("deflate;"))))


def test_the_views_have_the_columns_of_the_slide_and_the_charts_of_it(database):
    recording = Recording(database)
    shown = recording.update()
    assert recording.written == [views.PREFIX + "alexvgg-table", views.PREFIX + "alexvgg-curves", views.NOTE_TAG]
    assert shown.views == {"alexvgg-table", "alexvgg-curves"} and not shown.refused
    for key in shown.views:
        view = json.loads(recording.tags[views.PREFIX + key])
        assert (view["name"], type(view["createdAt"]), type(view["updatedAt"])) == (views.NAMES[key], int, int)
        state = state_of(recording.tags[views.PREFIX + key])
    names = [name for column in state["selectedColumns"] for name in re.findall(r"`(.+)`", column)]
    assert names == ["model", "parameters", "loss", "val_loss", "acc", "val_acc", "test_acc"]
    assert state["groupBy"]["groupByKeys"] == [{"mode": "param", "groupByData": "model"}]
    visible = [chart["selectedMetricKeys"] for chart in state["compareRunCharts"] if not chart["deleted"]]
    assert visible == [["loss", "val_loss"], ["acc", "val_acc"], ["test_acc"]]
    hidden = {chart["metricKey"] for chart in state["compareRunCharts"] if chart["deleted"]}
    assert hidden == {"val_loss", "val_acc", "step/loss", "system/cpu_utilization_percentage"}


def test_only_the_runs_of_the_table_are_shown_and_compared(database):
    recording = Recording(database)
    assert recording.update().runs == [database.table[name] for name in sorted(database.table)]
    state = state_of(recording.tags[views.PREFIX + "alexvgg-table"])
    found = database.client.search_runs([database.experiment], state["searchFilter"])
    assert {run.info.run_id for run in found} == set(database.table.values())


def test_a_table_without_seeds_is_not_grouped_and_one_of_another_place_is_all_that_finished(database):
    recording = Recording(database)
    shown = recording.update(keys={"alexnet0", "vgg160"})
    assert shown.runs == [database.table["alexnet-0"], database.table["vgg16-0"]]
    assert state_of(recording.tags[views.PREFIX + "alexvgg-table"])["groupBy"] is None
    shown = recording.update(keys={"unknown"})
    assert set(shown.runs) == {*database.table.values(), database.older[0]}


def test_what_is_there_is_not_written_again_and_what_differs_is(database):
    recording = Recording(database)
    recording.update()
    tags = dict(recording.tags)
    recording.update()
    assert recording.written == [] and recording.tags == tags
    recording.update(keys={"alexnet0"})
    assert recording.written == [views.PREFIX + "alexvgg-table", views.PREFIX + "alexvgg-curves"]
    table = views.PREFIX + "alexvgg-table"
    assert json.loads(recording.tags[table])["createdAt"] == json.loads(tags[table])["createdAt"]
    recording.update(report=REPORT.replace("21,627,658", "1"), keys={"alexnet0"})
    assert recording.written == [views.NOTE_TAG]


def overridden(tag: str) -> str:
    """A view of ours as MLflow writes it when a person overrides it."""
    view = json.loads(tag)
    packed = base64.b64encode(zlib.compress(json.dumps(state_of(tag) | {"groupBy": None}).encode())).decode()
    return json.dumps(
        {**{name: view[name] for name in ("name", "createdAt")}, "updatedAt": 9, "state": f"deflate;{packed}"}
    )


def test_what_a_person_made_stays(database):
    recording = Recording(database, {views.PREFIX + "own": "a person's"})
    recording.update()
    table = views.PREFIX + "alexvgg-table"
    recording.tags |= {table: overridden(recording.tags[table]), views.NOTE_TAG: recording.tags[views.NOTE_TAG] + "!"}
    tags = dict(recording.tags)
    shown = recording.update(report="", keys={"alexnet0"})
    assert recording.written == [views.PREFIX + "alexvgg-curves"]
    assert {tag for tag in tags if tags[tag] != recording.tags[tag]} == {views.PREFIX + "alexvgg-curves"}
    assert shown.views == {"alexvgg-table", "alexvgg-curves"}


def test_the_description_has_the_first_table_and_the_command(database):
    recording = Recording(database)
    recording.update(report="")
    assert recording.tags[views.NOTE_TAG].startswith(
        "Results of profile quickstart, made by `make repro PROFILE=quickstart`.\n"
    )
    recording.update()
    note = recording.tags[views.NOTE_TAG]
    assert "| alexnet | 21,627,658 |" in note and "Another" not in note
    recording.update(report="")  # as from a machine that has no report
    assert recording.tags[views.NOTE_TAG] == note


def test_limits_and_refusals_leave_links_without_views(database, capsys):
    full = Recording(database, {f"{views.PREFIX}{i}": "a person's" for i in range(views.MOST)})
    shown = full.update()
    assert full.written == [views.NOTE_TAG] and shown.views == set() and "40 are possible" in shown.refused

    viewer = Recording(database)
    viewer.set_experiment_tag = lambda *_: exec("raise RuntimeError('403 Permission denied')")
    shown = viewer.update()
    assert shown.views == set() and shown.refused == "403 Permission denied"
    ui.show("http://host", shown, browse=False)
    printed = capsys.readouterr().out
    assert printed.count("workflowType=machine_learning") == 3 and "viewStateShareKey" not in printed


def test_the_links_keep_the_path_and_show_no_password(database, capsys):
    shown = Recording(database).update()
    ui.show("https://lovelace:password@example.org:8443/mlflow/?token=password", shown, browse=False)
    printed = capsys.readouterr().out
    assert "password" not in printed and "lovelace" not in printed
    table, curves, comparison = [line.split()[1] for line in printed.splitlines()]
    for link in (table, curves, comparison):
        assert link.startswith("https://example.org:8443/mlflow/#/")
    path = f"/experiments/{database.experiment}/runs"
    views_of = {link: parse_qs(urlsplit(urlsplit(link).fragment).query) for link in (table, curves, comparison)}
    assert urlsplit(urlsplit(table).fragment).path == urlsplit(urlsplit(curves).fragment).path == path
    assert views_of[table] == {"workflowType": ["machine_learning"], "viewStateShareKey": ["alexvgg-table"]}
    assert views_of[curves]["compareRunsMode"] == ["CHART"]
    assert json.loads(views_of[comparison]["runs"][0]) == shown.runs
    assert json.loads(views_of[comparison]["experiments"][0]) == [database.experiment]


def test_without_runs_there_is_nothing_to_link_to(database):
    empty = Recording(database)
    empty.search_runs = lambda *_, **__: database.client.search_runs([database.experiment], "tags.no = 'such'")
    assert empty.update() is None and empty.written == []


def text_of(link: str, profile) -> str:
    """What a page says in a window that is wide enough for every column."""
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--window-size=1900,1200",
               "--virtual-time-budget=30000", "--dump-dom", link]  # fmt: skip
    page = subprocess.run(command, capture_output=True, text=True, timeout=180).stdout
    body = re.sub(r"(?s)<(script|style|svg).*?</\1>", "", page[page.find("<body") :])
    return re.sub(r"\s*\|[\s|]*", "|", html.unescape(re.sub(r"<[^>]+>", "|", body)))


@pytest.fixture
def project(tmp_path) -> Project:
    made = Project(tmp_path / "project")
    shutil.copy(ROOT / "profiles" / "quickstart.yaml", made.folder / "params.yaml")
    made.environment["PYTHONPATH"] = str(made.folder / "src")
    return made


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium here")
def test_a_browser_shows_table_curves_and_comparison(database, project, tmp_path):
    from test_ui import free_port

    port = free_port()
    project.environment["MLFLOW_TRACKING_URI"] = database.client.tracking_uri
    command = [sys.executable, "-m", "alexvgg", "ui", "--port"]
    server = subprocess.Popen(
        [*command, str(port)],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed = []
    for line in server.stdout:
        printed.append(line)
        if line.startswith("Ctrl-C"):
            break
    links = [line.split()[1] for line in printed if "http" in line]
    try:
        table, curves, comparison = (text_of(link, tmp_path / "browser") for link in links)
        project.environment["MLFLOW_TRACKING_URI"] = f"http://ada:secret@127.0.0.1:{port}"
        elsewhere = project.run(*command, str(port))
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0
    assert [line.split()[1] for line in elsewhere.splitlines() if "http" in line] == links
    for page in (table, curves, comparison):
        assert "|Model registry|" in page  # which the pages for language models do not have; they have these:
        assert not [name for name in ("|Prompts|", "|Judges|", "|AI Gateway|", "|Observability|") if name in page]
    for name in (*database.table, "Group: alexnet", "Group: vgg16"):
        assert f"|{name}|" in table and f"|{name}|" in curves
    assert "|21627658|" in table and "|0.9123|" in table and "|33638218|" in table and "|0.9423|" in table
    assert "|5|matching runs|" in table  # no row is here to say which are of the table; one was killed
    assert "|loss vs val_loss|" in curves and "|acc vs val_acc|" in curves and "|test_acc|" in curves
    assert "step/" not in curves and "system/" not in curves and "System metrics" not in curves
    assert "|Comparing 5 Runs from 1 Experiment|" in comparison and "|0.912|" in comparison and "|0.942|" in comparison
