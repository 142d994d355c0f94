"""`alexvgg doctor`: what would make a run fail, and what to do about it. Only `Diagnosis.fix` changes anything.

Each check looks at one thing and returns what it found. Paths come from the caller.
"""

import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packaging.requirements import Requirement

from alexvgg.system import faults, files
from alexvgg.system.errors import AlexvggError

if TYPE_CHECKING:
    from alexvgg.params.schema import Params
    from alexvgg.tracking.sync import Waiting

BYTES_KEPT = 8  # of a weight: four in DVC's cache, to which the workspace links, and four in MLflow
BYTES_OF_CHECKPOINTS = 36  # of a weight: it and two moments of the optimizer, in the last two and the one being written
OTHER_BYTES = 2e9  # data, reports, the database; all of a small profile


@dataclass(frozen=True)
class Diagnosis:
    """A `problem` makes runs fail, a `note` is worth knowing. `fix` does what `text` advises, where that is safe."""

    level: Literal["ok", "note", "problem"]
    subject: str
    text: str
    fix: Callable[[], None] | None = None


def carefully(subject: str, check: Callable[[], Iterable[Diagnosis]]) -> Iterator[Diagnosis]:
    """What a check finds. Whatever it dies of is a finding, too."""
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001 - the doctor outlives what it looks at
        yield Diagnosis("problem", subject, said(error))


def said(error: Exception) -> str:
    """An exception in one line, with the file that it is about."""
    if isinstance(error, AlexvggError):
        text = str(error)
    elif isinstance(error, OSError) and error.filename and error.strerror:
        text = f"{error.filename}: {error.strerror}"
    else:
        where = faults.line_of(error)
        text = f"{where}: {faults.said(error)}" if where else faults.said(error)
    return " ".join(text.split())


def environment(pinned: Path) -> Iterator[Diagnosis]:
    """Whether what is installed is what is pinned."""
    python = ".".join(map(str, sys.version_info[:3]))
    wrong = []
    for line in re.findall(r"^([A-Za-z0-9].*?) *\\?$", pinned.read_text(encoding="utf-8"), re.MULTILINE):
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            version = "none"
        if version not in requirement.specifier:
            wrong.append(f"{requirement.name} {version} instead of {requirement.specifier}")
    if wrong:
        yield Diagnosis("problem", "environment", f"{', '.join(wrong[:5])}; run `make setup`")
    else:
        yield Diagnosis("ok", "environment", f"Python {python}, packages as pinned")
    if shutil.which("dvc") is None:
        yield Diagnosis("note", "environment", "`dvc` is not on the PATH; `source .venv/bin/activate`")


def space(folder: Path, networks: Path) -> Iterator[Diagnosis]:
    """Whether there is room on the disk for the rows of the roster, whose sizes are in the file `networks`."""
    free, needed = shutil.disk_usage(folder).free, OTHER_BYTES
    try:
        parameters = list(files.read_json(networks)["roster"].values())
        needed += BYTES_KEPT * sum(parameters) + BYTES_OF_CHECKPOINTS * max(parameters)
    except (AlexvggError, OSError, AttributeError, KeyError, TypeError, ValueError):
        pass  # not made yet
    text = f"{free / 1e9:.0f} GB free; this profile takes up to {needed / 1e9:.0f} GB with one seed"
    if free >= needed:
        yield Diagnosis("ok", "disk", text)
    else:
        yield Diagnosis("problem", "disk", f"{text}; free some: `alexvgg gc` removes what no profile's results need")


def precision(params: "Params", features: set[str]) -> Iterator[Diagnosis]:
    """Whether a processor with these features (`hardware.cpu_features`) can multiply what the trainings compute in."""
    asked = sorted(name for name in params.models if params.recipe(name).precision == "mixed_bfloat16")
    if asked and not features & {"amx_bf16", "avx512_bf16"}:
        text = (
            f"this processor has no instructions for bfloat16 (AMX or AVX512_BF16), which {', '.join(asked)} would "
            "train in; unless a GPU does, `precision: float32` is faster"
        )
        yield Diagnosis("note", "precision", text)


def archive(params: "Params", path: Path, variables: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Whether the archive is there and is the right one, or where it will come from."""
    from alexvgg.data import download
    from alexvgg.data.registry import SOURCES

    source = SOURCES[params.data.source]
    local = variables.get(source.by_hand) if source.by_hand else None
    by_hand = Path(local) if local else None
    for found, advice in ((path, "run `dvc repro download`"), (by_hand, "name another file")):
        if found is None or not found.exists():
            continue
        try:
            download.verify(found, params.data, source.title_of(params.data))
            yield Diagnosis("ok", "archive", f"{found} is the one that params.yaml accepts")
        except AlexvggError as error:
            yield Diagnosis("problem", "archive", f"{found}: {error}; {advice}")
    if by_hand is not None and not by_hand.exists():
        yield Diagnosis("problem", "archive", f"{source.by_hand} names {by_hand}, which does not exist")
    if by_hand is None and not path.exists():
        yield Diagnosis("note", "archive", f"not here yet; `dvc repro` gets it (source: {params.data.source})")


def tracking(waiting: "Callable[[], Waiting]", send: Callable[[], None]) -> Diagnosis:
    """Whether MLflow answers and has every run. `waiting` asks it for those it lacks, and `send` sends them."""
    from alexvgg.system import web
    from alexvgg.tracking import sync

    try:
        found = waiting()
    except Exception as error:  # noqa: BLE001 - whatever a server does, say it
        return Diagnosis("problem", "tracking", web.public(said(error)))
    deleted = sync.said_of_deleted(found.deleted)
    if found.runs:
        text = f"{found.runs} runs are not completely in MLflow; `alexvgg sync`{deleted}"
        return Diagnosis("problem", "tracking", text, send)
    return Diagnosis("ok", "tracking", f"MLflow answers and has every run that is recorded here{deleted}")
