"""`alexvgg check`, `profile`, `targets`, `finish`: before DVC runs, and after."""

from alexvgg.checkpoints import store
from alexvgg.cli import doctor, leftovers, place
from alexvgg.jobs import alone
from alexvgg.params import file
from alexvgg.pipeline import damage, layout, profiles
from alexvgg.system import hardware
from alexvgg.system.errors import EnvironmentProblem


def check() -> None:
    """Raise an error if DVC could not start, or params.yaml cannot be used. A damaged lock of DVC's is removed."""
    root = layout.project_root()
    damage.all_settings()
    damage.pipeline(layout.PIPELINE)
    damage.lock(layout.LOCK)
    damage.parameters(layout.PARAMS)
    for finding in (*place.repository(root), *place.address(root), *place.links(root)):
        if finding.level == "problem":
            raise EnvironmentProblem(finding.text)
    for finding in doctor.precision(file.load(layout.PARAMS), hardware.cpu_features()):
        print(f"{finding.level}: {finding.text}")
    for finding in leftovers.locks(root / ".dvc/tmp", layout.process_locks()):
        if finding.level == "problem" and finding.fix is not None:
            finding.fix()
            print(f"removed: {finding.text.partition(';')[0]}")


def use_profile(name: str) -> None:
    """Make a profile the one in use. Raises ParamsError, and EnvironmentProblem while another one is at work."""
    if profiles.in_use() == name:
        return
    with alone.nobody(layout.process_locks(), layout.project_root() / ".dvc/tmp"):
        profiles.use(name)


def finish() -> None:
    """Keep the lock of the profile in use, remove the checkpoints of what DVC has recorded, tell MLflow the rest."""
    from alexvgg.cli import tracking

    profiles.keep_lock()
    store.remove_recorded(layout.all_checkpoints(), layout.locks())
    tracking.after_repro()


def name_targets(models: list[str], report: bool) -> None:
    """Print the last stage of each row of these models, or the files that a report of them reads.

    Raises ParamsError for a model that is not in the roster.
    """
    params = file.load(layout.PARAMS)
    if report:
        rows = [layout.row(params.profile, name) for name in params.rows(models)]
        print(*(path.as_posix() for path in layout.read_by_report(rows)))
    elif models:
        print(*(f"evaluate@{name}" for name in params.rows(models)))
