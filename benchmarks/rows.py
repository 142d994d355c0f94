"""Rows at once: what they gain, and what a row costs besides its training.

    python benchmarks/rows.py [--rounds 3] [--only costs|quickstart|cpu|ray] [--output FILE]

`--only` measures one part, and leaves the others in FILE as they are. Works in copies of the project. With
ALEXVGG_CIFAR100_ARCHIVE it measures a shortened `cpu` profile, too. Ray is measured where it is installed (`make setup
CLUSTER=1`), as two nodes on this machine.
"""

import argparse
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import origin
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from project import Project  # noqa: E402 - the tests' copy of the project

STEPS = 30  # of each row of the shortened profile
COUNTS = (1, 10, 100)  # trivial rows
RAY_ROWS = 3
NODES = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
cluster.add_node(num_cpus=1)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def params_of(profile: str) -> dict:
    return YAML(typ="safe", pure=True).load(ROOT / f"profiles/{profile}.yaml")


def seconds(project: Project, *commands: tuple[str, ...]) -> float:
    began = time.monotonic()
    for command in commands:
        project.alexvgg(*command[1:]) if command[0] == "alexvgg" else project.dvc(*command[1:])
    return time.monotonic() - began


def gain(params: dict, seeds: int, folder: Path, rounds: int) -> str:
    """The pipeline with rows one after the other, and with two at once; each time with `seeds` seeds of its own."""
    project = Project(folder)
    project.params = params
    project.dvc("repro", "preprocess", "networks")
    ratios, alone = [], []
    for first in range(0, 2 * rounds * seeds, 2 * seeds):
        project.params = params | {"seeds": list(range(first, first + seeds))}
        one = seconds(project, ("dvc", "repro"))
        project.params = params | {"seeds": list(range(first + seeds, first + 2 * seeds))}
        two = seconds(project, ("alexvgg", "rows", "--jobs", "2"), ("dvc", "repro"))
        alone.append(one)
        ratios.append(one / two)
        print(f"{params['profile']}: {one:.0f} s, two at once {two:.0f} s", file=sys.stderr, flush=True)
    return f"{spread(ratios)} times as fast as one after the other, in {spread(alone)} s."


def shortened() -> dict:
    """The `cpu` profile, of which each row ends after some steps."""
    params = params_of("cpu")
    params["training"]["stop_after"] = STEPS
    for model in params["models"].values():
        model["early_crops"] = []
    return params


def trivial(folder: Path) -> Project:
    """A project whose rows are files of a word, made at once: the rest is what is measured."""
    project = Project(folder)
    params = params_of("quickstart")
    params["models"] = {"alexnet": params["models"]["alexnet"]}
    project.params = params
    for stage in ("train", "evaluate"):
        shutil.copy(ROOT / "benchmarks/contestants/trivial.py", project.folder / f"stages/{stage}.py")
    (project.folder / ".dvc/.gitignore").write_text((ROOT / ".dvc/.gitignore").read_text())
    project.run("git", "add", "-A")
    project.run("git", "commit", "--quiet", "-m", "all")
    project.dvc("repro", "preprocess", "networks")
    return project


def with_seeds(project: Project, first: int, count: int) -> None:
    project.params = project.params | {"seeds": list(range(first, first + count))}


def a_row_here(project: Project, count: int) -> float:
    """Seconds for each of so many rows, two at once."""
    (project.folder / "dvc.lock").unlink()
    shutil.rmtree(project.folder / ".dvc/cache/runs")
    project.dvc("repro", "preprocess", "networks")
    with_seeds(project, 0, count)
    return seconds(project, ("alexvgg", "rows", "--jobs", "2")) / count


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    environment = os.environ | {"TMPDIR": str(folder)}
    command = [sys.executable, "-c", NODES]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as nodes:  # fmt: skip
        assert nodes.stdin is not None and nodes.stdout is not None
        yield nodes.stdout.readline().strip()
        nodes.stdin.close()


def ray_costs(project: Project, address: str, rounds: int) -> list[float]:
    """Seconds by which a row on the cluster takes longer than here, one at a time."""
    project.dvc("remote", "add", "--default", "store", str(project.folder.parent / "store"))
    project.run("git", "commit", "--quiet", "-am", "a remote")
    found = []
    for first in range(1000, 1000 + 2 * rounds * RAY_ROWS, 2 * RAY_ROWS):
        with_seeds(project, first, RAY_ROWS)
        there = seconds(project, ("alexvgg", "rows", "--jobs", "1", "--ray", address))
        with_seeds(project, first + RAY_ROWS, RAY_ROWS)
        found.append((there - seconds(project, ("alexvgg", "rows", "--jobs", "1"))) / RAY_ROWS)
    return found


def costs(folder: Path, rounds: int) -> str:
    project = trivial(folder)
    lines = []
    for count in COUNTS:
        found = [a_row_here(project, count) for _ in range(rounds if count < COUNTS[-1] else 1)]
        lines.append(f"| {count} | {spread(found)} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join([
        "Seconds that a row takes besides its training, for each of so many that are made at once, two at a time:", "",
        "| rows | s |", "| ---: | ---: |", *lines,
    ])  # fmt: skip


def on_ray(folder: Path, rounds: int) -> str:
    project = trivial(folder / "project")
    (folder / "n").mkdir()
    with cluster(folder / "n") as address:
        found = ray_costs(project, address, rounds)
    return f"A row on a cluster takes {spread(found)} s longer than here: the clone, the remote, the head's beginning."


PARTS: dict[str, tuple[str, Callable[[Path, int], str]]] = {
    "costs": ("What a row costs", costs),
    "quickstart": ("`quickstart`, two rows at once", partial(gain, params_of("quickstart"), 1)),
    "cpu": (f"`cpu` with two seeds, {STEPS} steps a row, two rows at once", partial(gain, shortened(), 2)),
    "ray": ("Ray", on_ray),
}


def measured_before(output: Path | None) -> dict[str, str]:
    """The parts in a file, by their titles."""
    if output is None or not output.exists():
        return {}
    _, *parts = output.read_text().split("\n## ")
    return {title: text.strip() for title, _, text in (part.partition("\n") for part in parts)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--output", type=Path, help="write the results there, too")
    settings = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"  # MLflow is not what is measured
    found = measured_before(settings.output) if settings.only else {}
    possible = {"cpu": bool(os.environ.get("ALEXVGG_CIFAR100_ARCHIVE")), "ray": importlib.util.find_spec("ray")}
    for name, (title, measure) in PARTS.items():
        if possible.get(name, True) and settings.only in (None, name):
            with tempfile.TemporaryDirectory(prefix="rows", ignore_cleanup_errors=True) as made:
                found[title] = measure(Path(made) / name, settings.rounds)
    text = f"# Rows at once\n\n{origin.sentence()} Medians with the lowest and the highest.\n"
    for title, _ in PARTS.values():
        text += f"\n## {title}\n\n{found[title]}\n" if title in found else ""
    print(text)
    if settings.output:
        settings.output.write_text(text)


if __name__ == "__main__":
    main()
