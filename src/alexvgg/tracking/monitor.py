"""CPU and memory of the machine and of this process while it works, into the journal."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from alexvgg.tracking.journal import Journal, read

EVERY = 10.0  # seconds


@contextmanager
def watching(journal: Journal) -> Iterator[None]:
    """Write a `system` record every ten seconds while the block runs. Names are those MLflow uses."""
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(journal, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch(journal: Journal, over: threading.Event) -> None:
    psutil.cpu_percent()  # the first call only sets the starting point
    process = psutil.Process()
    step = sum(record["kind"] == "system" for record in read(journal.path))  # after an interruption it goes on
    wait = 1.0
    while not over.wait(wait):
        wait = EVERY
        memory = psutil.virtual_memory()
        values = {
            "cpu_utilization_percentage": psutil.cpu_percent(),
            "system_memory_usage_megabytes": memory.used / 1e6,
            "system_memory_usage_percentage": memory.percent,
            "process_memory_megabytes": process.memory_info().rss / 1e6,
        }
        with suppress(OSError):  # a full disk is told by what needs it
            journal.append("system", step=step, values=values)
        step += 1
