"""Rows at once on a Ray cluster that is there already. Only this module imports Ray."""

import logging
import os
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ray
from ray import cloudpickle
from ray.exceptions import RayError, RayTaskError, TaskCancelledError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from alexvgg.jobs import dvc, worker
from alexvgg.jobs.attempts import Ended
from alexvgg.jobs.tree import Tree
from alexvgg.jobs.worker import ENDED, JOURNAL, SAYING, clean, make_row
from alexvgg.system import files, hardware, process
from alexvgg.system.errors import EnvironmentProblem, Interrupted
from alexvgg.tracking import connection, sender

# Where servers are and how to get in; the rest belongs to this machine.
SENT_ALONG = tuple(set(process.FAMILIES) - {"ALEXVGG_", "DVC_", "XDG_", "RAY_"})
NODE = "node"  # (NODE, its id): the first thing that a machine tells
PATIENCE = 60.0  # seconds for a last word of each machine


@dataclass(frozen=True)
class Needs:
    """What each row is granted."""

    cpus: int
    gpus: int


def connect(address: str, needs: Needs) -> None:
    """Join the cluster. Raises EnvironmentProblem if it does not answer, or no machine of it has what a row needs."""
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # noqa: BLE001 - Ray and gRPC raise their own
        raise EnvironmentProblem(
            f"the Ray cluster {address} cannot be joined ({' '.join(str(error).split())[:200]}); "
            "see `ray status`, and that Ray and Python are the same versions there"
        ) from None
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(one.get("CPU", 0) >= needs.cpus and one.get("GPU", 0) >= needs.gpus for one in machines):
        largest = max((int(one.get("CPU", 0)) for one in machines), default=0)
        raise EnvironmentProblem(
            f"no machine of the cluster has {needs.cpus} processors and {needs.gpus} GPUs for a row; the largest of "
            f"{len(machines)} has {largest} processors: lower CPUS_PER_ROW or GPUS_PER_ROW"
        )


@ray.remote(num_cpus=0)
class _Switch:
    """Tells the machines how often somebody asked for an end."""

    def __init__(self) -> None:
        self._asked = 0

    def turn_off(self) -> None:
        self._asked += 1

    def asked(self) -> int:
        return self._asked


def _make_row(tree: Any, row: str, variables: dict[str, str], switch: Any) -> Any:
    def asked_to_end() -> int:
        try:
            return int(ray.get(switch.asked.remote()))
        except RayError:  # its machine is gone; that is no reason to end
            return 0

    yield NODE, ray.get_runtime_context().get_node_id()
    yield from make_row(tree, row, variables, asked_to_end)


class Cluster:
    """A place for `jobs` rows at once; what each prints goes to `logs`, the record of each training to `journals`."""

    def __init__(self, tree: Tree, jobs: int, needs: Needs, logs: Path, journals: Path) -> None:
        # The machines get these functions as they are here, whatever version of the project they have.
        for module in (worker, sys.modules[__name__]):
            cloudpickle.register_pickle_by_value(module)
        self._jobs, self._needs, self._logs, self._journals = jobs, needs, logs, journals
        self._tree = ray.put(SimpleNamespace(**vars(tree)))
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
        self._switch = _Switch.options(scheduling_strategy=here, max_restarts=-1).remote()  # type: ignore[attr-defined]
        self._task = ray.remote(_make_row)
        self._under_way: dict[str, Any] = {}
        self._begun: set[str] = set()  # of those under way, what a machine has taken up
        self._nodes: dict[str, str] = {}  # where each row is, or was last
        self._avoided: dict[str, set[str]] = defaultdict(set)
        self._written: dict[str, Path] = {}  # the newest journal of each row
        sent = {name: value for name, value in os.environ.items() if name.startswith(SENT_ALONG)}
        if not connection.is_server(sent.get(worker.SERVER, "")):
            sent.pop(worker.SERVER, None)
        self._variables = sent | {hardware.THREADS: str(needs.cpus)}

    def has_room(self) -> bool:
        return len(self._under_way) < self._jobs

    def begin(self, row: str) -> None:
        task = self._task.options(
            num_cpus=self._needs.cpus, num_gpus=self._needs.gpus, max_retries=0, num_returns="streaming",
            scheduling_strategy=self._where(row),
        )  # fmt: skip
        self._begun.discard(row)
        self._under_way[row] = task.remote(self._tree, row, self._variables, self._switch)

    def ended(self) -> list[Ended]:
        found = []
        for row, stream in list(self._under_way.items()):
            while row in self._under_way and ray.wait([stream], timeout=0)[0]:
                end = self._next(row, stream)
                if end is not None:
                    del self._under_way[row]
                    found.append(end)
        return found

    def interrupt(self) -> None:
        self._switch.turn_off.remote()
        for row, stream in self._under_way.items():
            if row not in self._begun:
                ray.cancel(stream)

    def close(self, all_made: bool) -> None:
        """Leave the cluster; where all rows are made, with nothing left on its machines."""
        nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]] if all_made else []
        cleaning = [
            ray.remote(clean)
            .options(num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False))
            .remote(self._tree)
            for node in nodes
        ]
        if cleaning:
            ray.wait(cleaning, num_returns=len(cleaning), timeout=PATIENCE)
        ray.shutdown()

    def _where(self, row: str) -> Any:
        """Somewhere else than on a machine that lacked something for this row, such as space, if there is one."""
        nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
        others = [node for node in nodes if node not in self._avoided[row]]
        if not self._avoided[row] or not others:
            return "SPREAD"
        return NodeAffinitySchedulingStrategy(others[0], soft=True)

    def _next(self, row: str, stream: Any) -> Ended | None:
        """Take in the next thing that a machine tells; what it was, if that is the end of the row."""
        try:
            kind, *told = ray.get(next(stream))
        except RayTaskError as error:
            self._avoided[row].add(self._nodes.get(row, ""))
            return self._lost(row, EnvironmentProblem.exit_code, str(error.cause))
        except TaskCancelledError:
            return Ended(row, Interrupted.exit_code)
        except (RayError, StopIteration) as error:
            return self._lost(row, None, f"lost with its machine ({type(error).__name__})")
        if kind == ENDED:
            (code,) = told
            if code == EnvironmentProblem.exit_code:
                self._avoided[row].add(self._nodes[row])
            return Ended(row, dvc.as_in_a_shell(code))
        if kind == NODE:
            self._begun.add(row)
            self._nodes[row] = told[0]
        if kind == SAYING:
            with (self._logs / f"{row}.log").open("a", encoding="utf-8") as log:
                log.write(told[0])
        if kind == JOURNAL:
            name, content = told
            self._journals.mkdir(parents=True, exist_ok=True)
            files.write_bytes(self._journals / name, content)
            self._written[row] = self._journals / name
        return None

    def _lost(self, row: str, code: int | None, why: str) -> Ended:
        """That a row was lost; in MLflow its run is not left as one that is at work."""
        if row in self._written:
            sender.close_if_killed(self._written[row])
        return Ended(row, code, why)
