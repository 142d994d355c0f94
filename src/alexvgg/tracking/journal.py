"""The record of one training on disk: written first, sent to MLflow afterwards.

A journal is a text file that only grows. A line is a checksum (crc32, eight hexadecimal digits), a space and
a JSON object with its `kind` and `time` (milliseconds since 1970). Kinds: `start` (what is trained, once,
first), `environment`, `step`, `epoch`, `system`, `end` (status and outputs), `resume` (after an end that was none),
`evaluation`. In one that was made from DVC's files (`rebuilt`), what they do not hold is not there; times are 1.
"""

import json
import os
import socket
import time
import uuid
import zlib
from pathlib import Path
from typing import Any

import psutil

ENDING = ".jsonl"
A_DATE = 1e9  # seconds: less is since the machine started, more since 1970, as version 0.1 noted it
SILENT = 120.0  # seconds without a record; what a machine does is recorded every ten
ABOUT_PROCESS = {"process", "begun", "host"}  # fields of `start` and `resume`


class Journal:
    """A journal that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, folder: Path, ending: str = ENDING, **identity: Any) -> "Journal":
        """Begin a journal in `folder`, under a new name, with a `start` record that holds `identity`."""
        folder.mkdir(parents=True, exist_ok=True)
        uid = uuid.uuid4().hex
        journal = cls(folder / f"{uid}{ending}")
        journal.append("start", uid=uid, **_this_process(), **identity)
        return journal

    def resume(self) -> None:
        """Go on after the process that wrote it ended."""
        self.append("resume", **_this_process())

    def append(self, kind: str, **fields: Any) -> None:
        """Add a record; it is on the disk when this returns. Half a line that a killed process left is closed."""
        text = json.dumps({"kind": kind, "time": int(time.time() * 1000), **fields}, ensure_ascii=False)
        content = text.encode(errors="surrogatepass")  # which the path of a file may hold
        line = b"%08x %s\n" % (zlib.crc32(content), content)
        with self.path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    line = b"\n" + line
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def read(path: Path) -> list[dict[str, Any]]:
    """The records of a journal, one for each line that is complete; a damaged one has the kind `damaged`."""
    return [_record(line) for line in path.read_bytes().split(b"\n")[:-1]]


def _record(line: bytes) -> dict[str, Any]:
    checksum, _, text = line.partition(b" ")
    if not text or checksum != b"%08x" % zlib.crc32(text):  # that of nothing is 00000000
        return {"kind": "damaged"}
    record: dict[str, Any] = json.loads(text)
    return record


def status(records: list[dict[str, Any]]) -> str:
    """How the training of a journal stands, in MLflow's words."""
    status = "RUNNING"
    for record in records:
        if record["kind"] == "resume":
            status = "RUNNING"
        elif record["kind"] == "end":
            status = record["status"]
    return status


def is_written(path: Path) -> bool:
    """Whether the process that writes a journal is at work.

    One on another machine, whose journal lies in a shared folder, is if the journal grew not long ago.
    """
    last = [record for record in read(path) if record["kind"] in ("start", "resume")][-1]
    if last.get("host", socket.gethostname()) != socket.gethostname():
        return time.time() - path.stat().st_mtime < SILENT
    try:
        process = psutil.Process(last["process"])
        noted = last.get("begun", _begun(process))
        begun = process.create_time() if noted > A_DATE else _begun(process)
    except psutil.Error:
        return False
    return abs(begun - noted) < 1.0  # else its number is another process's by now


def _this_process() -> dict[str, Any]:
    return {"process": os.getpid(), "begun": _begun(psutil.Process()), "host": socket.gethostname()}


def _begun(process: psutil.Process) -> float:
    """When a process began, in seconds since the machine started: a clock that is set changes the date of both.

    A look during which it is set is thrown away.
    """
    while True:
        started = psutil.boot_time()
        begun = psutil.Process(process.pid).create_time() - started
        if psutil.boot_time() == started:
            return begun


def of_kind(path: Path, kind: str) -> list[dict[str, Any]]:
    """The records of one kind."""
    return [record for record in read(path) if record["kind"] == kind]


def weights(records: list[dict[str, Any]]) -> str | None:
    """The sha256 of the weights that a training ended with; None if it is not finished."""
    ends = [record for record in records if record["kind"] == "end" and record["status"] == "FINISHED"]
    return str(ends[-1]["weights_sha256"]) if ends else None


def with_key(folder: Path, profile: str, key: str) -> list[Path]:
    """The journals in `folder` of trainings with this key, for a profile, oldest first."""
    return [path for path, start in starts(folder) if (start["profile"], start["key"]) == (profile, key)]


def starts(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Every journal in `folder` with its `start` record, oldest first."""
    heads = [(path, records[0]) for path in folder.glob(f"*{ENDING}") if (records := read(path))]
    found = [(path, start) for path, start in heads if start["kind"] == "start"]
    return sorted(found, key=lambda pair: (pair[1]["time"], pair[1]["uid"]))
