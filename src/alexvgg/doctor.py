"""`alexvgg doctor`: what stands in the way of a run, and what to do about it. Changes nothing but by `Finding.mend`.

Each check looks at one thing and returns what it found. Paths come from the caller.
"""

import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import psutil
from filelock import FileLock, Timeout
from packaging.requirements import Requirement
from ruamel.yaml import YAML

from alexvgg import checkpoint, snapshot
from alexvgg.data import download
from alexvgg.errors import AlexvggError
from alexvgg.params import Cifar100, Params

NEEDED_SPACE = 5e9  # bytes: weights, two checkpoints and DVC's copies of a profile

LEFT_ALONE = 300.0  # seconds without a byte, after which a file is no longer being written


@dataclass(frozen=True)
class Finding:
    """`problem` stands in the way, `note` is worth knowing. `mend` does what `text` advises, where that is safe."""

    level: Literal["ok", "note", "problem"]
    subject: str
    text: str
    mend: Callable[[], None] | None = None


def environment(pinned: Path) -> Iterator[Finding]:
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
        yield Finding("problem", "environment", f"{', '.join(wrong[:5])}; run `make setup`")
    else:
        yield Finding("ok", "environment", f"Python {python}, packages as pinned")
    if shutil.which("dvc") is None:
        yield Finding("note", "environment", "`dvc` is not on the PATH; `source .venv/bin/activate`")


def space(folder: Path) -> Iterator[Finding]:
    """Whether there is room on the disk."""
    free = shutil.disk_usage(folder).free
    enough = free >= NEEDED_SPACE
    advice = "" if enough else "; free some: `dvc gc --workspace` removes what no result here needs"
    yield Finding("ok" if enough else "problem", "disk", f"{free / 1e9:.0f} GB free{advice}")


def precision(params: Params, features: set[str]) -> Iterator[Finding]:
    """Whether a processor with these features (`runtime.cpu_features`) can multiply what the trainings compute in."""
    asked = sorted(name for name in params.models if params.recipe(name).precision == "mixed_bfloat16")
    if asked and not features & {"amx_bf16", "avx512_bf16"}:
        text = (
            f"this processor has no instructions for bfloat16 (AMX or AVX512_BF16), which {', '.join(asked)} would "
            "train in; unless a GPU does, `precision: float32` is faster"
        )
        yield Finding("note", "precision", text)


def archive(params: Params, path: Path, local: str | None) -> Iterator[Finding]:
    """Whether the archive is there and is the right one, or where it will come from."""
    by_hand = Path(local) if local and isinstance(params.data, Cifar100) else None
    for found, advice in ((path, "run `dvc repro download`"), (by_hand, "name another file")):
        if found is None or not found.exists():
            continue
        try:
            download.verify(found, params.data)
            yield Finding("ok", "archive", f"{found} is the one that params.yaml accepts")
        except AlexvggError as error:
            yield Finding("problem", "archive", f"{found}: {error}; {advice}")
    if by_hand is not None and not by_hand.exists():
        yield Finding("problem", "archive", f"ALEXVGG_CIFAR100_ARCHIVE names {by_hand}, which does not exist")
    if by_hand is None and not path.exists():
        yield Finding("note", "archive", f"not here yet; `dvc repro` gets it (source: {params.data.source})")


def cache(folder: Path, lock: Path) -> Iterator[Finding]:
    """Whether DVC's cache holds what its names say, and all that `dvc.lock` names."""
    objects = {path.parent.name + path.name: path for path in folder.glob("files/md5/??/*") if path.is_file()}
    damaged = [path for name, path in objects.items() if not name.endswith(".dir") and _md5(path) != name]
    for path in damaged:
        yield Finding(
            "problem", "cache", f"{path} is damaged; remove it, and `dvc repro` makes it again", _remove(path)
        )
    missing = [out for out, md5 in _cached_outputs(lock) if md5 not in objects and not Path(out).exists()]
    if missing:
        yield Finding("note", "cache", f"{len(missing)} outputs are neither here nor cached; `dvc pull` or `dvc repro`")
    if not damaged and not missing:
        yield Finding("ok", "cache", f"{len(objects)} objects, all whole")


def locks(dvc: Path, ours: Path) -> Iterator[Finding]:
    """Locks that processes left behind which are gone."""
    path = dvc / "rwlock"
    holders = _holders(path)
    if holders is None:
        yield Finding("problem", "locks", f"{path} is damaged; remove it (`make repro` does)", _remove(path))
    elif not all(map(_is_python, holders)):
        text = f"{path} names processes that are gone; DVC removes such a lock itself, unless their number is taken"
        yield Finding("note", "locks", text, _remove(path))
    free = [lock for lock in ours.glob("*.lock") if _is_free(lock)]
    held = len(list(ours.glob("*.lock"))) - len(free)
    if free:
        yield Finding(
            "note", "locks", f"{len(free)} files of locks that nobody holds, harmless", lambda: _remove_all(free)
        )
    if held:
        yield Finding("note", "locks", f"{held} computations are under way")
    if not holders and holders is not None and not free and not held:
        yield Finding("ok", "locks", "none")


def leftovers(folders: list[Path]) -> Iterator[Finding]:
    """Files that were being written when a process was killed. `folders` are searched to the bottom."""
    now = time.time()
    parts = [path for folder in folders for path in folder.rglob(".*.part*") if path.is_file()]
    found = [path for path in parts if now - path.stat().st_mtime > LEFT_ALONE]
    if found:
        size = sum(path.stat().st_size for path in found) / 1e6
        yield Finding(
            "note",
            "leftovers",
            f"{len(found)} half-written files, {size:.0f} MB, used by nothing; remove them",
            lambda: _remove_all(found),
        )
    else:
        yield Finding("ok", "leftovers", "none")


def checkpoints(folder: Path) -> Iterator[Finding]:
    """Work that was begun and not ended."""
    unfinished = sorted(path for path in folder.glob("*") if path.is_dir())
    for path in unfinished:
        whole, bad = 0, []
        for manifest in checkpoint.manifests(path):
            try:
                snapshot.read(manifest)
                whole += 1
            except (OSError, ValueError) as error:
                bad.append(f"{manifest.stem}: {error}")
        advice = "the command that began it goes on from there; to give it up: `alexvgg checkpoints --discard`"
        text = f"{path.name}: {whole} whole{f', damaged: {bad}' if bad else ''}; {advice}"
        yield Finding("note" if whole else "problem", "checkpoints", text)
    if not unfinished:
        yield Finding("ok", "checkpoints", "no unfinished work")


def tracking(unsent: Callable[[], Sized], send: Callable[[], None]) -> Finding:
    """Whether MLflow answers and has every run. `unsent` asks it for those it lacks, and `send` sends them."""
    try:
        waiting = len(unsent())
    except Exception as error:  # noqa: BLE001 - whatever a server does, it is to be told
        return Finding("problem", "tracking", " ".join(str(error).split()))
    if waiting:
        text = f"{waiting} runs are not in MLflow as they are on disk; `alexvgg sync`"
        return Finding("problem", "tracking", text, send)
    return Finding("ok", "tracking", "MLflow answers and has every run that is recorded here")


def _cached_outputs(lock: Path) -> list[tuple[str, str]]:
    if not lock.is_file():
        return []
    stages = YAML(typ="safe", pure=True).load(lock.read_text(encoding="utf-8")).get("stages", {})
    outs = [out for stage in stages.values() for out in stage.get("outs", [])]
    return [(out["path"], out["md5"]) for out in outs if "md5" in out]


def _holders(rwlock: Path) -> list[int] | None:
    """The processes that a lock file of DVC's names; None if it is no such file, as when DVC was killed writing it."""
    if not rwlock.is_file():
        return []
    try:
        entries = json.loads(rwlock.read_text(encoding="utf-8"))
        found: list[Any] = [*entries.get("write", {}).values()]
        found += [info for infos in entries.get("read", {}).values() for info in infos]
        return [int(info["pid"]) for info in found if info]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_python(process: int) -> bool:
    try:
        return "python" in psutil.Process(process).name().lower()
    except psutil.Error:
        return False


def _is_free(lock: Path) -> bool:
    attempt = FileLock(lock)
    try:
        attempt.acquire(timeout=0)
    except (Timeout, OSError):
        return False
    attempt.release()
    return True


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _remove(path: Path) -> Callable[[], None]:
    def remove() -> None:
        if not os.access(path, os.W_OK):
            path.chmod(0o644)  # DVC writes its cache without the right to write
        path.unlink(missing_ok=True)

    return remove


def _remove_all(paths: list[Path]) -> None:
    for path in paths:
        _remove(path)()
