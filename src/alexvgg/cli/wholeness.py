"""The part of `alexvgg doctor` that opens the project's files: whether they can be read, and are of what is here.

Each finding names the command that repairs or renews the file.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from alexvgg.cli.doctor import Diagnosis, said
from alexvgg.pipeline import damage
from alexvgg.system.errors import AlexvggError
from alexvgg.tracking import journal

Look = Callable[[Path], None]


def project_files(pipeline: Path, locks: list[Path], profiles: Path) -> Iterator[Diagnosis]:
    """Those that people, git and DVC write."""
    looks: list[tuple[Path, Look]] = [(path, damage.settings) for path in damage.settings_files()]
    looks += [(pipeline, damage.pipeline), *((path, damage.lock) for path in locks)]
    looks += [(path, damage.parameters) for path in sorted(profiles.glob("*.yaml"))]
    yield from _opened(looks, "files of the project")


def results(in_use: str | None) -> Iterator[Diagnosis]:
    """Those that stages made. `in_use` is the profile, where it is known."""
    looks: list[tuple[Path, Look]] = [(path, _record("make repro")) for path in sorted(Path("data").rglob("*.json"))]
    for folder in sorted(path for name in ("rows", "reports") for path in Path(name).glob("*")):
        command = "make repro" if folder.name == in_use else f"make repro PROFILE={folder.name}"
        found = folder.rglob("*") if folder.parent.name == "rows" else folder.glob("*.json")
        looks += [(path, _record(command)) for path in sorted(found) if path.suffix == ".json"]
        looks += [(path, _table(command)) for path in sorted(folder.rglob("*.csv"))]
    yield from _opened(looks, "results")


def stages(pipeline: Path, programs: list[Path]) -> Iterator[Diagnosis]:
    """Whether `dvc.yaml` has a stage for each program, of which an edit or a merge may have lost some."""
    missing = sorted({path.stem for path in programs} - set(damage.stages_of(pipeline)))
    if missing:
        text = f"{pipeline} has no stage {', '.join(missing)}; was that meant? else `git checkout HEAD {pipeline}`"
        yield Diagnosis("note", "files", text)


def age(reports: Path) -> Iterator[Diagnosis]:
    """Whether the rows of each report are of the sources and the parameters that are here."""
    from alexvgg.params import file  # which imports networks: a person's may not be importable
    from alexvgg.pipeline import provenance
    from alexvgg.pipeline.profiles import parameters
    from alexvgg.verification import paper

    for folder in sorted(path.parent for path in reports.glob("*/results.json")):
        try:
            chosen = parameters(folder.name)
            params, rows = file.load(chosen), paper.report(folder)["rows"]
        except AlexvggError:
            continue  # no profile any more; or damaged, which is said elsewhere
        around = provenance.around_training(params, chosen)
        if differs := provenance.said(provenance.differing(params, rows), around):
            command = f"make repro PROFILE={params.profile}"
            yield Diagnosis("note", "reports", f"{folder} is older than what is here ({differs}); `{command}`")


def journals(folder: Path) -> Iterator[Diagnosis]:
    """Whether the records of trainings can be sent to MLflow."""
    for path in sorted(folder.glob("*.jsonl")):
        try:
            kinds = [record["kind"] for record in journal.read(path)]
        except Exception as error:  # noqa: BLE001 - the next one may be whole
            yield Diagnosis("problem", "journals", f"{said(error)}; move it away, then `alexvgg sync`")
            continue
        if kinds[:1] != ["start"]:
            text = f"{path} has no beginning, so nothing of it is in MLflow; `rm {path}`, then `alexvgg sync`"
            yield Diagnosis("note", "journals", text)
        elif damaged := kinds.count("damaged"):
            yield Diagnosis("note", "journals", f"{damaged} damaged lines of {path} are left out of MLflow")


def _opened(looks: list[tuple[Path, Look]], what: str) -> Iterator[Diagnosis]:
    damaged = 0
    for path, look in looks:
        try:
            look(path)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next file is looked at, too
            damaged += 1
            yield Diagnosis("problem", "files", said(error))
    if not damaged:
        yield Diagnosis("ok", "files", f"{len(looks)} {what} can be read")


def _record(command: str) -> Look:
    return lambda path: damage.record(path, f"`{command}` brings it back")


def _table(command: str) -> Look:
    return lambda path: damage.table(path, f"`{command}` brings it back")
