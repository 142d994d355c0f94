"""The process that computes is set up before it begins."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from alexvgg.system import hardware, process
from alexvgg.system.errors import EnvironmentProblem
from conftest import ROOT

PROGRAM = """
import os, sys
from pathlib import Path
sys.path.insert(0, {source!r})
from alexvgg.system import process
process.begin_again(Path({root!r}))
print(sys.argv[1:], os.getpid(), sorted(os.environ))
"""


def test_it_begins_again_once_with_the_same_arguments(tmp_path):
    script = tmp_path / "a program.py"
    script.write_text(PROGRAM.format(source=str(ROOT / "src"), root=str(tmp_path)))
    given = {"PATH": os.environ["PATH"], "HOME": "/", "AWS_PROFILE": "lab", "OMP_NUM_THREADS": "1", "TF_XLA_FLAGS": "x"}
    started = subprocess.Popen([sys.executable, script, "one two", "3"], env=given, stdout=subprocess.PIPE, text=True)
    output = started.communicate()[0]
    kept = sorted(process.environment(given, tmp_path))
    assert output == f"['one two', '3'] {started.pid} {kept}\n"
    assert {"PATH", "HOME", "AWS_PROFILE", "KERAS_HOME"} <= set(kept)
    assert not {"OMP_NUM_THREADS", "TF_XLA_FLAGS"} & set(kept)


def test_what_it_begins_again_with_stays_what_it_is(tmp_path):
    """Else it would begin for ever."""
    once = process.environment(
        {"PYTHONIOENCODING": "latin-1:strict", "GLIBC_TUNABLES": "glibc.malloc.check=0"}, tmp_path
    )
    assert process.environment(once, tmp_path) == once
    assert once["PYTHONIOENCODING"] == "latin-1:replace"  # the person's terminal
    assert once["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)  # whose `python` stages are begun by


def test_it_refuses_a_tensorflow_that_somebody_else_imported():
    """TensorFlow reads its settings once: without oneDNN it would compute, but slower and with other sums."""
    program = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\nimport tensorflow\nfrom alexvgg.networks import runtime\n"
    environment = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    done = subprocess.run(
        [sys.executable, "-c", program + "runtime.start('float32', 0)"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "imported before `runtime.start`" in done.stderr


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"avx", "avx2", "avx512f", "amx_bf16"}, "AVX-512 and AMX"),
        ({"avx", "avx2", "avx512f", "avx512_bf16"}, "AVX-512 with BF16"),
        ({"avx", "avx2", "avx512f"}, "AVX-512"),
        ({"avx", "avx2"}, "AVX2"),
    ],
)
def test_a_table_names_the_widest_that_the_processor_has(tf, monkeypatch, features, expected):
    monkeypatch.setattr(hardware, "cpu_features", lambda: features)
    for threads, said in {1: "1 thread", 2: "2 threads"}.items():
        monkeypatch.setattr(hardware, "threads", lambda count=threads: count)
        assert hardware.title() == f"CPU, {said}, {expected}"


@pytest.mark.parametrize(
    ("membership", "limits", "expected"),
    [
        ("0::/", {"cpu.max": "250000 100000"}, 2.5),  # a container, version 2
        ("0::/", {"cpu.max": "max 100000"}, math.inf),
        ("0::/", {}, math.inf),  # no controller
        # A service of systemd's: the limit is of the group around it.
        ("0::/lab.slice/run.scope", {"lab.slice/cpu.max": "50000 100000", "lab.slice/run.scope/cpu.max": "max 1"}, 0.5),
        ("0::/a/b", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "200000 100000"}, 2.0),
        # Version 1, in a container: its own group is mounted as the root, the path is the host's.
        (
            "4:memory:/x\n3:cpu,cpuacct:/docker/0f",
            {"cpu,cpuacct/cpu.cfs_quota_us": "150000", "cpu,cpuacct/cpu.cfs_period_us": "100000"},
            1.5,
        ),
        ("1:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, math.inf),
        ("2:cpuset:/", {"cpu.max": "100000 100000"}, math.inf),
    ],
)
def test_a_quota_is_read_as_linux_writes_it(tmp_path, membership, limits, expected):
    groups, written = tmp_path / "cgroup", tmp_path / "membership"
    written.write_text(membership + "\n")
    for name, value in limits.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(value + "\n")
    assert hardware.quota(groups, written) == expected


def test_a_system_without_control_groups_has_no_quota(tmp_path):
    assert hardware.quota(tmp_path / "none", tmp_path / "nor this") == math.inf


@pytest.mark.parametrize(("quota", "expected"), [(math.inf, 2), (1.5, 1), (0.2, 1), (64.0, 2)])
def test_threads_are_what_it_is_bound_to_and_no_more_than_its_quota(monkeypatch, quota, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5}, raising=False)
    monkeypatch.setattr(hardware, "quota", lambda *_: quota)
    assert hardware.threads() == expected


def test_a_person_can_say_how_many_threads(monkeypatch):
    monkeypatch.setenv("ALEXVGG_THREADS", "3")
    assert hardware.threads() == 3


@pytest.mark.parametrize("asked", ["0", "-1", "two", "1.5", "100000"])
def test_a_number_of_threads_that_is_none_is_refused(monkeypatch, asked):
    monkeypatch.setenv("ALEXVGG_THREADS", asked)
    with pytest.raises(EnvironmentProblem, match=f"ALEXVGG_THREADS is '{asked}'; set it to a number from 1 to 1024"):
        hardware.threads()


def test_tensorflow_has_that_many(tmp_path):
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\nfrom alexvgg.networks import runtime\n"
        "print(runtime.start('float32', 0).config.threading.get_intra_op_parallelism_threads())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"ALEXVGG_THREADS": "1"}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "1", done.stderr


def test_every_stage_begins_that_way():
    """What a stage imports first is what begins again."""
    for stage in (ROOT / "stages").glob("[!_]*.py"):
        lines = [line for line in Path(stage).read_text(encoding="utf-8").splitlines() if "import" in line]
        assert lines[0].startswith("import _project"), stage
