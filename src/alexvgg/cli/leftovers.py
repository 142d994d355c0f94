"""What earlier work left on this machine, whole or broken: the part of `alexvgg doctor` that looks at files.

Each check looks at one thing and returns what it found. Paths come from the caller.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout
from ruamel.yaml import YAML

from alexvgg.checkpoints import snapshot, store
from alexvgg.cli.doctor import Diagnosis, said
from alexvgg.jobs import rwlock
from alexvgg.pipeline import damage
from alexvgg.system import files
from alexvgg.system.errors import AlexvggError

LEFT_ALONE = 300.0  # seconds without a byte, after which a file is no longer being written


def older_version(reports: Path, root: Path) -> Iterator[Diagnosis]:
    """What version 0.1 wrote in places where nothing is written now."""
    folders = ("architectures", "by_class", "history", "train")
    found = [path for name in folders for path in reports.glob(f"*/{name}") if path.is_dir()]
    found += [path for name in ("crops.png", "montage.png", "published.json") for path in reports.glob(f"*/{name}")]
    found += [path for name in ("data/sources", "data/networks") if (path := root / name).is_dir()]
    if found:
        text = f"{len(found)} files and folders that version 0.1 wrote, used by nothing; remove them"
        yield Diagnosis("note", "leftovers", text, lambda: _remove_all(found))


def cache(folder: Path, lock: Path) -> Iterator[Diagnosis]:
    """Whether DVC's cache holds what its names say, and all that `dvc.lock` names."""
    found = (path for path in folder.glob("files/md5/??/*") if path.is_file() and path.suffix != ".tmp")  # under way
    objects = {path.parent.name + path.name: path for path in found}
    damaged, unread = [], []
    for name, path in objects.items():
        try:
            damaged += [] if files.md5(path) == name.removesuffix(".dir") else [path]
        except OSError as error:
            unread.append(path)
            yield Diagnosis(
                "problem", "cache", f"{path} cannot be read ({error.strerror}); see whose it is, and the disk"
            )
    for path in damaged:
        yield Diagnosis(
            "problem", "cache", f"{path} is damaged; remove it, and `dvc repro` makes it again", _remove(path)
        )
    missing = [out for out, md5 in _cached_outputs(lock) if md5 not in objects and not Path(out).exists()]
    if missing:
        yield Diagnosis(
            "note", "cache", f"{len(missing)} outputs are neither here nor cached; `dvc pull` or `dvc repro`"
        )
    if not damaged and not unread and not missing:
        yield Diagnosis("ok", "cache", f"{len(objects)} objects, all whole")


def locks(dvc: Path, ours: Path) -> Iterator[Diagnosis]:
    """Locks that ended processes left behind."""
    path = dvc / rwlock.NAME
    holders = rwlock.holders(path)
    if holders is None:
        yield Diagnosis("problem", "locks", f"{path} is damaged; remove it (`make repro` does)", _remove(path))
    elif holders and not rwlock.alive(path):
        text = f"{path} names processes that are gone; `make repro` removes it"
        yield Diagnosis("note", "locks", text, lambda: rwlock.release(path))
    free = [lock for lock in ours.glob("*.lock") if _is_free(lock)]
    held = len(list(ours.glob("*.lock"))) - len(free)
    if free:
        yield Diagnosis(
            "note", "locks", f"{len(free)} files of locks that nobody holds, harmless", lambda: _remove_all(free)
        )
    if held:
        yield Diagnosis("note", "locks", f"{held} computations are under way")
    if not holders and holders is not None and not free and not held:
        yield Diagnosis("ok", "locks", "none")


def leftovers(folders: list[Path]) -> Iterator[Diagnosis]:
    """Files that were being written when a process was killed. `folders` are searched to the bottom."""
    now = time.time()
    parts = [path for folder in folders for path in folder.rglob(".*.part*") if path.is_file()]
    found = [path for path in parts if now - path.stat().st_mtime > LEFT_ALONE]
    if found:
        size = sum(path.stat().st_size for path in found) / 1e6
        yield Diagnosis(
            "note",
            "leftovers",
            f"{len(found)} half-written files, {size:.0f} MB, used by nothing; remove them",
            lambda: _remove_all(found),
        )
    else:
        yield Diagnosis("ok", "leftovers", "none")


def checkpoints(folder: Path) -> Iterator[Diagnosis]:
    """Unfinished work."""
    unfinished = sorted(path for path in folder.glob("*") if path.is_dir())
    for path in unfinished:
        whole, bad = 0, []
        for manifest in store.manifests(path):
            try:
                snapshot.read(manifest)
                whole += 1
            except Exception as error:  # noqa: BLE001 - whatever a damaged one does to its reader
                bad.append(f"{manifest.stem}: {said(error)}")
        advice = "the command that began it goes on from there; to give it up: `alexvgg checkpoints --discard`"
        text = f"{path.name}: {whole} whole{f', damaged: {bad}' if bad else ''}; {advice}"
        yield Diagnosis("note" if whole else "problem", "checkpoints", text)
    if not unfinished:
        yield Diagnosis("ok", "checkpoints", "no unfinished work")


def _cached_outputs(lock: Path) -> list[tuple[str, str]]:
    """The outputs that a lock names, of which one that is damaged names none.

    Read here: `pipeline.locks` imports the networks, among which may be one that cannot be imported.
    """
    try:
        damage.lock(lock)
    except AlexvggError:
        return []
    if not lock.is_file():
        return []
    stages = YAML(typ="safe", pure=True).load(lock.read_text(encoding="utf-8")).get("stages", {})
    outs = [out for stage in stages.values() for out in stage.get("outs", [])]
    return [(out["path"], out["md5"]) for out in outs if "md5" in out]


def _is_free(lock: Path) -> bool:
    attempt = FileLock(lock)
    try:
        attempt.acquire(timeout=0)
    except (Timeout, OSError):
        return False
    attempt.release()
    return True


def _remove(path: Path) -> Callable[[], None]:
    def remove() -> None:
        if path.is_dir():
            shutil.rmtree(path)
            return
        if not os.access(path, os.W_OK):
            path.chmod(0o644)  # DVC writes its cache without the right to write
        path.unlink(missing_ok=True)

    return remove


def _remove_all(paths: list[Path]) -> None:
    for path in paths:
        _remove(path)()
