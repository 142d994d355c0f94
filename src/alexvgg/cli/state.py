"""`alexvgg doctor`, `checkpoints`, `gc`: the state of the project on this machine."""

import os
from collections.abc import Iterator

from alexvgg.checkpoints import store
from alexvgg.cli import doctor, leftovers
from alexvgg.cli.doctor import Diagnosis
from alexvgg.params import file
from alexvgg.pipeline import layout
from alexvgg.system import hardware
from alexvgg.system.errors import EnvironmentProblem, ParamsError


def examine(fix: bool) -> None:
    """Print what every check of the doctor finds. Raises EnvironmentProblem if a problem is left."""
    problems = 0
    for found in _diagnoses():
        fixed = fix and found.fix is not None
        if fixed and found.fix is not None:
            found.fix()
        problems += found.level == "problem" and not fixed
        print(f"{'fixed' if fixed else found.level:<8} {found.subject:<12} {found.text}", flush=True)
    if problems:
        hint = "" if fix else "; `alexvgg doctor --fix` fixes what can be fixed safely"
        raise EnvironmentProblem(f"{problems} problem{'s' if problems > 1 else ''} left, see above{hint}")


def _diagnoses() -> Iterator[Diagnosis]:
    from alexvgg.cli import tracking
    from alexvgg.tracking import sync

    root = layout.project_root()
    yield from doctor.environment(root / "requirements.lock")
    yield from doctor.space(root, layout.NETWORKS)
    try:
        params = file.load(layout.PARAMS)
    except ParamsError as error:
        yield Diagnosis("problem", "parameters", str(error))
    else:
        yield Diagnosis("ok", "parameters", f"profile {params.profile}, {len(params.models)} models")
        yield from doctor.precision(params, hardware.cpu_features())
        yield from doctor.archive(params, layout.ARCHIVE, os.environ)
        yield from leftovers.older_version(layout.reports(params.profile).parent, root)
    yield from leftovers.cache(root / ".dvc/cache", layout.LOCK)
    yield from leftovers.locks(root / ".dvc/tmp", layout.process_locks())
    yield from leftovers.leftovers([root / name for name in ("data", "weights", "rows", "reports", ".alexvgg")])
    yield from leftovers.checkpoints(layout.all_checkpoints())
    target = tracking.target()
    yield doctor.tracking(lambda: sync.unsent(target, layout.journals()), tracking.sync_runs)


def manage_checkpoints(accept: bool, discard: bool) -> None:
    """List the checkpoints of unfinished trainings and evaluations, or accept or remove them all.

    Raises TrainingError if they should change while a process works with them.
    """
    store.remove_recorded(layout.all_checkpoints(), layout.locks())
    folders = sorted(folder for folder in layout.all_checkpoints().glob("*") if folder.is_dir())
    for folder in folders:
        megabytes = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        print(f"{folder.name}: {len(store.manifests(folder))} checkpoints, {megabytes:.0f} MB")
        if accept or discard:
            with store.Checkpoints(folder) as held:
                held.discard() if discard else held.accept()
    what = "accepted for this environment" if accept else "removed" if discard else "found"
    print(f"{len(folders)} {what}")


def collect_garbage() -> None:
    """Remove from DVC's cache what neither `dvc.lock` nor the lock of a profile needs."""
    from alexvgg.pipeline import garbage

    garbage.collect(layout.PIPELINE, layout.locks()[1:])
