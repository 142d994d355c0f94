"""Rows of the table at once, for real: processes that are killed, a Ray cluster of two nodes, S3 by moto.

The table is four rows of a network that takes seconds. It is the same, byte for byte, however it was made.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import requests
from ruamel.yaml import YAML

from conftest import ROOT
from project import Project

pytestmark = pytest.mark.slow
ROWS = [f"one-{seed}" for seed in range(4)]
NOBODY = "http://127.0.0.1:9"  # that there is nobody is told sooner than a database is made
CLUSTER = """
import os, signal, sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
os.environ["TMPDIR"] = sys.argv[1]
cluster.add_node(num_cpus=1, node_ip_address="127.0.0.2")  # another machine's: the head joins by the first
print(cluster.address, flush=True)
signal.sigwait({signal.SIGTERM})
cluster.shutdown()
"""
PATIENCE = 300.0


def tiny(epochs: int) -> dict:
    params = YAML(typ="safe", pure=True).load(ROOT / "profiles" / "quickstart.yaml")
    params["profile"] = "tiny"
    params["preprocess"]["val_fraction"] = 0.5
    params["training"]["epochs"] = epochs
    params["seeds"] = [0, 1, 2, 3]
    params["models"] = {"one": {"architecture": "small", "crop": 16, "learning_rate": 1e-4}}
    return params


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Project:
    return one_after_the_other(tmp_path_factory.mktemp("a project") / "alexvgg")


def one_after_the_other(folder: Path) -> Project:
    """The table, a row after the other, with one thread a row."""
    project = Project(folder)
    (project.folder / ".dvc/.gitignore").write_text((ROOT / ".dvc/.gitignore").read_text())
    project.add_small_network()
    project.params = tiny(epochs=25)
    project.environment |= {"MLFLOW_TRACKING_URI": NOBODY, "ALEXVGG_THREADS": "1"}
    project.commit("all")
    project.dvc("repro")
    return project


@pytest.fixture
def project(made, tmp_path) -> Project:
    return unmade(made, tmp_path / "it's 한 clone")


def unmade(made: Project, folder: Path) -> Project:
    """The same project, of which nothing is made."""
    clone = Project.clone(made, folder)
    clone.environment.pop("ALEXVGG_THREADS")
    return clone


def begin(project: Project, *arguments: str, output: int = subprocess.PIPE) -> subprocess.Popen:
    project.environment["PYTHONPATH"] = str(project.folder / "src")
    return subprocess.Popen(
        [sys.executable, "-m", "alexvgg", "rows", *arguments], cwd=project.folder, env=project.environment, text=True,
        stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def until(found: Callable[[], object], head: subprocess.Popen | None = None) -> object:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if it := found():
            return it
        assert head is None or head.poll() is None, head.communicate()
        time.sleep(0.1)
    raise AssertionError("it took too long")


def processes(*words: str) -> list[psutil.Process]:
    """Those of whose command line each of these words is a part."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if all(word in " ".join(process.info["cmdline"] or []) for word in words)
    ]


def logged(project: Project, row: str, text: str) -> Callable[[], bool]:
    log = project.folder / f".alexvgg/logs/{row}.log"
    return lambda: log.exists() and text in log.read_text()


def ours(*words: str) -> list[psutil.Process]:
    """Those that this process began, directly or not, with these words in their command line."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if all(word in " ".join(process.cmdline()) for word in words):
                found.append(process)
    return found


def nothing_is_left_of(project: Project) -> bool:
    def here(process: psutil.Process) -> bool:
        try:
            return process.cwd().startswith(str(project.folder)) and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    return not [process for process in psutil.process_iter() if here(process)]


def require_the_same(project: Project, made: Project, *pulled: str) -> None:
    ran, _ = project.repro(*pulled)
    assert not {stage for stage in ran if "@" in stage} and "report" in ran
    found, expected = project.outputs(), made.outputs()
    # DVC lists stages in the order in which they were first recorded.
    assert YAML().load(found.pop("dvc.lock")) == YAML().load(expected.pop("dvc.lock"))
    assert found == expected
    assert project.weights() == made.weights()


def test_the_table_is_the_same_to_the_byte(project, made):
    head = begin(project, "--jobs", "2", "--cpus-per-row", "1")
    said, _ = head.communicate()
    assert head.returncode == 0, said
    assert sorted(re.findall(r"^(\S+): done$", said, re.M)) == ROWS and "4 rows to make, 2 at once" in said
    require_the_same(project, made)
    assert project.alexvgg("rows", "--jobs", "2").count("rows to make") == 0


def test_a_training_that_is_killed_goes_on_and_others_are_not_disturbed(project, made):
    head = begin(project, "--jobs", "2", "--cpus-per-row", "1")
    until(logged(project, "one-0", "one-0: epoch 3/"), head)
    for process in processes("stages/train.py one 0"):
        process.kill()
    said, _ = head.communicate()
    assert head.returncode == 0, said
    assert "one-0: killed; it is taken up again" in said and "one-0: begins, attempt 2" in said
    require_the_same(project, made)


def test_ctrl_c_ends_all_with_checkpoints_and_the_same_command_goes_on(project, made):
    head = begin(project, "--jobs", "2", "--cpus-per-row", "1")
    for row in ROWS[:2]:
        until(logged(project, row, f"{row}: epoch 3/"), head)
    os.killpg(head.pid, signal.SIGINT)  # as a terminal does
    said, _ = head.communicate()
    assert head.returncode == 130 and "error: interrupted; the same command goes on" in said, said
    assert nothing_is_left_of(project) and len(project.checkpoints()) >= 1
    project.alexvgg("rows", "--jobs", "2", "--cpus-per-row", "1")
    assert logged(project, "one-0", "goes on from its checkpoint at step")()
    require_the_same(project, made)


def test_nothing_is_left_behind_by_a_head_or_a_row_that_is_killed(project, made):
    head = begin(project, "--jobs", "2", "--cpus-per-row", "1")
    until(logged(project, "one-0", "one-0: epoch 2/"), head)
    for process in processes("alexvgg row one-0"):
        process.kill()
    until(logged(project, "one-0", "goes on from its checkpoint at step"), head)
    head.kill()
    head.communicate()
    until(lambda: nothing_is_left_of(project))
    project.alexvgg("rows", "--jobs", "2", "--cpus-per-row", "1")
    require_the_same(project, made)


def with_a_row_that_diverges() -> dict:
    params = tiny(epochs=2)
    params["training"] |= {"optimizer": "sgd", "gradient_clip_norm": None}
    params["models"]["two"] = params["models"]["one"] | {"learning_rate": 99.0}
    params["seeds"] = [0]
    return params


def test_a_row_that_diverges_is_tried_once_and_the_others_are_made(project):
    project.params = with_a_row_that_diverges()
    said = project.alexvgg("rows", "--jobs", "2", code=1)
    assert "1 of 2 rows failed: two-0" in said and "one-0: done" in said and said.count("two-0: begins") == 1
    assert re.search(r"two-0: failed \(error: the loss is", said)


def test_a_checkpoint_of_other_threads_is_begun_again(project):
    project.dvc("repro", "preprocess", "networks")
    project.environment |= {"PYTHONPATH": str(project.folder / "src"), "ALEXVGG_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "alexvgg", "row", "one-0"], cwd=project.folder, env=project.environment, text=True,
        stdout=subprocess.PIPE,
    ) as row:  # fmt: skip
        until(lambda: "one-0: epoch 3/" in row.stdout.readline(), row)
        row.terminate()
        row.communicate()
    assert row.returncode == 130 and project.checkpoints()
    project.environment["ALEXVGG_THREADS"] = "2"
    refused = subprocess.Popen(  # as `rows` does it on this machine, where somebody can decide
        [sys.executable, "-m", "alexvgg", "row", "one-0", "--local", "--attached"], cwd=project.folder,
        env=project.environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert refused.wait() == 9 and project.checkpoints()
    refused.stdin.close()
    said = project.alexvgg("row", "one-0")
    assert "threads '1' there, '2' here" in said and "one-0: from the beginning" in said and not project.checkpoints()


def test_a_row_by_itself_in_a_clone_is_handed_on(project, made, tmp_path):
    project.environment["ALEXVGG_THREADS"] = "1"
    project.dvc("remote", "add", "--default", "store", str(tmp_path / "store"))
    project.commit("a remote")
    other = Project.clone(project, tmp_path / "another machine")
    for row in ROWS:
        other.alexvgg("row", row)
    require_the_same(project, made, "--pull")


def test_a_row_does_not_read_the_data_of_an_older_lock(project, tmp_path):
    project.dvc("remote", "add", "--default", "store", str(tmp_path / "store"))
    project.dvc("repro", "preprocess", "networks")
    project.dvc("push", "--run-cache")
    project.commit("a remote")
    other = Project.clone(project, tmp_path / "another machine")
    params = other.params
    params["preprocess"]["val_fraction"] = 0.6
    other.params = params
    other.alexvgg("row", "one-0")
    images = json.loads((other.folder / "rows/tiny/one-0/summary.json").read_text())["images"]
    assert images["val"] > images["train"]


@contextmanager
def running(*command: str, output: int = subprocess.DEVNULL, **variables: str) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(command, env=os.environ | variables, text=True, stdout=output)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


@pytest.fixture
def s3() -> Iterator[dict[str, str]]:
    """An S3 with a bucket; the variables by which programs find it."""
    pytest.importorskip("moto", reason="make setup CLUSTER=1")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    variables = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    variables["AWS_DEFAULT_REGION"] = "us-east-1"
    with running(sys.executable, "-m", "moto.server", "-p", str(port)):
        import boto3
        from botocore.exceptions import BotoCoreError

        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}

        def bucket() -> bool:
            try:
                boto3.client("s3", endpoint_url=url, **keys).create_bucket(Bucket="bucket")
            except BotoCoreError:  # it is not there yet
                return False
            return True

        until(bucket)
        yield variables


@pytest.fixture
def cluster() -> Iterator[tuple[str, Path]]:
    pytest.importorskip("ray", reason="make setup CLUSTER=1")
    with two_nodes() as found:
        yield found


@contextmanager
def two_nodes(second: Path | None = None) -> Iterator[tuple[str, Path]]:
    """The address of a Ray cluster of two nodes with a processor each, and the temporary folder of the first.

    The second's is the same, unless another is named.
    """
    with (
        tempfile.TemporaryDirectory() as folder,  # Ray's sockets want a short path
        running(sys.executable, "-c", CLUSTER, str(second or folder), output=subprocess.PIPE, TMPDIR=folder) as nodes,
    ):
        address = nodes.stdout.readline().strip()
        assert address, "Ray did not begin"
        yield address, Path(folder)


def test_a_ray_cluster_with_s3_and_a_worker_that_is_killed(project, made, s3, cluster):
    address, machines = cluster
    project.environment |= s3
    project.environment.pop("MLFLOW_TRACKING_URI")
    project.dvc("remote", "add", "--default", "store", "s3://bucket/rows")
    for name in ("access_key_id", "secret_access_key"):
        project.dvc("remote", "modify", "--local", "store", name, s3[f"AWS_{name.upper()}"])
    (project.folder / "README.md").write_text("not committed, and there all the same\n")
    head = begin(project, "--jobs", "4", "--ray", address)
    until(logged(project, "one-0", "one-0: epoch 3/"), head)
    clone = next(machines.glob("alexvgg-*/*/one-0"))
    assert (clone / "README.md").exists()
    psutil.Process(row_in(clone)).parent().kill()
    said, _ = head.communicate()
    assert head.returncode == 0, said
    assert "one-0: lost with its machine" in said and "one-0: begins, attempt 2" in said
    assert not list(machines.glob("alexvgg-*/*"))  # nothing is left on the machines
    (project.folder / "README.md").unlink()
    require_the_same(project, made, "--pull")
    project.alexvgg("sync")
    assert runs_in_mlflow(f"sqlite:///{project.folder}/mlflow.db") == dict.fromkeys(ROWS, 25)


def test_a_row_that_diverges_on_ray_keeps_no_others_there(project, cluster, tmp_path):
    address, _ = cluster
    project.params = with_a_row_that_diverges()
    project.dvc("remote", "add", "--default", "store", str(tmp_path / "store"))
    said = project.alexvgg("rows", "--jobs", "2", "--ray", address, code=1)
    assert "1 of 2 rows failed: two-0" in said
    assert [path.name for path in project.folder.glob("rows/tiny/*/summary.json")] == ["summary.json"]
    assert "| one " in project.alexvgg("show")


def test_ctrl_c_ends_rows_on_ray_with_checkpoints(project, made, cluster, tmp_path):
    address, _ = cluster
    project.dvc("remote", "add", "--default", "store", str(tmp_path / "store"))
    head = begin(project, "--jobs", "4", "--ray", address)  # two more than there is room for
    for row in ROWS[:2]:
        until(logged(project, row, f"{row}: epoch 3/"), head)
    os.killpg(head.pid, signal.SIGINT)
    said, _ = head.communicate()
    assert head.returncode == 130 and "error: interrupted; the same command goes on" in said, said
    project.alexvgg("rows", "--jobs", "4", "--ray", address)
    assert logged(project, "one-0", "goes on from its checkpoint at step")()
    require_the_same(project, made, "--pull")


def test_a_ray_node_that_is_gone(project, made, cluster, tmp_path):
    address, _ = cluster
    project.dvc("remote", "add", "--default", "store", str(tmp_path / "store"))
    head = begin(project, "--jobs", "2", "--ray", address)
    for row in ROWS[:2]:
        until(logged(project, row, f"{row}: epoch 2/"), head)
    [node] = [process for process in ours("raylet/raylet") if "--head" not in process.cmdline()]
    node.kill()
    said, _ = head.communicate()
    assert head.returncode == 0, said
    assert said.count("lost with its machine") == 1 and said.count("attempt 2") == 1
    require_the_same(project, made, "--pull")


def test_curves_arrive_at_a_server_while_ray_workers_train(project, made, cluster, tmp_path):
    address, _ = cluster
    project.dvc("remote", "add", "--default", "store", str(tmp_path / "store"))
    port = free_port()
    project.environment["MLFLOW_TRACKING_URI"] = server = f"http://127.0.0.1:{port}"
    store = (
        "--backend-store-uri",
        f"sqlite:///{tmp_path}/server.db",
        "--artifacts-destination",
        str(tmp_path / "files"),
    )
    with running(sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1", *store):
        until(lambda: answers(f"{server}/health"))
        head = begin(project, "--jobs", "2", "--ray", address)
        for row in ROWS[:2]:
            until(lambda row=row: 0 < runs_in_mlflow(server, "RUNNING").get(row, 0) < 25, head)
        said, _ = head.communicate()
        assert head.returncode == 0, said
        require_the_same(project, made, "--pull")
        assert runs_in_mlflow(server) == dict.fromkeys(ROWS, 25)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    disk = tmp_path / "small disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_ray_node_whose_disk_is_full(project, made, small_disk, tmp_path):
    pytest.importorskip("ray", reason="make setup CLUSTER=1")
    project.dvc("remote", "add", "--default", "store", str(tmp_path / "store"))
    with two_nodes(second=small_disk) as (address, _):
        said = project.alexvgg("rows", "--jobs", "2", "--ray", address)
    assert re.search(r"No space left on device.*; it is taken up again", said)
    require_the_same(project, made, "--pull")


def row_in(clone: Path) -> int:
    """The process that makes the row in a clone."""
    return next(p.pid for p in processes("alexvgg row") if p.cwd() == str(clone))


def runs_in_mlflow(uri: str, status: str = "FINISHED") -> dict[str, int]:
    """The runs with a status, and how many epochs of each there are."""
    import mlflow

    client = mlflow.MlflowClient(uri)
    experiments = [one.experiment_id for one in client.search_experiments() if one.name != "Default"]
    runs = client.search_runs(experiments, f"attributes.status = '{status}'") if experiments else []
    return {run.info.run_name: len(client.get_metric_history(run.info.run_id, "val_acc")) for run in runs}
