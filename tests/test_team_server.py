"""docs/how-to/team-server.md, for real: MLflow's server with logins, on PostgreSQL, its files on S3 (moto).

The blocks of the page are run as they stand, but for the addresses. The word after the fence says where:

- `server`: on the server; a name of a file: its content, there
- `once`: in the project, before it is cloned
- `clone`: in each clone, with what it exports for all that comes after; `others`: in a clone that takes over rows
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from alexvgg.tracking import journal
from conftest import ROOT
from project import Project
from test_documents import BLOCK, without_numbers
from test_rows_at_once import answers, free_port, tiny, until

pytestmark = pytest.mark.slow
PAGE = ROOT / "docs/how-to/team-server.md"
EPOCHS = 40
ROWS = {f"{model}-{seed}" for model in ("alexnet", "vgg16") for seed in (0, 1)}
METRICS = ("loss", "acc", "val_loss", "val_acc", "learning_rate", "crop")
ME = [] if os.geteuid() else ["runuser", "-u", "postgres", "--"]  # PostgreSQL refuses to run as root


def program(name: str) -> str:
    """A program of PostgreSQL's, of which Debian puts most beside the PATH."""
    found = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    return shutil.which(name) or (found[-1] if found else "")


@contextmanager
def postgresql() -> Iterator[tuple[str, int]]:
    """A database cluster; its folder, where its socket is, too, and its port."""
    if not all(map(program, ("initdb", "pg_ctl", "psql"))):
        pytest.skip("PostgreSQL is not installed: apt install postgresql")
    folder, port = Path(tempfile.mkdtemp(dir="/tmp")), free_port()  # where another user gets to
    if ME:
        shutil.chown(folder, "postgres")
    control = [*ME, program("pg_ctl"), "-D", f"{folder}/data", "-l", f"{folder}/log", "-w"]
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        made = [*ME, program("initdb"), "-D", f"{folder}/data", "-U", "postgres", "-A", "scram-sha-256"]
        subprocess.run([*made, "--auth-local=trust", "--no-sync"], check=True, stdout=subprocess.DEVNULL, cwd="/")
        subprocess.run([*control, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL, cwd="/")
        yield str(folder), port
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], stdout=subprocess.DEVNULL, cwd="/")
        shutil.rmtree(folder)


@contextmanager
def s3() -> Iterator[str]:
    pytest.importorskip("moto", reason="make setup CLUSTER=1")
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stderr=subprocess.DEVNULL) as moto:
        try:
            until(lambda: answers(f"http://127.0.0.1:{port}/moto-api/"))
            yield f"http://127.0.0.1:{port}"
        finally:
            moto.kill()


class Team:
    """The server, and whoever uses it. `blocks` are those of the page, by the word after the fence."""

    def __init__(self, folder: Path, database: tuple[str, int], store: str) -> None:
        self.folder, self.store = folder, store
        self.place = folder / "server"
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.tools = folder / "tools"
        self._make_tools(*database)
        text = PAGE.read_text(encoding="utf-8")
        for named, here in {
            "https://mlflow.example.org": self.uri, "mlflow.example.org": f"127.0.0.1:{self.port}", "--port 5000": f"--port {self.port}",
            "https://s3.example.org": store, "localhost:5432": f"127.0.0.1:{database[1]}", "scripts/": f"{ROOT}/scripts/",
        }.items():  # fmt: skip
            assert named in text
            text = text.replace(named, here)
        self.blocks: dict[str, list[str]] = {}
        for block in BLOCK.finditer(text):
            self.blocks.setdefault(block["path"] or block["language"], []).append(block["content"])
        self.process: subprocess.Popen | None = None

    def _make_tools(self, socket: str, port: int) -> None:
        """`sudo -u postgres` of the machine, and `make` with the environment of the tests in place of `.venv`."""
        self.tools.mkdir()
        to_database = shlex.join([*ME, "env", f"PGHOST={socket}", f"PGPORT={port}", "PGUSER=postgres"])
        with_ours = shlex.join([str(shutil.which("make")), "--old-file=.venv/ready", f"BIN={sys.prefix}/bin"])
        for name, does in {"sudo": f'shift 2; cd /; exec {to_database} "$@"', "make": f'exec {with_ours} "$@"'}.items():
            (self.tools / name).write_text(f"#!/bin/sh\n{does}\n")
            (self.tools / name).chmod(0o755)

    def prepare(self) -> None:
        """All that the page says of the server, in its order: files, what to type, the server itself, the logins."""
        self.place.mkdir()
        for name in ("server.env", "start.sh"):
            (self.place / name).write_text("".join(self.blocks[name]))
        made, logins = self.blocks["server"]
        self.on_server(made)
        self.start()
        self.passwords = dict(line.split() for line in self.on_server(logins).splitlines())
        self.passwords["admin"] = self.on_server('source passwords.env; echo "$MLFLOW_AUTH_ADMIN_PASSWORD"').strip()

    def on_server(self, script: str) -> str:
        return run(script, self.place, self.environment())

    def environment(self, **variables: str) -> dict[str, str]:
        known = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "DVC", "MAKE"))}
        path = os.pathsep.join([str(self.tools), str(Path(sys.executable).parent), known["PATH"]])
        return known | {"PATH": path, "PYTHONWARNINGS": "ignore"} | variables

    def start(self) -> None:
        with (self.place / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["bash", "start.sh"], cwd=self.place, env=self.environment(), stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        until(lambda: answers(f"{self.uri}/health"))

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def join(self, project: Project, name: str) -> None:
        """Work in a project under a name, as the page says."""
        home = self.folder / f"home of {name}"
        home.mkdir(exist_ok=True)
        variables = {"HOME": str(home), "NAME": name, "PASSWORD": self.passwords[name]}
        key = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
        project.environment = self.environment(PYTHONPATH=str(project.folder / "src"), **variables, **key)
        script = self.blocks["clone"][0] + "env -0"
        exported = run(script, project.folder, project.environment).split("\0")
        project.environment |= dict(line.split("=", 1) for line in exported if line)

    def client(self, monkeypatch):
        """Asks the server as its administrator."""
        import mlflow

        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", self.passwords["admin"])
        mlflow.set_tracking_uri(self.uri)
        return mlflow.MlflowClient(self.uri)


def run(script: str, folder: Path, environment: dict[str, str], code: int = 0) -> str:
    done = subprocess.run(["bash", "-euc", script], cwd=folder, env=environment, text=True, capture_output=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def team(tmp_path) -> Iterator[Team]:
    with postgresql() as database, s3() as store:
        found = Team(tmp_path, database, store)
        try:
            found.prepare()
            yield found
        finally:
            found.kill()


@pytest.fixture
def origin(team, tmp_path) -> Project:
    """The project that is cloned, with what all rows read on S3."""
    project = Project(tmp_path / "origin")
    shutil.copy(ROOT / "Makefile", project.folder)
    (project.folder / ".dvc/.gitignore").write_text((ROOT / ".dvc/.gitignore").read_text())
    project.add_small_network()
    small = {"architecture": "small", "crop": 16}
    models = {"alexnet": {**small, "learning_rate": 1e-4}, "vgg16": {**small, "learning_rate": 2e-4}}
    project.params = tiny(EPOCHS) | {"seeds": [0, 1], "models": models}
    project.commit("all")
    team.join(project, "one")
    run(team.blocks["once"][0], project.folder, project.environment)
    project.dvc("repro", "check", "preprocess", "networks")
    project.commit("what all rows read")
    project.dvc("push")
    return project


@pytest.fixture
def clones(team, origin, tmp_path) -> dict[str, Project]:
    """By the models that are trained there."""
    made = {}
    for name, model in {"one": "alexnet", "two": "vgg16"}.items():
        made[model] = Project.clone(origin, tmp_path / f"{name}'s clone")
        team.join(made[model], name)
        made[model].dvc("pull", "check", "preprocess", "networks")
    return made


def begin(team: Team, clone: Project, model: str) -> subprocess.Popen:
    command = team.blocks["clone"][1].replace("alexnet", model)
    return subprocess.Popen(
        ["bash", "-c", command], cwd=clone.folder, env=clone.environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def found_runs(client) -> dict[str, list]:
    """All runs of the profile, by name."""
    from mlflow.entities import ViewType

    experiment = client.get_experiment_by_name("alexvgg-tiny")
    found: dict[str, list] = {}
    for one in client.search_runs([experiment.experiment_id], "", ViewType.ALL) if experiment else []:
        found.setdefault(one.info.run_name, []).append(one)
    return found


def epochs_of(client, name: str) -> int:
    return sum(len(client.get_metric_history(one.info.run_id, "val_acc")) for one in found_runs(client).get(name, []))


def require_all_once(client, clones: dict[str, Project]) -> None:
    """A run for each row, with the metrics of every epoch as the row's own file has them, each once."""
    found = found_runs(client)
    assert set(found) == ROWS and all(len(of_row) == 1 for of_row in found.values())
    for name, [one] in found.items():
        row = clones[name.partition("-")[0]].folder / "rows/tiny" / name
        history = pd.read_csv(row / "history.csv", float_precision="round_trip").set_index("epoch")
        assert one.info.status == "FINISHED" and one.data.metrics["test_acc"] > 0, name
        for metric in METRICS:
            points = client.get_metric_history(one.info.run_id, metric)
            assert {point.step: point.value for point in points} == history[metric].to_dict(), (name, metric)
            assert set(Counter(point.step for point in points).values()) == {1}


def require_one_best(client, clones: dict[str, Project]) -> None:
    """The alias is on the best row of both clones' tables, and there is a version for each row."""
    versions = client.search_model_versions("name = 'alexvgg-tiny'")
    assert len(versions) == len({one.run_id for one in versions}) == len(ROWS)
    val_acc = {name: one.data.metrics["val_acc"] for name, [one] in found_runs(client).items()}
    best = client.get_model_version_by_alias("alexvgg-tiny", "best")
    assert float(best.tags["val_acc"]) == max(float(one.tags["val_acc"]) for one in versions) == max(val_acc.values())


def everything_on(client) -> list:
    """What a login without the right to write must not change."""
    found = found_runs(client)
    stored = [(one.info, one.data.tags, one.data.metrics) for name in sorted(found) for one in found[name]]
    versions = client.search_model_versions("name = 'alexvgg-tiny'")
    aliases = [dict(one.aliases) for one in client.search_registered_models()]
    return [[str(one) for one in stored], [(one.version, one.tags) for one in versions], aliases]


def a_training_of(clone: Project, other: Project) -> None:
    """A journal in a clone as if the first row of another had been trained there with another key."""
    path, start = journal.starts(other.folder / ".alexvgg/journals")[0]
    identity = {name: value for name, value in start.items() if name not in {"kind", "uid", *journal.ABOUT_PROCESS}}
    made = journal.Journal.create(clone.folder / ".alexvgg/journals", **identity | {"key": "of the guest"})
    for record in journal.read(path)[1:]:
        made.append(**record)


def require_a_model_that_a_guest_can_fetch(team: Team, clones: dict[str, Project], folder: Path) -> None:
    """By a login that may only read, through the server: without a key of the store, where it lies."""
    import boto3

    key = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    stored = boto3.client("s3", endpoint_url=team.store, **key).list_objects_v2(Bucket="mlflow", Prefix="artifacts/")
    assert any(one["Key"].endswith("weights.h5") for one in stored["Contents"])
    login = {"MLFLOW_TRACKING_URI": team.uri, "MLFLOW_TRACKING_USERNAME": "guest"}
    login["MLFLOW_TRACKING_PASSWORD"] = team.passwords["guest"]
    fetch = "mlflow artifacts download --artifact-uri models:/alexvgg-tiny@best --dst-path model"
    run(fetch, folder, team.environment(**login))
    [weights] = folder.glob("model/**/*.weights.h5")
    assert weights.read_bytes() in [one for clone in clones.values() for one in clone.weights().values()]


def test_two_clones_a_viewer_and_a_server_that_is_killed(team, origin, clones, tmp_path, monkeypatch):
    client = team.client(monkeypatch)
    trainings = {model: begin(team, clone, model) for model, clone in clones.items()}
    until(lambda: all(epochs_of(client, f"{model}-0") > 0 for model in clones))
    team.kill()
    time.sleep(5)
    team.start()
    outputs = []
    for training in trainings.values():
        said, _ = training.communicate()
        assert training.returncode == 0 and "Traceback" not in said, said
        outputs.append(said)
    assert any("does not answer (no connection); training goes on" in said for said in outputs)

    viewer = Project.clone(origin, tmp_path / "guest's clone")
    team.join(viewer, "guest")
    a_training_of(viewer, clones["alexnet"])
    before = everything_on(client)
    said = viewer.alexvgg("sync", code=5)
    assert [without_numbers(line) for line in said.splitlines()] == [without_numbers(team.blocks["text"][0])]
    assert everything_on(client) == before

    for clone in clones.values():
        clone.alexvgg("sync")
    require_all_once(client, clones)
    require_one_best(client, clones)
    require_a_model_that_a_guest_can_fetch(team, clones, tmp_path)

    clones["alexnet"].dvc("push", "--run-cache")
    before = everything_on(client)
    taken = run(team.blocks["others"][0], clones["vgg16"].folder, clones["vgg16"].environment)
    assert f"{len(ROWS)} runs are in MLflow" in taken and "Running stage 'train@" not in taken
    assert [len(of_row) for of_row in found_runs(client).values()] == [1] * len(ROWS)
    require_one_best(client, clones)
    assert everything_on(client)[1:] == before[1:]
    assert re.search(r"^table +\S+/#/experiments/\d+/runs\?", viewer.alexvgg("ui"), re.MULTILINE)
