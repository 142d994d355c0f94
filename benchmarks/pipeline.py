"""Fixed costs: what the pipeline takes besides training.

    python benchmarks/pipeline.py [--rounds 5] [--output FILE]

Works in a copy of the project. With ALEXVGG_CIFAR100_ARCHIVE it measures `preprocess` on CIFAR-100, too.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import origin
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from alexvgg.system.process import HUGE_PAGES  # noqa: E402
from project import Project  # noqa: E402 - the tests' copy of the project

ARCHIVE = os.environ.get("ALEXVGG_CIFAR100_ARCHIVE")
STAGES = (
    ("check",), ("download",), ("preprocess",), ("networks",), ("train", "alexnet", "0"),
    ("evaluate", "alexnet", "0"), ("report",),
)  # fmt: skip
MODEL, PX, BATCH, STEPS = "alexnet", 227, 128, 3


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def timed(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[float, float, str]:
    """Seconds, peak memory in MiB (Linux), and standard error of a command that has to succeed."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        errors.seek(0)
        text = errors.read()
    if status:
        sys.exit(f"error: {' '.join(command)} failed:\n{text}")
    return seconds, usage.ru_maxrss / 1024, text


def small(project: Project, profile: str) -> None:
    """One network, one epoch: the rest is what is measured here."""
    params = YAML(typ="safe", pure=True).load(ROOT / f"profiles/{profile}.yaml")
    params["models"] = {"alexnet": params["models"]["alexnet"]}
    params["training"]["epochs"] = 1
    project.params = params


def stage_times(project: Project, rounds: int) -> list[str]:
    """By stage: in all, importing, waiting for tracking, and the rest."""
    lines = []
    for name, *arguments in STAGES:
        found: dict[str, list[float]] = {"in all": [], "imports": [], "tracking": [], "work": []}
        program = str(ROOT / "benchmarks/contestants/stage.py")
        command = [sys.executable, "-X", "importtime", program, f"stages/{name}.py", *arguments]
        for _ in range(rounds):
            text = timed(command, project.folder, project.environment)[2]
            facts = json.loads(text.strip().splitlines()[-1])
            imports = sum(int(us) for us in re.findall(r"import time:\s+(\d+) \|", text)) / 1e6
            found["in all"].append(facts["seconds"])
            found["imports"].append(imports)
            found["tracking"].append(facts["tracking"])
            found["work"].append(facts["seconds"] - imports - facts["tracking"])
        lines.append(f"| {name} | {' | '.join(spread(values) for values in found.values())} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return lines


def nothing_to_do(project: Project, folder: Path, rounds: int) -> str:
    """`dvc repro` where all is done, against that of a pipeline of one empty stage, and of as many as ours."""
    project.dvc("repro")
    stages = len(YAML(typ="safe", pure=True).load(project.folder / "dvc.lock")["stages"])
    folders = [project.folder, empty_pipeline(project, folder / "empty", 1)]
    folders.append(empty_pipeline(project, folder / "as many", stages))
    repro = [sys.executable, "-m", "dvc", "repro"]
    found = [[timed(repro, each, project.environment)[0] for each in folders] for _ in range(rounds + 1)][1:]
    ours, empty, as_many = ([times[i] for times in found] for i in range(3))
    return (
        f"`dvc repro` with nothing to do: {spread(ours)} s, an empty pipeline's {spread(empty)} s, ratio "
        f"{ratio(ours, empty)}; that of {stages} empty stages, as many as ours, to one: {ratio(as_many, empty)}"
    )


def empty_pipeline(project: Project, folder: Path, stages: int) -> Path:
    """A project of stages that do nothing, all of them done."""
    folder.mkdir()
    for command in (["git", "init", "--quiet"], [sys.executable, "-m", "dvc", "init", "--quiet"]):
        subprocess.run(command, cwd=folder, env=project.environment, check=True)
    (folder / "a file").write_text("")
    nothing = {f"nothing_{i}": {"cmd": "true", "deps": ["a file"]} for i in range(stages)}
    YAML().dump({"stages": nothing}, folder / "dvc.yaml")
    timed([sys.executable, "-m", "dvc", "repro"], folder, project.environment)
    return folder


def ratio(ours: list[float], theirs: list[float]) -> str:
    return spread([a / b for a, b in zip(ours, theirs, strict=True)])


def repeated(what: str, measure: Callable[[], tuple[float, float, str]], rounds: int, memory: bool) -> str:
    found = [measure() for _ in range(rounds + 1)][1:]
    text = f"{what}: {spread([seconds for seconds, _, _ in found])} s"
    return text + (f", at most {max(megabytes for _, megabytes, _ in found):.0f} MiB" if memory else "")


def training_memory(images: int) -> float:
    """Peak memory, MiB, of AlexNet at the slide's size over so many images: a few steps, each with a checkpoint."""
    program = ROOT / "benchmarks/contestants/full.py"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "GLIBC_TUNABLES": HUGE_PAGES}
    process = subprocess.Popen(
        [sys.executable, program, MODEL, str(PX), str(BATCH), "float32", str(images), "0"], env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    process.stdout.readline()
    process.stdin.write("1\n" * STEPS)
    process.stdin.close()
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="write the table there, too")
    settings = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # without bytecode every stage compiles what it imports
    facts = []
    with tempfile.TemporaryDirectory(prefix="fixed costs ", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        project = Project(folder / "project")
        small(project, "quickstart")
        project.dvc("repro")
        stages = stage_times(project, settings.rounds)
        facts.append(nothing_to_do(project, folder, settings.rounds))
        cli = [sys.executable, "-m", "alexvgg", "--help"]
        environment = project.environment | {"PYTHONPATH": str(project.folder / "src")}
        facts.append(
            repeated("`alexvgg --help`", lambda: timed(cli, project.folder, environment), settings.rounds, memory=False)
        )
        if ARCHIVE:
            small(project, "cpu")
            project.dvc("repro", "download")
            command = [sys.executable, "stages/preprocess.py"]
            facts.append(
                repeated(
                    "`preprocess` on CIFAR-100",
                    lambda: timed(command, project.folder, project.environment),
                    settings.rounds,
                    memory=True,
                )
            )
    once, ten = training_memory(45_000), training_memory(450_000)
    facts.append(
        f"peak memory of `train`, AlexNet {PX} px, batch {BATCH}: {once:.0f} MiB with 45,000 images, {ten:.0f} MiB "
        f"with ten times as many, whose arrays are {45_000 * 9 * 3076 / 2**20:.0f} MiB larger"
    )
    text = "\n".join([
        "# Fixed costs", "",
        f"{origin.sentence()} Medians with the lowest and the highest, in seconds.", "",
        "By stage, on the digits, AlexNet at 67 px for one epoch. Imports are Python's own account (`-X importtime`,",
        "which slows them a little); tracking is what a stage waits at its end for MLflow to have everything.", "",
        "| stage | in all | imports | tracking | work |", "| --- | ---: | ---: | ---: | ---: |", *stages, "",
        *[f"- {fact}" for fact in facts], "",
    ])  # fmt: skip
    print(text)
    if settings.output:
        settings.output.write_text(text)


if __name__ == "__main__":
    main()
