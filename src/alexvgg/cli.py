"""The `alexvgg` command. Each subcommand imports what it needs when it is called."""

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from alexvgg import __version__, console, layout
from alexvgg.errors import AlexvggError, EnvironmentProblem, ParamsError

if TYPE_CHECKING:
    from alexvgg import doctor


def main() -> None:
    """Entry point of the command."""
    parser = _parser()
    arguments = vars(parser.parse_args())
    debug, command = arguments.pop("debug"), arguments.pop("command")
    console.run(lambda: command(**arguments), debug)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("alexvgg", description="The AlexNet + VGG results table as a build artefact.")
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--debug", action="store_true", help="show a traceback on errors")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="check params.yaml, before DVC runs")
    check.set_defaults(command=check_params)
    profile = commands.add_parser("profile", help="make params.yaml a copy of a profile")
    profile.add_argument("name")
    profile.set_defaults(command=use_profile)
    targets = commands.add_parser("targets", help="name the DVC stages that make some rows of the table")
    targets.add_argument("models", nargs="*")
    targets.set_defaults(command=name_targets)
    show = commands.add_parser("show", help="print the results table, or some rows, and where to look next")
    show.add_argument("models", nargs="*")
    show.set_defaults(command=show_results)
    times = commands.add_parser("times", help="how long the trainings of this profile took, as a table")
    times.set_defaults(command=show_times)
    models = commands.add_parser("models", help="list the networks: input, parameters, forward GFLOP")
    models.add_argument("--json", action="store_true", dest="as_json")
    models.set_defaults(command=list_models)
    sync = commands.add_parser("sync", help="send to MLflow what did not arrive, and runs that DVC restored")
    sync.set_defaults(command=sync_runs)
    checkpoints = commands.add_parser("checkpoints", help="list the checkpoints of unfinished work")
    choice = checkpoints.add_mutually_exclusive_group()
    choice.add_argument("--accept", action="store_true", help="use them though this environment is another")
    choice.add_argument("--discard", action="store_true", help="remove them; the work starts again from the beginning")
    checkpoints.set_defaults(command=manage_checkpoints)
    doctor = commands.add_parser("doctor", help="see whether anything stands in the way, and what to do about it")
    doctor.add_argument("--fix", action="store_true", help="do what it advises, where that is safe")
    doctor.set_defaults(command=examine)
    ui = commands.add_parser("ui", help="open the MLflow UI, on this machine only")
    ui.add_argument("--port", type=int, default=5000)
    ui.set_defaults(command=open_ui)
    follow = commands.add_parser("follow", help="send one journal while it is written (used by the stages)")
    follow.add_argument("journal", type=Path)
    follow.set_defaults(command=follow_journal)
    return parser


def check_params() -> None:
    """Raise ParamsError if params.yaml cannot be used. A damaged lock of DVC's is removed."""
    from alexvgg import doctor, params_file, runtime

    for finding in doctor.precision(params_file.load(layout.PARAMS), runtime.cpu_features()):
        print(f"{finding.level}: {finding.text}")
    for finding in doctor.locks(layout.project_root() / ".dvc/tmp", layout.locks()):
        if finding.level == "problem" and finding.mend is not None:
            finding.mend()
            print(f"removed: {finding.text.partition(';')[0]}")


def use_profile(name: str) -> None:
    """Copy profiles/<name>.yaml to params.yaml, unless that would lose edits."""
    from alexvgg import files, params_file
    from alexvgg.names import refuse_unknown

    profiles = {path.stem: path for path in sorted(Path("profiles").glob("*.yaml"))}
    try:
        refuse_unknown(name, profiles, "profile")
    except ValueError as error:
        raise ParamsError(str(error)) from None
    params_file.load(profiles[name])
    wanted = profiles[name].read_bytes()
    if layout.PARAMS.exists():
        current = layout.PARAMS.read_bytes()
        if current == wanted:
            return
        if current not in [path.read_bytes() for path in profiles.values()]:
            raise ParamsError(
                "params.yaml has edits that are in no profile; copy it to profiles/<name>.yaml to keep them, "
                f"or delete it, then run this again (or run `make repro` without PROFILE={name} to use it as it is)"
            )
    files.write_bytes(layout.PARAMS, wanted)


def name_targets(models: list[str]) -> None:
    """Print the last stage of each seed of these models. Raises ParamsError for one that is not in the roster."""
    from alexvgg import params_file

    print(*(f"evaluate@{run}" for run in params_file.load(layout.PARAMS).runs(models)))


def show_results(models: list[str]) -> None:
    """Print results.md of the current profile, or the rows of these models, and where to look next."""
    from alexvgg import files, params_file

    settings = params_file.load(layout.PARAMS)
    profile, folder = settings.profile, layout.reports(settings.profile)
    if models:
        from alexvgg.reporting import results, table

        paths = [(layout.summary(profile, run), layout.metrics(profile, run)) for run in settings.runs(models)]
        runs = [results.Run(files.read_json(summary), files.read_json(metrics)) for summary, metrics in paths]
        print(table.main_table(results.summarize(runs)), end="\n\n")
        print("These rows only: the report with all of them is made by `make repro`    MLflow: make ui")
    elif (folder / "results.md").exists():
        print((folder / "results.md").read_text(encoding="utf-8"))
        print(f"Table and curves: {folder}/    MLflow: make ui    What changed: dvc params diff, dvc metrics diff")
    else:
        raise AlexvggError(f"{folder} has no report; run `make repro`, or name rows that are made: alexvgg show MODEL")


def show_times() -> None:
    """Print how long each training of the current profile took, and how often it was interrupted."""
    from alexvgg import files, params_file, times

    settings = params_file.load(layout.PARAMS)
    summaries = [layout.summary(settings.profile, run) for run in settings.runs(settings.models)]
    keys = [files.read_json(path)["key"] for path in summaries if path.exists()]
    print(times.table(settings.profile, times.of_trainings(layout.journals(), keys)), end="")


def list_models(as_json: bool) -> None:
    """Build every network and print its size and cost."""
    from alexvgg import catalogue, runtime

    runtime.start("float32", 0)
    rows = catalogue.rows()
    print(json.dumps(rows, indent=2) if as_json else catalogue.table(rows))


def follow_journal(journal: Path) -> None:
    """Send a journal on until standard input ends."""
    from alexvgg.tracking import follow, sync

    target = sync.Target(layout.default_tracking_uri(), layout.project_root(), layout.PACKAGE)
    follow.follow(journal, lambda: target.send(journal), lambda: target.register(journal))


def sync_runs() -> None:
    """Send every journal, and build the runs that DVC restored instead of running them."""
    from alexvgg import params_file, recording
    from alexvgg.tracking import sync

    settings = params_file.load(layout.PARAMS)
    target = sync.Target(layout.default_tracking_uri(), layout.project_root(), layout.PACKAGE)
    for model in settings.models:
        for seed in settings.seeds:
            inputs, outputs = layout.training(settings.profile, model, seed)
            run = f"{model}-{seed}"
            evaluation = layout.metrics(settings.profile, run), layout.by_class(settings.profile, run)
            if all(path.exists() for path in (*vars(inputs).values(), *vars(outputs).values())):
                recording.find_or_rebuild(layout.journals(), settings.profile, inputs, outputs, evaluation)
    print(sync.everything(target, layout.journals()))


def examine(fix: bool) -> None:
    """Print what every check of the doctor finds. Raises EnvironmentProblem if a problem is left."""
    problems = 0
    for finding in _findings():
        mended = False
        if fix and finding.mend is not None:
            finding.mend()
            mended = True
        problems += finding.level == "problem" and not mended
        print(f"{'fixed' if mended else finding.level:<8} {finding.subject:<12} {finding.text}", flush=True)
    if problems:
        hint = "" if fix else "; `alexvgg doctor --fix` mends what can be mended safely"
        raise EnvironmentProblem(f"{problems} problem{'s' if problems > 1 else ''} left, see above{hint}")


def _findings() -> Iterator["doctor.Finding"]:
    from alexvgg import doctor, params_file, runtime
    from alexvgg.tracking import sync

    root = layout.project_root()
    yield from doctor.environment(root / "requirements.lock")
    yield from doctor.space(root)
    try:
        params = params_file.load(layout.PARAMS)
    except ParamsError as error:
        yield doctor.Finding("problem", "parameters", str(error))
    else:
        yield doctor.Finding("ok", "parameters", f"profile {params.profile}, {len(params.models)} models")
        yield from doctor.precision(params, runtime.cpu_features())
        yield from doctor.archive(params, layout.ARCHIVE, os.environ.get("ALEXVGG_CIFAR100_ARCHIVE"))
    yield from doctor.cache(root / ".dvc/cache", Path("dvc.lock"))
    yield from doctor.locks(root / ".dvc/tmp", layout.locks())
    yield from doctor.leftovers([root / name for name in ("data", "weights", "reports", ".alexvgg")])
    yield from doctor.checkpoints(layout.all_checkpoints())
    target = sync.Target(layout.default_tracking_uri(), layout.project_root(), layout.PACKAGE)
    yield doctor.tracking(lambda: sync.unsent(target, layout.journals()), sync_runs)


def manage_checkpoints(accept: bool, discard: bool) -> None:
    """List the checkpoints of unfinished trainings and evaluations, or accept or remove them all.

    Raises TrainingError if they are to be changed and a process is at work with them.
    """
    from alexvgg import checkpoint

    folders = sorted(folder for folder in layout.all_checkpoints().glob("*") if folder.is_dir())
    for folder in folders:
        megabytes = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        print(f"{folder.name}: {len(checkpoint.manifests(folder))} checkpoints, {megabytes:.0f} MB")
        if accept or discard:
            with checkpoint.Checkpoints(folder) as held:
                held.discard() if discard else held.accept()
    what = "accepted for this environment" if accept else "removed" if discard else "found"
    print(f"{len(folders)} {what}")


def open_ui(port: int) -> None:
    """Run the MLflow UI on loopback; with a remote tracking server, say where that is."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or layout.default_tracking_uri()
    if uri.startswith(("http://", "https://")):
        print(f"MLflow is at {uri}")
        return
    from alexvgg.tracking import connection, ui

    connection.connect(uri, connection.lock_of(layout.project_root()))  # makes or checks the database, once
    ui.serve(uri, port)


if __name__ == "__main__":
    main()
