"""Rows at once: what is begun when, what travels, what is left behind."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

import records
from alexvgg.jobs import attempts, dvc, here, plan, tree, worker
from alexvgg.jobs.attempts import Ended
from alexvgg.jobs.dvc import Remote
from alexvgg.jobs.group import Group
from alexvgg.jobs.progress import Progress
from alexvgg.params import file
from alexvgg.system.errors import EnvironmentProblem, Interrupted
from conftest import ROOT
from project import Project


class Script:
    """A place where rows end as a script says: for each row the exit codes of its attempts."""

    def __init__(self, codes: dict[str, list[int | None]], room: int = 2) -> None:
        self.codes, self.room = codes, room
        self.begun: list[str] = []
        self.most = self.interrupts = 0
        self.under_way: list[str] = []

    def has_room(self) -> bool:
        return len(self.under_way) < self.room

    def begin(self, row: str) -> None:
        self.begun.append(row)
        self.under_way.append(row)
        self.most = max(self.most, len(self.under_way))

    def ended(self) -> list[Ended]:
        found = [Ended(row, self.codes[row].pop(0)) for row in self.under_way]
        self.under_way = []
        return found

    def interrupt(self) -> None:
        self.interrupts += 1
        self.codes = {row: [Interrupted.exit_code] for row in self.codes}


class Seen:
    def __init__(self) -> None:
        self.said: list[str] = []

    def began(self, row: str, attempt: int) -> None:
        self.said.append(f"{row} {attempt}")

    def ended(self, row: str, said: str) -> None:
        self.said.append(f"{row} {said}")

    def look(self) -> None:
        pass


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(attempts, "LOOK_EVERY", 0.0)


def make(place: Script, interrupted: Callable[[], int] = lambda: 0) -> tuple[list[str], list[str]]:
    seen = Seen()
    return attempts.make(list(place.codes), place, seen, interrupted), seen.said


def test_rows_begin_in_order_as_long_as_there_is_room():
    place = Script({"a-0": [0], "b-0": [0], "c-0": [0]})
    assert make(place)[0] == [] and place.begun == ["a-0", "b-0", "c-0"] and place.most == 2


def test_a_lost_row_is_taken_up_again_and_costs_no_other():
    place = Script({"a-0": [137, None, 0], "b-0": [0], "c-0": [0]})
    failed, said = make(place)
    assert failed == [] and place.begun.count("a-0") == 3
    assert "a-0 killed; it is taken up again" in said and said[-1] == "a-0 done"


def test_a_row_that_is_lost_each_time_is_given_up():
    place = Script({"a-0": [6, 6, 6], "b-0": [0]})
    assert make(place)[0] == ["a-0"] and place.begun.count("a-0") == attempts.ATTEMPTS and place.begun.count("b-0") == 1


@pytest.mark.parametrize("code", [1, 2, 3, 4, 7, 8])
def test_a_row_that_would_fail_again_is_tried_once(code):
    place = Script({"a-0": [code], "b-0": [0]})
    assert make(place)[0] == ["a-0"] and place.begun == ["a-0", "b-0"]


def test_an_interruption_begins_no_other_row_and_waits_for_all():
    place = Script({"a-0": [0], "b-0": [0], "c-0": [0]})
    with pytest.raises(Interrupted, match="goes on from the checkpoints"):
        make(place, lambda: int(len(place.begun) == 2))
    assert place.begun == ["a-0", "b-0"] and not place.under_way


def test_what_dvc_says_of_a_stage_that_failed():
    said = "ERROR: failed to reproduce 'train@a-0': failed to run: python stages/train.py a 0, exited with "
    assert [dvc.exit_code(said + code) for code in ("4", "-9", "130")] == [4, 137, 130]
    assert dvc.exit_code("ERROR: '/p/data' is busy, it is being blocked by:") == EnvironmentProblem.exit_code
    assert dvc.exit_code("a-0: epoch 1/4 step 4/8") is None


def test_processors_are_shared_out():
    shares = here.shares(2, [0, 1, 2, 3, 4], 5, None, ["0", "1"], 1)
    assert [share.processors for share in shares] == [(0, 1), (2, 3)] and [s.gpus for s in shares] == [("0",), ("1",)]
    assert [share.threads for share in shares] == [2, 2] and shares[0].said == "on processors 0, 1"
    assert [share.processors for share in here.shares(3, [4, 5], 2, None, [], 0)] == [(4,), (5,), (4,)]
    assert [share.processors for share in here.shares(2, [0, 1, 2], 3, 2, [], 0)] == [(0, 1), (2, 0)]


def test_rows_of_a_container_with_a_quota_are_bound_to_no_processor():
    """Else those of all containers would be bound to the first ones."""
    shares = here.shares(2, list(range(64)), 4, None, [], 0)
    assert [(share.threads, share.processors, share.said) for share in shares] == [(2, (), "on 2 threads")] * 2


def test_a_full_disk_is_no_reason_to_end_other_rows(tmp_path, monkeypatch):
    class Full:
        def write(self, content: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    place = here.Here(here.shares(1, [0], 2, None, [], 0), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda *_, **__: Full())
        place._log("first", "a-0")
    (tmp_path / "a-0.log").mkdir()  # nor that there is no log at all
    with place._log("first", "a-0") as log:
        log.write(b"said")


def test_longer_rows_cost_more():
    params = file.load(ROOT / "profiles/cpu.yaml")
    sizes = {"alexnet": (227, 2263139392), "alexnet_vgg": (227, 3815628160), "vgg16": (224, 30933155840)}
    networks = {"slides": {n: {"input_size": side, "forward_flop": flop} for n, (side, flop) in sizes.items()}}
    costs = plan.costs(params, params.rows(), 45_000, networks)
    assert sorted(costs, key=costs.__getitem__) == ["alexnet-0", "alexnet_vgg-0", "vgg16-0"]  # as docs/times/cpu.md
    networks["slides"]["vgg16"]["forward_flop"] = None  # of which a layer cannot be counted
    assert plan.costs(params, ["vgg16-0"], 45_000, networks)["vgg16-0"] > 0


# What travels


@pytest.fixture
def project(tmp_path) -> Project:
    folder = tmp_path / "it's 한 head"
    folder.mkdir()
    project = Project(folder)
    shutil.copy(ROOT / "profiles/quickstart.yaml", folder / "params.yaml")
    shutil.copy(ROOT / ".dvc/.gitignore", folder / ".dvc")
    project.commit("all")
    return project


def remote_of(project: Project, url: str, **settings: str) -> Remote | None:
    project.dvc("remote", "add", "--force", "--default", "storage", url)
    for name, value in settings.items():
        project.dvc("remote", "modify", "--local", "storage", name, value)
    return dvc.remote(project.folder)


def test_a_remote_is_wanted_that_takes_a_run_cache(project):
    with pytest.raises(EnvironmentProblem, match=r"no DVC remote .*dvc remote add --default"):
        dvc.require_remote(project.folder)
    remote_of(project, "https://example.org/data")
    with pytest.raises(EnvironmentProblem, match="takes no run cache"):
        dvc.require_remote(project.folder)
    found = remote_of(project, "../there", jobs="3")  # a folder: as seen from the folder in which that was typed
    assert found == Remote("storage", {"url": str(project.folder.parent / "there"), "jobs": "3"})


def test_rows_on_a_cluster_without_a_remote_are_refused_before_anything_runs(project):
    said = project.alexvgg("rows", "--ray", "127.0.0.1:1", code=6)
    assert said.startswith("error: there is no DVC remote") and said.count("\n") == 1
    assert not (project.folder / "data").exists()


def test_a_row_that_is_none_is_refused(project):
    said = project.alexvgg("row", "alexnet-7", code=2)
    assert "alexnet-7 is no row of profile quickstart; there are: alexnet-0, alexnet_vgg-0, vgg16-0" in said
    assert "no number from 1 up" in project.alexvgg("rows", "--jobs", "0", code=2)


def test_a_second_head_says_so(project):
    lock = project.folder / ".alexvgg/locks/rows.lock"
    lock.parent.mkdir(parents=True)
    hold = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", hold, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        first.stdout.readline()
        assert "is at work in this project" in project.alexvgg("rows", "--jobs", "2", code=6)
        before = (project.folder / "params.yaml").read_bytes()
        assert "is at work in this project" in project.alexvgg("profile", "cpu", code=6)
        assert (project.folder / "params.yaml").read_bytes() == before
        said = project.run(sys.executable, "-m", "alexvgg.jobs.repro", "check", code=6)
        assert said == "error: a `make repro JOBS=…` is at work in this project; wait for it, or end it with Ctrl-C\n"
        first.stdin.close()


def test_while_dvc_runs_a_stage_the_profile_stays(project):
    entry = {"pid": os.getpid(), "cmd": "dvc repro"}
    (project.folder / ".dvc/tmp").mkdir(exist_ok=True)
    (project.folder / ".dvc/tmp/rwlock").write_text(json.dumps({"read": {}, "write": {"data": entry}}))
    assert f"DVC (process {os.getpid()}) is at work" in project.alexvgg("profile", "cpu", code=6)
    assert project.alexvgg("profile", "quickstart") == ""  # it is the one in use


def test_a_profile_has_the_name_of_its_file(project):
    """Else its rows would replace those of the profile whose name it has."""
    shutil.copy(project.folder / "profiles/quickstart.yaml", project.folder / "profiles/mine.yaml")
    for command in ("profile", "verify"):
        said = project.alexvgg(command, "mine", code=2)
        assert "profiles/mine.yaml: profile: 'quickstart'; set it to mine, or rename the file" in said
    (project.folder / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    project.alexvgg("profile", "cpu")
    assert not (project.folder / "profiles/mine.lock").exists()


def test_a_clone_without_its_history_cannot_be_sent(project, tmp_path):
    project.commit("another")
    project.run("git", "clone", "--quiet", "--depth", "1", project.folder.as_uri(), str(tmp_path / "shallow"))
    with pytest.raises(EnvironmentProblem, match="git fetch --unshallow"):
        tree.of(tmp_path / "shallow", Remote("storage", {"url": "s3://bucket/folder"}))


def test_damaged_settings_of_dvc_are_said(project):
    (project.folder / ".dvc/config.local").write_text("[remote")
    for command in (["row", "alexnet-0"], ["rows", "--jobs", "2"], ["gc"]):
        said = project.alexvgg(*command, code=3)
        assert ".dvc/config.local" in said and "rm " in said and said.count("\n") == 1


def files_of(folder: Path) -> dict[str, bytes]:
    ignored = {".git", ".alexvgg", ".dvc"}
    paths = [path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0] not in ignored]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if "__pycache__" not in path.parts}


def test_a_project_may_be_a_folder_of_a_repository(project, tmp_path):
    shutil.rmtree(project.folder / ".git")
    around = [("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "all")]
    for arguments in around:
        project.run("git", "-C", str(tmp_path), *arguments)
    found = tree.of(project.folder, Remote("storage", {"url": "s3://bucket/folder"}))
    there = tmp_path.parent / f"{tmp_path.name}-there"
    inside = worker._update(there, SimpleNamespace(**vars(found)), tmp_path / "cache")
    assert inside == there / project.folder.name and files_of(inside) == files_of(project.folder)
    assert "s3://bucket/folder" in (inside / ".dvc/config.local").read_text()


def test_a_clone_is_the_workspace_committed_or_not(project, tmp_path):
    there = tmp_path / "there"
    remote = remote_of(project, "s3://bucket/folder", secret_access_key="s'p a=c,e")

    def arrive() -> None:
        found = tree.of(project.folder, remote)
        worker._update(there, SimpleNamespace(**vars(found)), tmp_path / "cache")
        assert files_of(there) == files_of(project.folder)

    project.commit("clean")
    arrive()
    assert project.run("git", "-C", str(there), "status", "--porcelain") == ""
    (project.folder / "params.yaml").write_text("profile: other\n")
    (project.folder / "src/alexvgg/new.py").write_text("# new\n")
    (project.folder / "stages/report.py").unlink()
    arrive()
    assert project.run("git", "-C", str(there), "rev-parse", "HEAD") == project.run("git", "rev-parse", "HEAD")
    (there / ".alexvgg/checkpoints").mkdir(parents=True)
    (project.folder / "src/alexvgg/new.py").unlink()
    arrive()
    assert (there / ".alexvgg/checkpoints").exists()  # of an earlier attempt
    settings = dvc.remote(there).settings
    assert settings == {"url": "s3://bucket/folder", "secret_access_key": "s'p a=c,e"}
    assert project.run("git", "status", "--porcelain").count("\n") == 2  # the head's own index is as it was


# What is left behind

CHILDREN = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("begun", flush=True)
time.sleep(600)
"""
HEAD = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell begins programs in the background
from alexvgg.jobs.group import Group
with open(sys.argv[1], "w") as lock, Group([sys.executable, "-c", sys.argv[2]], lock.fileno()) as group:
    print(group._process.pid, flush=True)
    group.follow(print)
"""


def members(group: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.Error):
            continue
    return found


def test_no_process_is_left_behind_when_the_one_that_began_them_is_killed(tmp_path):
    command = [sys.executable, "-c", HEAD, str(tmp_path / "lock"), CHILDREN]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as head:
        group = int(head.stdout.readline())
        until = time.monotonic() + 60
        while len(members(group)) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        assert len(members(group)) == 2
        time.sleep(1)  # the watch has begun to read
        head.send_signal(signal.SIGKILL)
    while members(group) and time.monotonic() < until:
        time.sleep(0.1)
    assert members(group) == []


def test_output_is_followed_to_the_end_of_a_command_and_not_of_what_it_leaves_behind(tmp_path):
    """A sender goes on to hold the pipe while the next stage begins."""
    leaves = "import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True); print('a\\nb', end='')"
    lines: list[str] = []
    with (tmp_path / "lock").open("w") as lock, Group([sys.executable, "-c", leaves], lock.fileno()) as group:
        began = time.monotonic()
        assert group.follow(lines.append) == 0
    assert lines == ["a", "b"] and time.monotonic() - began < 30


def test_a_row_can_be_interrupted_where_signals_were_blocked(project):
    """Ray blocks SIGINT in what it begins."""
    block = "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]); os.execv(sys.executable, sys.argv[1:])"
    project.environment["PYTHONPATH"] = str(project.folder / "src")
    with subprocess.Popen(
        [sys.executable, "-c", block, sys.executable, "-m", "alexvgg", "row", "alexnet-0"],
        cwd=project.folder, env=project.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as row:  # fmt: skip
        assert "Running stage" in row.stdout.readline()
        row.send_signal(signal.SIGINT)
        said = row.stdout.read()
    assert row.returncode == 130 and "alexnet-0 was interrupted" in said, said


# What people see


def test_progress_in_plain_lines(tmp_path, capsys):
    progress = Progress({"a-0": 3.0, "b-0": 1.0}, tmp_path)
    with progress:
        progress.began("a-0", 1)
        (tmp_path / "a-0.log").write_text(
            "Running stage 'train@a-0':\na-0: epoch 1/2 step 5/20 loss 1.0 acc 0.5 9 images/s 0:10 left\n"
            "a-0: epoch 1/2 loss 0.9 acc 0.6 val_loss 0.8 val_acc 0.7\na-0: epoch 2/2 st"
        )
        progress.look()
        assert progress._total().startswith("0 of 2 rows done, 38% of the work")
        with (tmp_path / "a-0.log").open("a") as log:
            log.write("ep 15/20 loss 0.5 acc 0.7 9 images/s 0:03 left\nerror: the loss is nan\nERROR: DVC's own\n")
        progress.ended("a-0", "failed")
        assert progress._done["a-0"] == 0.75
    assert capsys.readouterr().err.splitlines() == [
        f"a-0: begins ({tmp_path}/a-0.log)",
        "a-0: epoch 1/2 loss 0.9 acc 0.6 val_loss 0.8 val_acc 0.7",
        "a-0: failed (error: the loss is nan)",
    ]


def test_the_table_says_where_rows_differ_in_what_computed():
    from alexvgg.reporting import table

    rows = [records.row(seed=seed, hardware=f"CPU, {seed} threads") for seed in (1, 2)]
    assert "Hardware: CPU, 1 threads (alexnet-1); CPU, 2 threads (alexnet-2)." in table.settings(rows)
    assert "Hardware: CPU, 1 threads." in table.settings(rows[:1])
