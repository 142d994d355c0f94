"""`alexvgg doctor`, `checkpoints`, `gc`: the state of the project on this machine."""

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from alexvgg.checkpoints import store
from alexvgg.cli import doctor, leftovers, machine, place, wholeness
from alexvgg.cli.doctor import Diagnosis
from alexvgg.pipeline import damage
from alexvgg.system import cache, hardware
from alexvgg.system.errors import EnvironmentProblem

if TYPE_CHECKING:
    from alexvgg.params.schema import Params
    from alexvgg.tracking.sync import Waiting

Check = tuple[str, Callable[[], Iterable[Diagnosis]]]


def examine(fix: bool) -> None:
    """Print what every check of the doctor finds. Raises EnvironmentProblem if a problem is left."""
    problems = 0
    for found in diagnoses():
        level, text = _fixed(found) if fix else (found.level, found.text)
        problems += level == "problem"
        print(f"{level:<8} {found.subject:<12} {text}", flush=True)
    if problems:
        hint = "" if fix else "; `alexvgg doctor --fix` fixes what can be fixed safely"
        raise EnvironmentProblem(f"{problems} problem{'s' if problems > 1 else ''} left, see above{hint}")


def _fixed(found: Diagnosis) -> tuple[str, str]:
    """The level and the text of a finding after its fix, if it has one."""
    if found.fix is None:
        return found.level, found.text
    try:
        found.fix()
    except Exception as error:  # noqa: BLE001 - the next one may be fixed
        return found.level, f"{found.text} (could not be fixed: {doctor.said(error)})"
    return "fixed", found.text


def diagnoses() -> Iterator[Diagnosis]:
    """What every check finds. None ends the others."""
    for subject, check in checks(Path(os.environ.get("DVC_ROOT", ".")).resolve()):
        yield from doctor.carefully(subject, check)


def checks(root: Path) -> Iterator[Check]:
    """Every check of the doctor, with its subject; some are there if the code and the parameters can be used."""
    yield "environment", lambda: doctor.environment(root / "requirements.lock")
    yield "environment", lambda: machine.python(root, Path(sys.prefix))
    yield "machine", machine.folders
    yield "machine", machine.processors
    yield "project", lambda: place.repository(root)
    yield "project", lambda: place.address(root)
    yield "project", lambda: place.links(root)
    yield "project", lambda: place.folders(root)
    yield "project", place.unknown_files
    imported: list[ModuleType] = []
    yield "code", lambda: _code(imported)
    if imported:
        yield from _checks_of_files(root)
        yield from _checks_of_state(root)


def _code(imported: list[ModuleType]) -> Iterator[Diagnosis]:
    """Whether the package can be imported, with what people added to it; a part of it is added to `imported`."""
    imported.append(importlib.import_module("alexvgg.pipeline.layout"))
    yield Diagnosis("ok", "code", "the package can be imported")


def _checks_of_files(root: Path) -> Iterator[Check]:
    """What people, git, DVC and stages write."""
    from alexvgg.pipeline import layout

    yield "disk", lambda: doctor.space(root, layout.NETWORKS)
    yield "files", lambda: wholeness.project_files(layout.PIPELINE, layout.locks(), layout.PROFILES)
    yield "files", lambda: wholeness.stages(layout.PIPELINE, layout.stages())
    known: list[Params] = []
    yield "parameters", lambda: _parameters(known)
    if known:
        [params] = known
        yield "precision", lambda: doctor.precision(params, hardware.cpu_features())
        yield "archive", lambda: doctor.archive(params, layout.ARCHIVE, os.environ)
        yield "leftovers", lambda: leftovers.older_version(layout.reports(params.profile).parent, root)
    yield "files", lambda: wholeness.results(known[0].profile if known else None)
    yield "reports", lambda: wholeness.age(Path("reports"))


def _parameters(known: "list[Params]") -> Iterator[Diagnosis]:
    """Whether `params.yaml` can be used; what it says is added to `known`."""
    from alexvgg.params import file
    from alexvgg.pipeline import layout

    damage.parameters(layout.PARAMS)
    params = file.load(layout.PARAMS)
    known.append(params)
    yield Diagnosis("ok", "parameters", f"profile {params.profile}, {len(params.models)} models")


def _checks_of_state(root: Path) -> Iterator[Check]:
    """What earlier work left, and MLflow."""
    from alexvgg.pipeline import layout

    yield "cache", lambda: place.cache(cache.folder(root))
    yield "cache", lambda: leftovers.cache(cache.folder(root), layout.LOCK)
    yield "locks", lambda: leftovers.locks(root / ".dvc/tmp", layout.process_locks())
    kept = [root / name for name in (*place.KEPT_BY_DVC, ".alexvgg")]
    yield "leftovers", lambda: leftovers.leftovers(kept)
    yield "checkpoints", lambda: leftovers.checkpoints(layout.all_checkpoints())
    yield "journals", lambda: wholeness.journals(layout.journals())
    yield "tracking", _tracking


def _tracking() -> list[Diagnosis]:
    from alexvgg.cli import tracking

    def waiting() -> "Waiting":
        tracking.target().connected()  # also where nothing waits
        return tracking.waiting()

    return [doctor.tracking(waiting, tracking.sync_runs)]


def manage_checkpoints(accept: bool, discard: bool) -> None:
    """List the checkpoints of unfinished trainings and evaluations, or accept or remove them all.

    Raises TrainingError if they should change while a process works with them.
    """
    from alexvgg.pipeline import layout

    store.remove_recorded(layout.all_checkpoints(), layout.locks())
    folders = sorted(folder for folder in layout.all_checkpoints().glob("*") if folder.is_dir())
    for folder in folders:
        megabytes = store.size(folder) / 1e6
        print(f"{folder.name}: {len(store.manifests(folder))} checkpoints, {megabytes:.0f} MB")
        if accept or discard:
            with store.Checkpoints(folder) as held:
                held.discard() if discard else held.accept()
    what = "accepted for this environment" if accept else "removed" if discard else "found"
    print(f"{len(folders)} {what}")


def collect_garbage() -> None:
    """Remove from DVC's cache what neither `dvc.lock` nor the lock of a profile needs.

    Raises DataError if one is damaged: what it needs is not known.
    """
    from alexvgg.pipeline import garbage, layout

    damage.all_settings()
    for lock in layout.locks():
        damage.lock(lock)
    garbage.collect(layout.PIPELINE, layout.locks()[1:])
