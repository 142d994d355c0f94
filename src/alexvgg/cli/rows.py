"""`alexvgg row` and `alexvgg rows`: one row of the table, and several at once."""

import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alexvgg.jobs import alone, attempts, dvc, here, plan
from alexvgg.jobs.attempts import Place
from alexvgg.jobs.group import Group
from alexvgg.jobs.progress import Progress
from alexvgg.jobs.row import Row
from alexvgg.params import file
from alexvgg.params.schema import Params
from alexvgg.pipeline import damage, layout
from alexvgg.system import files, hardware, process, streams
from alexvgg.system.errors import AlexvggError, EnvironmentProblem, Interrupted, ParamsError


def make_row(name: str, local: bool, attached: bool) -> None:
    """Make one row. Exits with what its stage exited with.

    One that `make_rows` begins on this machine is `local` and `attached`: what all rows read is there.
    """
    streams.survive(streams.READER_GONE | streams.DISK_FULL)  # what rows make are files
    params = file.load(layout.PARAMS)
    if name not in params.rows():
        raise ParamsError(f"{name} is no row of profile {params.profile}; there are: {', '.join(params.rows())}")
    if not local:
        damage.all_settings()
    remote = not local and dvc.remote(layout.project_root()) is not None
    row = Row(name, layout.all_checkpoints(), layout.process_locks(), lambda line: print(line, flush=True))
    if attached:
        threading.Thread(target=_end_with_input, args=(row,), daemon=True).start()
    with _on_endings(row.interrupt):
        code = row.make(remote, attended=local and attached)
    if code:
        sys.exit(code)


def make_rows(
    models: list[str], jobs: int, cpus_per_row: int | None, gpus_per_row: int, ray: str | None, attached: bool
) -> None:
    """Make rows at once, here or on a Ray cluster; `dvc repro` then finds them made. Raises AlexvggError.

    One that `make` begins is `attached`: it ends with it.
    """
    streams.survive(streams.READER_GONE | streams.DISK_FULL)
    if attached:
        process.end_with_parent()
    damage.all_settings()
    params, root = file.load(layout.PARAMS), layout.project_root()
    rows = params.rows(models)
    place = _cluster(root, jobs, cpus_per_row, gpus_per_row, ray) if ray else _here(jobs, cpus_per_row, gpus_per_row)
    with alone.only_head(layout.process_locks()) as lock:
        if _run(lock, "repro", *dvc.FOR_ALL_ROWS):
            raise EnvironmentProblem("what all rows read could not be made (see above); nothing was trained")
        if not (waiting := plan.stale(rows)):
            return
        failed = _make(_longest_first(params, waiting), place(lock), jobs)
        made = [f"evaluate@{row}" for row in waiting if row not in failed]
        if failed and made and ray:
            _run(lock, "repro", "--pull", *made)  # else nobody would: without all rows there is no report
    if failed:
        raise AlexvggError(f"{len(failed)} of {len(waiting)} rows failed: {', '.join(failed)} (why is above)")


def _run(lock: int, *arguments: str) -> int:
    """A command of DVC's, whose output people see. Raises Interrupted after Ctrl-C and the like."""
    asked = threading.Event()

    def interrupt() -> None:
        asked.set()
        group.interrupt()

    with Group(dvc.command(*arguments), lock, aloud=True) as group, _on_endings(interrupt):
        code = group.wait()
    if asked.is_set():
        raise Interrupted("interrupted; the same command goes on")
    return code


def _make(costs: dict[str, float], place: Place, jobs: int) -> list[str]:
    """Returns the rows that failed."""
    asked = 0

    def count() -> None:
        nonlocal asked
        asked += 1

    for row in costs:
        _logs().joinpath(f"{row}.log").unlink(missing_ok=True)
    print(f"{len(costs)} rows to make, {jobs} at once; each writes {_logs().relative_to(Path.cwd())}/<row>.log")
    with Progress(costs, _logs()) as progress, _on_endings(count):
        failed = attempts.make(list(costs), place, progress, lambda: asked)
    place.close(all_made=not failed)
    return failed


def _longest_first(params: Params, rows: list[str]) -> dict[str, float]:
    """Rows with what they cost."""
    images = files.read_json(layout.DESCRIPTION)["images"]["train"]
    costs = plan.costs(params, rows, images, files.read_json(layout.NETWORKS))
    return dict(sorted(costs.items(), key=lambda item: -item[1]))


def _here(jobs: int, cpus_per_row: int | None, gpus_per_row: int) -> Callable[[int], Place]:
    threads, gpus = hardware.threads(), hardware.gpu_numbers()
    if cpus_per_row is not None and cpus_per_row > threads:
        raise EnvironmentProblem(f"--cpus-per-row {cpus_per_row}: {threads} may compute here; ask for fewer")
    if gpus_per_row * jobs > len(gpus):
        raise EnvironmentProblem(
            f"--gpus-per-row {gpus_per_row} for {jobs} rows at once: there are {len(gpus)} here; fewer of either"
        )
    shares = here.shares(jobs, hardware.processors(), threads, cpus_per_row, gpus, gpus_per_row)
    return lambda _: here.Here(shares, _logs())


def _cluster(
    root: Path, jobs: int, cpus_per_row: int | None, gpus_per_row: int, address: str
) -> Callable[[int], Place]:
    remote = dvc.require_remote(root)
    if importlib.util.find_spec("ray") is None:
        raise EnvironmentProblem("Ray is not installed here; `make setup CLUSTER=1`")
    from alexvgg.jobs import cluster, tree

    needs = cluster.Needs(cpus_per_row or 1, gpus_per_row)
    cluster.connect(address, needs)

    def place(lock: int) -> Place:
        if _run(lock, "push", "--run-cache", "check", *dvc.FOR_ALL_ROWS):
            raise EnvironmentProblem(f"what all rows read could not be pushed to the DVC remote {remote.name}")
        return cluster.Cluster(tree.of(root, remote), jobs, needs, _logs(), layout.journals())

    return place


def _logs() -> Path:
    folder = layout.project_root() / ".alexvgg/logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _end_with_input(row: Row) -> None:
    while os.read(sys.stdin.fileno(), 4096):  # not by `sys.stdin`, whose lock Python wants at its own end
        pass
    row.interrupt()


@contextmanager
def _on_endings(call: Callable[[], None]) -> Iterator[None]:
    """While the block runs, Ctrl-C, SIGTERM and SIGHUP are passed on, and this process goes on until all has ended."""
    asked = process.ENDINGS - process.ignored()
    before = {number: signal.signal(number, lambda *_: call()) for number in asked}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, asked)  # Ray blocks SIGINT in what it begins
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
