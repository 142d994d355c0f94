"""`make torture`: break the pipeline many times, at random, and count what it survives.

    python tests/torture.py --kills 200 --late-kills 40 --damages 1000 --inputs 20000 --seed 1 [--cifar-kills 20]
        [--row-kills 20 --ray-kills 10] [--output file]

Prints one table: the fault, how often it was tried, how often it was survived, what was lost. Survived means: after
`dvc repro`, weights, rows, reports and `dvc.lock` are, byte for byte, those of an undisturbed run.
"""

import argparse
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from collections.abc import Callable
from pathlib import Path

import psutil
from ruamel.yaml import YAML

import torture_rows
from conftest import CIFAR100_ARCHIVE, ROOT
from project import Project
from tally import Tally, say

# What a run makes or changes. Of DVC's cache it is all: what a training made would be restored, from the run cache.
MADE = (
    "dvc.lock",
    "rows",
    "weights",
    "reports",
    ".alexvgg",
    "mlflow.db",
    "mlflow.db-shm",
    "mlflow.db-wal",
    "mlruns",
    ".dvc/cache",
)


# Interruptions


def small(params: dict) -> None:
    """The quickstart's data and one of its networks: minutes for hundreds of interruptions."""
    params["preprocess"]["val_fraction"] = 0.5
    params["models"] = {"alexnet": params["models"]["alexnet"]}
    params["training"]["epochs"] = 4


def small_cifar(params: dict) -> None:
    """CIFAR-100 with few images to train and many to validate, so that kills meet both; not slow on any processor."""
    params["preprocess"]["val_fraction"] = 0.8
    params["training"]["precision"] = "float32"
    params["models"] = {"alexnet": params["models"]["alexnet"] | {"epochs": 1}}


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


class Chain:
    """A project whose training is begun again and again, until nothing interrupts it."""

    def __init__(
        self,
        folder: Path,
        profile: str,
        change: Callable[[dict], None],
        every: float | None,
        stretch: float,
        trained: bool = False,
    ) -> None:
        """`every`: seconds between checkpoints, as in use where None; `stretch`: the longest between interruptions;
        `trained`: what is begun again and again is what follows the training.
        """
        self.project = Project(folder)
        params = YAML(typ="safe", pure=True).load(ROOT / "profiles" / f"{profile}.yaml")
        change(params)
        self.project.params = params
        self.profile = profile
        self.stretch = stretch
        if every is not None:
            saver = folder / "src/alexvgg/checkpoints/saver.py"
            text, found = re.subn(r"^EVERY = [\d.]+", f"EVERY = {every:.3f}", saver.read_text(), flags=re.MULTILINE)
            assert found == 1
            saver.write_text(text)
        self.project.dvc("repro", "preprocess", "networks", *(["train@alexnet-0"] * trained))
        self.start = folder.parent / f"{folder.name} at the start"
        for name in MADE:
            copy(folder / name, self.start / name)
        self.project.dvc("repro")
        self.expected = self.made()
        self._started = 0.0  # when the pipeline that runs was started, or the last one
        self.fell = False  # whether an interruption ended in a traceback
        self.healed = 0  # times that DVC's own lock file had to be removed

    def made(self) -> dict[str, bytes]:
        folder = self.project.folder
        weights = {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("weights/**/*.h5")}
        return self.project.outputs() | weights

    def reset(self) -> None:
        """As before what is begun again and again; what earlier stages made stays."""
        self.fell = False
        for name in MADE:
            path = self.project.folder / name
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
            copy(self.start / name, path)

    def interrupt(self, rng: random.Random, how: signal.Signals) -> tuple[str, float] | None:
        """Run the pipeline and interrupt it after a while; where that was, and what it cost. None: it ended before."""
        self._started, process = time.time(), self.project.start("repro")
        if not self._moment_comes(process, rng):
            output = process.communicate()[0]
            if process.returncode == 0:
                return None
            self.heal(output)
            return self.interrupt(rng, how)
        where = self._where(process)
        lost = self._unsaved(process, where)
        children = psutil.Process(process.pid).children(recursive=True)
        stages = [child for child in children if any("stages/" in part for part in child.cmdline())]
        if how == signal.SIGTERM and stages:
            for child in stages:
                child.send_signal(how)
        else:
            os.killpg(process.pid, how)
        output = process.communicate()[0]
        if "Traceback" in output:
            say(output)
            self.fell = True
        writing = list(self.project.folder.glob(".alexvgg/checkpoints/*/.*.part"))
        if how == signal.SIGKILL and writing and where in ("in training", "in evaluate"):
            where = "while a checkpoint was written"
        elif where == "in training" and self._in_validation():
            where = "in validation"
        return where, lost if how == signal.SIGKILL else 0.0

    def _moment_comes(self, process: subprocess.Popen, rng: random.Random) -> bool:
        """Wait for a random moment; False if the pipeline ended before it.

        One time in five it counts from the start of `dvc repro`. Else it counts from where a stage is past its
        imports, which take most of the time and leave nothing that could be damaged.
        """
        at_once, seconds = rng.random() < 0.2, rng.uniform(0, self.stretch)
        began = time.monotonic() if at_once else None
        while process.poll() is None and (began is None or time.monotonic() - began < seconds):
            time.sleep(0.05)
            if began is None and self._where(process) in ("in training", "in evaluate", "in report"):
                began = time.monotonic()
        return process.poll() is None

    def heal(self, output: str) -> None:
        """What DVC wrote of its own locks when it was killed may be half a file, which `make repro` removes."""
        if "rwlock" not in output:
            raise RuntimeError(output)
        self.healed += 1
        self.project.alexvgg("check")

    def finish(self) -> str:
        try:
            return self.project.dvc("repro")
        except AssertionError as error:
            self.heal(str(error))
            return self.project.dvc("repro")

    def _where(self, process: subprocess.Popen) -> str:
        """Where the pipeline is, in words."""
        stage = self._stage(process)[0]
        if stage == "stages/train.py":
            return "in training" if self._began() else "in the start of a stage"
        return f"in {Path(stage).stem}" if stage else "between stages"

    @staticmethod
    def _stage(process: subprocess.Popen) -> tuple[str, float]:
        """The program of the stage that runs, if one does, and when it was started."""
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                stage = next((part for part in child.cmdline() if "stages/" in part), "")
                if stage:
                    return stage, child.create_time()
            except psutil.Error:
                continue
        return "", 0.0

    def _in_validation(self) -> bool:
        """Whether the newest checkpoint holds the first batches of a validation."""
        checkpoints = sorted(self.project.folder.glob(".alexvgg/checkpoints/alexnet-*/*.0.checkpoint"))
        if not checkpoints:
            return False
        with checkpoints[-1].open("rb") as file:
            return b'"val_logits/0"' in file.readline()

    def _began(self) -> float:
        """When the training that runs came past its start; 0 if it has not."""
        began = 0.0
        journals = sorted(self.project.folder.glob(".alexvgg/journals/*.jsonl"), key=lambda path: path.stat().st_mtime)
        for line in journals[-1].read_text().splitlines() if journals else []:
            found = re.search(r'"kind": "(start|resume|environment)", "time": (\d+)', line)
            if found:
                began = int(found[2]) / 1000 if found[1] == "environment" else 0.0
        return began if began > self._started else 0.0  # else it is of an earlier life

    def _unsaved(self, process: subprocess.Popen, where: str) -> float:
        """Seconds of a stage's work that its end costs: since its last checkpoint, or since it began."""
        if where == "in training":
            began, prefix = self._began(), "alexnet"
        elif where in ("in evaluate", "in report"):
            began, prefix = self._stage(process)[1], "evaluate-alexnet"
        else:
            return 0.0
        saved = self.project.folder.glob(f".alexvgg/checkpoints/{prefix}-*/*.sha256")
        return time.time() - max([began, *(path.stat().st_mtime for path in saved)])


def interruptions(
    chain: Chain, tries: int, how: list[signal.Signals], rng: random.Random, tallies: list[Tally], prefix: str
) -> None:
    """Interrupt `tries` times, in as many trainings as that takes."""
    tried = 0
    while tried < tries:
        chain.reset()
        met: list[tuple[str, float]] = []
        while tried < tries:
            ended = chain.interrupt(rng, number := rng.choice(how))
            if ended is None:
                break
            tried += 1
            if tried % 10 == 0:
                say(f"{tried} of {tries} interruptions")
            met.append((f"{signal.Signals(number).name} {ended[0]}", ended[1]))
        output = chain.finish()
        made, expected = chain.made(), chain.expected
        different = [name for name in sorted(made | expected) if made.get(name) != expected.get(name)]
        same = not different and "Traceback" not in output and not chain.fell
        for where, lost in met:
            tally = next((tally for tally in tallies if tally.fault == prefix + where), None)
            if tally is None:
                tally = Tally(prefix + where)
                tallies.append(tally)
            tally.tried += 1
            tally.survived += same
            if lost:
                tally.lost.append(lost)
        say(f"{tried} of {tries} interruptions; this training met {len(met)}; same bytes: {same} {different or ''}")


# Damage


def damages(folder: Path, tries: int, rng: random.Random) -> list[Tally]:
    """Flip a bit of a file, or cut it off; the file as it was is put back afterwards."""
    from alexvgg.checkpoints.store import Checkpoints
    from alexvgg.data import arrays, download
    from alexvgg.data.registry import SOURCES
    from alexvgg.params import file
    from alexvgg.system import files
    from alexvgg.system.errors import AlexvggError

    where = unfinished(folder, rng)
    newest, older = sorted(where.glob("*.sha256"), reverse=True)
    with Checkpoints(where) as checkpoints:
        from alexvgg.checkpoints.snapshot import files_of, listed, read

        environment, second = read(older).environment, older.read_text()

        def checkpoint() -> bool:
            found = checkpoints.newest(environment)
            assert found is not None
            return listed(older, [files.sha256(path) for path in files_of(older)]) == second and (
                found.step == read(older).step
            )

        data = file.load(folder / "params.yaml").data
        archive, title = folder / "data/archive", SOURCES[data.source].title
        description = arrays.load_description(folder / "data/description.json")

        def refuses(check: Callable[[], object]) -> Callable[[], bool]:
            def refused() -> bool:
                try:
                    check()
                except AlexvggError:
                    return True
                return False

            return refused

        checks = {
            newest: ("the newest checkpoint's manifest", "nothing: the older one is used", checkpoint),
            **{
                path: (f"the newest checkpoint, {path.suffixes[0][1:]}", "nothing: the older one is used", checkpoint)
                for path in files_of(newest)
            },
            archive: ("the archive", "nothing: refused", refuses(lambda: download.verify(archive, data, title))),
            folder / "data/description.json": (
                "the description of the arrays", "nothing: refused",
                refuses(lambda: arrays.load_description(folder / "data/description.json")),
            ),
        }  # fmt: skip
        for name in ("train", "val", "test"):
            path = folder / f"data/{name}.npy"
            checks[path] = (
                f"{name} arrays",
                "nothing: refused",
                refuses(lambda path=path: arrays.load(path, description)),
            )
        for path in checks:
            _own(path)
        tallies = {
            path: Tally(f"a bit flipped or the end cut off: {what}", remark=lost)
            for path, (what, lost, _) in checks.items()
        }
        for number in range(tries):
            path = rng.choice(list(checks))
            tallies[path].tried += 1
            tallies[path].survived += _damaged(path, rng, checks[path][2])
            if number % 100 == 99:
                say(f"{number + 1} of {tries} damages")
    return list(tallies.values())


def unfinished(folder: Path, rng: random.Random) -> Path:
    """The two checkpoints of a training that was killed."""
    chain = Chain(folder, "quickstart", small, every=0.5, stretch=20.0)  # long enough for two
    chain.reset()
    while len(list(folder.glob(".alexvgg/checkpoints/alexnet-0*/*.sha256"))) < 2:
        if chain.interrupt(rng, signal.SIGKILL) is None:
            chain.reset()
    return next(path for path in folder.glob(".alexvgg/checkpoints/alexnet-0*") if path.is_dir())


def _own(path: Path) -> None:
    """Make a file one of its own that can be written to: what DVC keeps is a link into its cache."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


def _damaged(path: Path, rng: random.Random, noticed: Callable[[], bool]) -> bool:
    size = path.stat().st_size
    position = rng.randrange(size)
    with path.open("r+b") as file:
        file.seek(position)
        rest = file.read()
        file.seek(position)
        if rng.random() < 0.5:
            file.truncate()
        else:
            file.write(bytes([rest[0] ^ (1 << rng.randrange(8))]))
    try:
        return noticed()
    finally:
        with path.open("r+b") as file:
            file.seek(position)
            file.write(rest)


# Tracking


def tracking(folder: Path) -> list[Tally]:
    """Each fault of a tracking server while a training writes its journal; then `sync` with a server that works."""
    from alexvgg.tracking.sync import Target, everything
    from faulty_server import FAULTS, FaultyServer
    from test_tracking import PACKAGE, runs
    from test_tracking_faults import EPOCHS, train_beside

    tallies = []
    with FaultyServer(folder) as server:
        for fault in FAULTS:
            root = folder / fault.replace(" ", "-")
            root.mkdir()
            journal, seconds, _, _ = train_beside(server, fault, root)
            server.fault = None
            os.environ["MLFLOW_TRACKING_URI"] = server.uri
            target = Target("", root, PACKAGE)
            everything(target, journal.path.parent)
            [run] = [found for found in runs(root) if found.data.tags["alexvgg.key"] == f"key-{fault}"]
            points = [p.step for p in target.connected().get_metric_history(run.info.run_id, "loss")]
            right = points == list(range(1, EPOCHS + 1)) and run.info.status == "FINISHED"
            added = statistics.median(seconds) * 1000
            tallies.append(Tally(f"tracking server: {fault}", 1, int(right), [], f"nothing; {added:.0f} ms an epoch"))
            say(tallies[-1].row())
    return tallies


# Inputs


def inputs(folder: Path, tries: int, seed: int) -> list[Tally]:
    """Inputs that `tests/test_outside.py` makes up, `tries` in all; it says of each kind how many failed."""
    report = folder / "outside.xml"
    environment = os.environ | {"ALEXVGG_INPUTS": str(tries), "ALEXVGG_SEED": str(seed)}
    command = [sys.executable, "-m", "pytest", "tests/test_outside.py", "-q", "-p", "no:xdist"]
    command += ["-o", "junit_family=xunit1", f"--junitxml={report}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        say(done.stdout + done.stderr)
    if done.returncode not in (0, 1):  # a test that fails is in the report
        raise RuntimeError(f"tests/test_outside.py ended with {done.returncode}")
    tallies = []
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        noted = {str(one.get("name")): str(one.get("value")) for one in case.iter("property")}
        tried, failed = int(noted["tried"]), int(noted["failed"])
        tallies.append(Tally(f"input: {noted['kind']}", tried, tried - failed, [], noted["remark"]))
    return tallies


def table(tallies: list[Tally], settings: argparse.Namespace) -> str:
    counted = [tally for tally in tallies if not tally.fault.startswith("of these")]
    tried, survived = sum(tally.tried for tally in counted), sum(tally.survived for tally in counted)
    names = (
        "kills", "late_kills", "signals", "damages", "cifar_kills", "row_kills", "ray_kills", "tracking", "inputs", "seed"
    )  # fmt: skip
    command = " ".join(f"{name.upper()}={getattr(settings, name)}" for name in names)
    lines = [
        "# Torture",
        "",
        f"`make torture {command}` on two CPU cores printed this.",
        "",
        "Survived an interruption: after `dvc repro`, weights, rows, reports and `dvc.lock` are byte for byte those of an",
        "undisturbed run. Survived damage: it was noticed, and no wrong number came of it. Survived a faulty tracking",
        "server: after `alexvgg sync`, the run has every epoch once. Lost work is the time between the last checkpoint",
        "and a `kill -9`; on the digits a checkpoint is made every two seconds, on CIFAR-100 every 50, as in use.",
        "SIGINT and SIGTERM lose nothing: the stage makes a checkpoint first. Rows at once are survived if the table is",
        "byte for byte the one that was made a row after the other. Survived an input, which was made up: it was read",
        "right or refused in one line.",
        "",
        "| fault | tried | survived | lost |",
        "| --- | ---: | ---: | --- |",
        *[tally.row() for tally in tallies],
        f"| all | {tried} | {survived} | |",
    ]
    return "\n".join(lines) + "\n"


def on_digits(folder: Path, settings: argparse.Namespace, rng: random.Random, tallies: list[Tally]) -> None:
    if not settings.kills and not settings.signals:
        return
    say("an undisturbed run on the digits")
    chain = Chain(folder / "digits", "quickstart", small, every=2.0, stretch=8.0)
    interruptions(chain, settings.kills, [signal.SIGKILL], rng, tallies, "")
    interruptions(chain, settings.signals, [signal.SIGINT, signal.SIGTERM], rng, tallies, "")
    if chain.healed:
        remark = "nothing; `make repro` (or `alexvgg doctor --fix`) removes it, `dvc repro` alone refuses"
        tallies.append(Tally("of these: DVC's own lock was half written", chain.healed, chain.healed, [], remark))


def after_training(folder: Path, settings: argparse.Namespace, rng: random.Random, tallies: list[Tally]) -> None:
    if settings.late_kills:
        say("an undisturbed run on the digits, to be interrupted after its training")
        chain = Chain(folder / "trained", "quickstart", small, every=0.5, stretch=14.0, trained=True)
        interruptions(chain, settings.late_kills, [signal.SIGKILL], rng, tallies, "")


def on_cifar(folder: Path, settings: argparse.Namespace, rng: random.Random, tallies: list[Tally]) -> None:
    if settings.cifar_kills:
        say("an undisturbed run on CIFAR-100")
        chain = Chain(folder / "cifar100", "cpu", small_cifar, every=None, stretch=100.0)
        interruptions(chain, settings.cifar_kills, [signal.SIGKILL], rng, tallies, "CIFAR-100: ")


def on_rows(folder: Path, settings: argparse.Namespace, rng: random.Random, tallies: list[Tally]) -> None:
    if settings.row_kills or settings.ray_kills:
        say("rows at once")
        tallies += torture_rows.kills(folder / "rows", settings.row_kills, settings.ray_kills, rng)


def on_files(folder: Path, settings: argparse.Namespace, rng: random.Random, tallies: list[Tally]) -> None:
    if settings.damages:
        say("damage to files")
        tallies += damages(folder / "damages", settings.damages, rng)


def on_tracking(folder: Path, settings: argparse.Namespace, rng: random.Random, tallies: list[Tally]) -> None:
    del rng  # nothing is left to chance
    if settings.tracking:
        (folder / "server").mkdir()
        tallies += tracking(folder / "server")


def on_inputs(folder: Path, settings: argparse.Namespace, rng: random.Random, tallies: list[Tally]) -> None:
    del rng  # it has its own
    if settings.inputs:
        say("inputs from outside")
        tallies += inputs(folder, settings.inputs, settings.seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="kill -9 at random moments")
    parser.add_argument("--late-kills", type=int, default=5, help="kill -9 in evaluate and report")
    parser.add_argument("--signals", type=int, default=10, help="SIGINT and SIGTERM at random moments")
    parser.add_argument("--damages", type=int, default=200, help="bit flips and truncations")
    parser.add_argument("--cifar-kills", type=int, default=0, help="kill -9 on CIFAR-100 (ALEXVGG_CIFAR100_ARCHIVE)")
    parser.add_argument(
        "--row-kills", type=int, default=4, help="kill -9 of a training, a row or the head of two at once"
    )
    parser.add_argument("--ray-kills", type=int, default=0, help="the same on a Ray cluster (make setup CLUSTER=1)")
    parser.add_argument("--tracking", type=int, default=1, help="0 leaves out the faults of a tracking server")
    parser.add_argument("--inputs", type=int, default=20_000, help="made-up parameters, journals, archives…")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="write the table there, too")
    settings = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background processes ignore it otherwise
    if settings.cifar_kills and not CIFAR100_ARCHIVE:
        parser.error("--cifar-kills needs the archive: set ALEXVGG_CIFAR100_ARCHIVE to its path")
    tallies: list[Tally] = []
    failed = False
    with tempfile.TemporaryDirectory(prefix="torture ", ignore_cleanup_errors=True) as made:
        try:
            for part in (on_digits, after_training, on_cifar, on_rows, on_files, on_tracking, on_inputs):
                part(Path(made), settings, random.Random(settings.seed), tallies)
        except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - what was tried is not lost
            failed = isinstance(error, Exception)
            say(f"ended early; this is what was tried {error}")
    text = table(tallies, settings)
    print(text)
    if settings.output:
        settings.output.write_text(text)
    sys.exit(0 if not failed and all(tally.tried == tally.survived for tally in tallies) else 1)


if __name__ == "__main__":
    main()
