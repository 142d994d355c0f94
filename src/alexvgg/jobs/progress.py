"""What people see while rows are made: a line a row, and when all will be done."""

import re
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

LINE_EVERY = 60.0  # seconds between plain lines about all rows
DONE = "done"
WHERE = re.compile(r"^\S+: (on \S.*)$")  # what whoever begins a row writes first
# What a training prints: `<row>: epoch 2/15 step 300/5265 loss …` or, after an epoch, `<row>: epoch 2/15 loss …`.
EPOCH = re.compile(r": epoch (\d+)/(\d+) (?:step (\d+)/(\d+) )?")


class Progress:
    """Of the rows with these `costs`, of which each writes its own log in `logs`."""

    def __init__(self, costs: dict[str, float], logs: Path) -> None:
        self._costs, self._logs = costs, logs
        self._done = dict.fromkeys(costs, 0.0)  # the part of each row's training, 0 to 1
        self._said = dict.fromkeys(costs, "waits")
        self._where = dict.fromkeys(costs, "")
        self._read = dict.fromkeys(costs, 0)  # bytes of each log
        self._at_first: dict[str, float] = {}  # what of a row was done when it was first seen at work
        self._began = self._last_line = time.monotonic()
        console = Console(stderr=True)
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> "Progress":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def began(self, row: str, attempt: int) -> None:
        self._said[row] = "begins" if attempt == 1 else f"begins, attempt {attempt}"
        self._print(f"{row}: {self._said[row]} ({self._logs / row}.log)")

    def ended(self, row: str, said: str) -> None:
        self._take_in(row)
        self._said[row] = said
        if said == DONE:
            self._done[row] = 1.0
        last = "" if said == DONE else f" ({self._last_words(row)})"
        self._print(f"{row}: {said}{last}")

    def look(self) -> None:
        """Read what the rows printed, and show it."""
        for row in self._costs:
            self._take_in(row)
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
        elif time.monotonic() - self._last_line > LINE_EVERY:
            self._last_line = time.monotonic()
            self._print(self._total())

    def _take_in(self, row: str) -> None:
        path = self._logs / f"{row}.log"
        if not path.exists():
            return
        with path.open("rb") as log:
            log.seek(self._read[row])
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read[row] += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            if found := WHERE.search(line):
                self._where[row] = found[1]
            elif line.startswith(f"{row}: "):
                self._said[row] = line.removeprefix(f"{row}: ")
                self._note(row, line)
            elif line.startswith("Running stage 'evaluate@"):
                self._said[row] = "evaluates"

    def _note(self, row: str, line: str) -> None:
        if not (found := EPOCH.search(line)):
            return
        epoch, epochs, step, steps = (int(number or 0) for number in found.groups())
        self._done[row] = step / steps if steps else epoch / epochs
        self._at_first.setdefault(row, self._done[row])
        if not steps and self._live is None:
            self._print(line)

    def _last_words(self, row: str) -> str:
        """The line of a log that says what went wrong."""
        lines = [line for line in self._log(row).splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("error: ")]
        return (errors or lines or ["no output"])[-1]

    def _log(self, row: str) -> str:
        path = self._logs / f"{row}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _total(self) -> str:
        cost = sum(self._costs.values()) or 1.0
        done = sum(self._costs[row] * self._done[row] for row in self._costs)
        here = done - sum(self._costs[row] * self._at_first.get(row, 0.0) for row in self._costs)
        rows = list(self._said.values()).count(DONE)
        left = (time.monotonic() - self._began) * (cost - done) / here if here > 0 else None
        return (
            f"{rows} of {len(self._costs)} rows done, {done / cost:.0%} of the work"
            + (f", about {_duration(left)} left" if left else "")
        )  # fmt: skip

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for row, said in self._said.items():
            table.add_row(row, said, self._where[row])
        table.add_row("", self._total(), "")
        return table

    def _print(self, line: str) -> None:
        if self._live is not None:
            self._live.console.print(line, highlight=False, markup=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{max(1, minutes)} min"
