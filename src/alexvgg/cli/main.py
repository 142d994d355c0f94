"""The `alexvgg` command: what can be typed. What is done is imported when it is called."""

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alexvgg import __version__
from alexvgg.system import console, process
from alexvgg.system.errors import EnvironmentProblem

ANYWHERE = ("pack", "send")  # commands that need no project, or that a stage tells which


def main() -> None:
    """Entry point of the command."""
    arguments = vars(_parser().parse_args())
    debug, function, name = (arguments.pop(each) for each in ("debug", "function", "command"))
    try:
        root = _project(Path.cwd())
    except FileNotFoundError:
        print("error: this folder is gone; `cd` to the project, and try again", file=sys.stderr)
        sys.exit(EnvironmentProblem.exit_code)
    process.begin_again(root or process.SOURCES.parent)

    def program() -> None:
        if name not in ANYWHERE:
            _go_to(root, arguments)
        function(**arguments)

    console.run(program, debug)


def _project(folder: Path) -> Path | None:
    """The project that a folder is in."""
    return next((one for one in (folder, *folder.parents) if (one / "dvc.yaml").is_file()), None)


def _go_to(root: Path | None, arguments: dict[str, Any]) -> None:
    """Work in the project's folder; paths in `arguments` still mean what they meant. Raises EnvironmentProblem."""
    if root is None:
        raise EnvironmentProblem(
            f"{Path.cwd()} is in no project: neither it nor a folder above it has a dvc.yaml; `cd` to the project first"
        )
    here = Path.cwd()
    if root != here:
        arguments |= {key: here / value for key, value in arguments.items() if isinstance(value, Path)}
        os.chdir(root)
    os.environ["DVC_ROOT"] = str(root)  # as DVC names it to stages


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("alexvgg", description="The AlexNet + VGG results table as a build artefact.")
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--debug", action="store_true", help="show a traceback on errors")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")

    def command(name: str, function: str, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        added.set_defaults(function=_later(function))
        return added

    _about_runs(command)
    _about_data(command)
    _about_results(command)
    _about_tracking(command)
    _about_state(command)
    return parser


Command = Callable[[str, str, str], argparse.ArgumentParser]


def _about_runs(command: Command) -> None:
    command("check", "runs.check", "check params.yaml, and whether DVC can start")
    profile = command("profile", "runs.use_profile", "make a profile the one in use: its params.yaml and dvc.lock")
    profile.add_argument("name", help="one of profiles/*.yaml")
    targets = command("targets", "runs.name_targets", "name the DVC stages that make some rows of the table")
    targets.add_argument("models", nargs="*")
    targets.add_argument("--report", action="store_true", help="name what a report reads instead: all but the weights")
    row = command("row", "rows.make_row", "make one row of the table: pull what is missing, train, evaluate, push")
    row.add_argument("name", metavar="ROW", help="<model>-<seed>")
    row.add_argument("--local", action="store_true", help="neither pull nor push, though there is a DVC remote")
    row.add_argument("--attached", action="store_true", help="as `rows` begins it: it ends when its input does")
    rows = command("rows", "rows.make_rows", "make rows of the table at once (`make repro JOBS=…` uses this)")
    rows.add_argument("models", nargs="*")
    rows.add_argument("--jobs", type=_positive, default=1, help="rows at once")
    rows.add_argument("--cpus-per-row", type=_positive, help="default: an equal share; on a cluster, 1")
    rows.add_argument("--gpus-per-row", type=_positive, default=0)
    rows.add_argument("--ray", metavar="ADDRESS", help="of a Ray cluster that makes them, instead of this machine")
    rows.add_argument("--attached", action="store_true", help="as `make` begins it: it ends when its parent does")
    command("finish", "runs.finish", "after DVC: keep the profile's lock, remove checkpoints of recorded results")


def _about_data(command: Command) -> None:
    pack = command("pack", "packing.pack", "make an archive of a directory of images, one folder per class")
    pack.add_argument("directory", type=Path)
    pack.add_argument("--output", "-o", type=Path, help="default: <directory>.tar")


def _about_results(command: Command) -> None:
    show = command("show", "results.show", "print the results table, or some rows, and where to look next")
    show.add_argument("models", nargs="*")
    verify = command(
        "verify", "verifying.verify", "compute a report's numbers anew, repeat the beginning of its trainings"
    )
    verify.add_argument("profile", nargs="?", help="default: the one in use")
    verify.add_argument("--every-row", action="store_true", help="begin each row, not one per model")
    verify.add_argument(
        "--weights", action="store_true", help="evaluate the weights anew, from DVC's cache or its remote"
    )
    command("times", "results.show_times", "print how long the trainings of this profile took")
    models = command("models", "results.list_models", "list the networks: input, parameters, forward GFLOP")
    models.add_argument("--json", action="store_true", dest="as_json")
    predict = command("predict", "predicting.predict", "say what images show, by the best network in MLflow")
    predict.add_argument(
        "images", nargs="+", metavar="IMAGE", help="a file, a folder, or - for a list of paths on stdin"
    )
    predict.add_argument(
        "--model", help="a network of the roster, from its weights here, instead of the best in MLflow"
    )
    predict.add_argument("--seed", type=int, help="of that network; default: the first of the profile")
    predict.add_argument("--json", action="store_true", dest="as_json")
    predict.set_defaults(here=Path())
    compare = command("compare", "comparing.compare", "show what differs between revisions, experiments, the workspace")
    compare.add_argument("revisions", nargs="*", help="default: HEAD, the workspace, the experiments since HEAD")


def _about_tracking(command: Command) -> None:
    sync = command("sync", "tracking.sync_runs", "send to MLflow what did not arrive, and runs that DVC restored")
    sync.add_argument("--restore", action="store_true", help="bring back what was deleted in MLflow")
    ui = command("ui", "tracking.open_ui", "print links into MLflow: table, curves, comparison; run its UI on loopback")
    ui.add_argument("--port", type=int, default=5000)
    ui.add_argument("--open", action="store_true", dest="browse", help="open them in the browser, too")
    send = command("send", "tracking.send_journal", "send one journal while it is written (the stages use this)")
    send.add_argument("journal", type=Path)


def _about_state(command: Command) -> None:
    checkpoints = command("checkpoints", "state.manage_checkpoints", "list the checkpoints of unfinished work")
    choice = checkpoints.add_mutually_exclusive_group()
    choice.add_argument("--accept", action="store_true", help="use them all although this environment is another one")
    choice.add_argument("--discard", action="store_true", help="remove them all; the work starts from the beginning")
    doctor = command("doctor", "state.examine", "check this machine and the project, and say what to do")
    doctor.add_argument("--fix", action="store_true", help="do what it advises, where that is safe")
    command("gc", "state.collect_garbage", "remove from DVC's cache what no profile's lock needs")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 up")
    return int(text)


def _later(function: str) -> Callable[..., None]:
    """A function of this package's, imported when it is called."""
    module, _, name = function.partition(".")

    def call(**arguments: object) -> None:
        getattr(importlib.import_module(f"alexvgg.cli.{module}"), name)(**arguments)

    return call


if __name__ == "__main__":
    main()
