"""Rows at once, killed at random moments: a training, a row, or the head, on one machine and on a Ray cluster."""

import random
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil

from project import Project
from tally import Tally, say
from test_rows_at_once import (
    begin,
    nothing_is_left_of,
    one_after_the_other,
    ours,
    require_the_same,
    two_nodes,
    unmade,
    until,
)

STRETCH = 25.0  # seconds, the longest between two kills
A_TABLE = 3  # kills: as often as a row is tried
LOST = "work since the last checkpoint; not measured"
ALONE = ("--jobs", "2", "--cpus-per-row", "1")
VICTIMS: dict[str, Callable[[], list[psutil.Process]]] = {
    "a training": lambda: ours("stages/train.py one"),
    "a row": lambda: ours("alexvgg row one"),
    "the head": lambda: ours("alexvgg rows --jobs"),
    "a Ray worker": lambda: ours("ray::_make_row"),
}


def kills(folder: Path, alone: int, on_ray: int, rng: random.Random) -> list[Tally]:
    """So many with two rows at once on this machine, and on a cluster of two nodes."""
    made = one_after_the_other(folder / "made")
    tallies = _killed(made, folder / "alone", alone, "with JOBS=2", ALONE, ["a training", "a row", "the head"], rng)
    if on_ray:
        made.dvc("remote", "add", "--default", "store", str(folder / "store"))
        made.commit("a remote")
        with two_nodes() as (address, _):
            arguments = ("--jobs", "2", "--ray", address)
            victims = ["a training", "a Ray worker", "the head"]
            tallies += _killed(made, folder / "ray", on_ray, "on Ray", arguments, victims, rng, "--pull")
    return tallies


def _killed(
    made: Project, folder: Path, count: int, where: str, arguments: tuple[str, ...], victims: list[str],
    rng: random.Random, *pulled: str,
) -> list[Tally]:  # fmt: skip
    tallies = {victim: Tally(f"SIGKILL of {victim} {where}", remark=LOST) for victim in victims}
    tried = 0
    while tried < count:
        project = unmade(made, folder / str(tried))
        # What an earlier table handed on would be pulled, and nothing trained.
        if pulled:
            project.dvc("remote", "modify", "--local", "store", "url", str(folder / f"store {tried}"))
        met = _one_table(project, arguments, [rng.choice(victims) for _ in range(min(A_TABLE, count - tried))], rng)
        tried += max(len(met), 1)
        survived = _is_the_same(project, made, pulled)
        for victim in met:
            tallies[victim].tried += 1
            tallies[victim].survived += survived
        say(f"{tried} of {count} kills {where}; this table met {met}; same bytes: {survived}")
    return [tally for tally in tallies.values() if tally.tried]


def _one_table(project: Project, arguments: tuple[str, ...], victims: list[str], rng: random.Random) -> list[str]:
    """Make a table whose processes are killed meanwhile; which were."""
    met: list[str] = []
    with ExitStack() as heads:
        head = heads.enter_context(begin(project, *arguments, output=subprocess.DEVNULL))
        for victim in victims:
            if (found := _in_a_while(head, rng.uniform(0, STRETCH), VICTIMS[victim])) is None:
                break
            with suppress(psutil.NoSuchProcess):  # it may have ended just now
                rng.choice(found).kill()
                met.append(victim)
            if victim == "the head":
                head.wait()
                until(lambda: nothing_is_left_of(project))
                head = heads.enter_context(begin(project, *arguments, output=subprocess.DEVNULL))
        head.wait()
    project.alexvgg("rows", *arguments)  # a row that was killed too often is tried again
    return met


def _in_a_while(
    head: subprocess.Popen, seconds: float, victims: Callable[[], list[psutil.Process]]
) -> list[psutil.Process] | None:
    """Those that there are from a moment on; None if all was done before."""
    moment = time.monotonic() + seconds
    while head.poll() is None:
        if time.monotonic() > moment and (found := victims()):
            return found
        time.sleep(0.05)
    return None


def _is_the_same(project: Project, made: Project, pulled: tuple[str, ...]) -> bool:
    try:
        require_the_same(project, made, *pulled)
    except AssertionError as error:
        say(str(error))
        return False
    return nothing_is_left_of(project)
