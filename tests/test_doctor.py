"""The doctor sees what stands in the way, says what to do, and touches nothing unless asked."""

import builtins
import errno
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock
from ruamel.yaml import YAML

from alexvgg.checkpoints.store import Checkpoints
from alexvgg.cli import doctor, leftovers, machine, place
from alexvgg.cli import state as cli_state
from alexvgg.data.registry import SOURCES
from alexvgg.params import file
from alexvgg.pipeline import layout
from alexvgg.system import files
from alexvgg.system.errors import EnvironmentProblem
from conftest import DIGITS_SHA256, ROOT
from project import Project
from test_checkpoint import snapshot


def levels(found) -> list[str]:
    return [one.level for one in found]


def test_environment_as_pinned():
    assert levels(doctor.environment(ROOT / "requirements.lock"))[0] == "ok"


def test_environment_other_than_pinned(tmp_path):
    (tmp_path / "lock").write_text(
        "numpy==0.1 \\\n    --hash=sha256:00\ntqdm==0.2 ; python_version < '3'\nnone-such==1 ; python_version > '3'\n"
    )
    found = next(iter(doctor.environment(tmp_path / "lock")))
    assert found.level == "problem"
    assert "instead of ==0.1, none-such none instead of ==1; run `make setup`" in found.text


@pytest.mark.parametrize(
    ("roster", "needed"),
    # 2 GB, 8 bytes of each weight, and 36 of each of the largest network's.
    [('{"roster": {"a": 1000000000, "b": 2000000000}}', 2e9 + 8 * 3e9 + 36 * 2e9), (None, 2e9), ('{"slides": {', 2e9)],
)
def test_space_counts_the_parameters_of_the_roster(tmp_path, monkeypatch, roster, needed):
    networks = tmp_path / "networks.json"
    if roster is not None:
        networks.write_text(roster)
    for free, level in ((needed, "ok"), (needed - 1, "problem")):
        monkeypatch.setattr(shutil, "disk_usage", lambda folder, free=free: SimpleNamespace(free=free))
        [found] = doctor.space(tmp_path, networks)
        assert found.level == level
        assert f"{needed / 1e9:.0f} GB free; this profile takes up to {needed / 1e9:.0f} GB with one seed" in found.text
        assert ("; free some: `alexvgg gc`" in found.text) == (level == "problem")
        assert found.fix is None


def test_archive(quickstart, tmp_path):
    from alexvgg.data import download
    from alexvgg.params.schema import Params

    params = Params.model_validate(quickstart)
    path = tmp_path / "archive.gz"
    by_hand = {"ALEXVGG_CIFAR100_ARCHIVE": str(tmp_path / "none")}  # not asked for the digits
    assert levels(doctor.archive(params, path, by_hand)) == ["note"]
    source = SOURCES["digits"]
    download.fetch(source.settings(source="digits", sha256=[DIGITS_SHA256]), source, path, lambda: None)
    assert levels(doctor.archive(params, path, by_hand)) == ["ok"]
    path.write_bytes(path.read_bytes()[:-1])
    assert levels(doctor.archive(params, path, by_hand)) == ["problem"]


def test_an_archive_got_by_hand(tmp_path):
    params = file.load(ROOT / "profiles/slides.yaml")
    path, copy = tmp_path / "archive.gz", tmp_path / "copy.tar.gz"
    assert levels(doctor.archive(params, path, {})) == ["note"]
    by_hand = {"ALEXVGG_CIFAR100_ARCHIVE": str(copy)}
    [found] = doctor.archive(params, path, by_hand)
    assert found.level == "problem"
    assert found.text == f"ALEXVGG_CIFAR100_ARCHIVE names {copy}, which does not exist"
    copy.write_bytes(b"another archive")
    [found] = doctor.archive(params, path, by_hand)
    assert found.level == "problem"
    assert found.text.startswith(f"{copy}: wrong hash") and found.text.endswith("; name another file")
    data = params.data.model_copy(update={"sha256": [files.sha256(copy)]})
    assert levels(doctor.archive(params.model_copy(update={"data": data}), path, by_hand)) == ["ok"]


def test_bfloat16_on_a_processor_without_instructions_for_it(quickstart):
    from alexvgg.params.schema import Params

    assert levels(doctor.precision(Params.model_validate(quickstart), {"avx2"})) == []
    quickstart["models"]["vgg16"]["precision"] = "mixed_bfloat16"
    params = Params.model_validate(quickstart)
    found = next(doctor.precision(params, {"avx2", "avx512f"}))
    assert found.level == "note"
    assert "which vgg16 would train in" in found.text
    assert levels(doctor.precision(params, {"avx512f", "amx_bf16"})) == []
    assert levels(doctor.precision(params, {"avx512f", "avx512_bf16"})) == []


def in_cache(folder: Path, content: bytes) -> Path:
    """An object of DVC's cache, written as DVC does."""
    md5 = hashlib.md5(content).hexdigest()
    path = folder / "files/md5" / md5[:2] / md5[2:]
    files.write_bytes(path, content)
    path.chmod(0o444)
    return path


def lock_of(path: Path, output: Path, content: bytes) -> Path:
    """A lock of DVC's that names one output."""
    md5 = hashlib.md5(content).hexdigest()
    stage = f"  train:\n    cmd: train\n    outs:\n    - path: {output}\n      md5: {md5}\n"
    files.write_text(path, f"schema: '2.0'\nstages:\n{stage}")
    return path


def test_cache(tmp_path):
    cached = in_cache(tmp_path / "cache", b"weights")
    lock = lock_of(tmp_path / "dvc.lock", tmp_path / "w", b"weights")
    assert levels(leftovers.cache(tmp_path / "cache", lock)) == ["ok"]
    cached.unlink()
    cached.write_bytes(b"w3ights")
    [found] = leftovers.cache(tmp_path / "cache", lock)
    assert found.level == "problem"
    assert cached.exists()
    found.fix()
    assert levels(leftovers.cache(tmp_path / "cache", lock)) == ["note"]  # it is nowhere now


def test_what_cannot_be_read_is_not_removed_from_the_cache(tmp_path, monkeypatch):
    cached = in_cache(tmp_path / "cache", b"weights")
    cached.with_suffix(".tmp").write_bytes(b"DVC is writing this")

    def broken(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(leftovers.files, "md5", broken)
    [found] = leftovers.cache(tmp_path / "cache", tmp_path / "none")
    assert found.level == "problem" and found.fix is None and "cannot be read (Input/output error)" in found.text


@pytest.mark.parametrize(("name", "found"), [("why?", 1), ("a%20copy", 1), ("100%", 0), ("plain", 0)])
def test_a_path_that_an_address_would_misread(tmp_path, name, found):
    assert len(list(place.address(tmp_path / name))) == found


OLD = (
    "reports/cpu/architectures/alexnet.md", "reports/cpu/by_class/alexnet-0.json", "reports/cpu/history/alexnet-0.csv",
    "reports/cpu/train/alexnet-0.json", "reports/cpu/crops.png", "reports/cpu/montage.png", "reports/cpu/published.json",
    "reports/slides/train/vgg16-0.json", "data/sources/train.json", "data/networks/alexnet.json",
)  # fmt: skip
NEW = (
    "reports/cpu/results.md", "reports/cpu/results.json", "reports/cpu/by_class.csv", "reports/cpu/curves.png",
    "reports/cpu/metrics/alexnet.json", "reports/cpu/answers/alexnet-0.csv", "reports/cpu/networks/alexnet.md",
    "reports/cpu/talk/README.md", "reports/cpu/times.md", "reports/cpu/index.html", "reports/cpu/slides.pptx",
    "data/networks.json", "data/code/networks/alexnet.json", "data/train.npy", "data/pictures/crops.png",
    "rows/cpu/alexnet-0/history.csv", "weights/cpu/alexnet-0.weights.h5",
)  # fmt: skip


def test_what_an_older_version_wrote_is_found_and_nothing_else(tmp_path):
    def there() -> set[str]:
        return {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}

    for name in NEW:
        files.write_text(tmp_path / name, "new")
    assert list(leftovers.older_version(tmp_path / "reports", tmp_path)) == []
    for name in OLD:
        files.write_text(tmp_path / name, "old")
    [found] = leftovers.older_version(tmp_path / "reports", tmp_path)
    assert found.level == "note"
    assert found.text.startswith("10 files and folders that version 0.1 wrote, used by nothing")
    assert there() == {*NEW, *OLD}
    found.fix()
    assert there() == set(NEW)
    assert not [path for path in tmp_path.glob("reports/*/train")]  # nor an empty folder
    assert list(leftovers.older_version(tmp_path / "reports", tmp_path)) == []


def test_locks(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for pid, expected in ((os.getpid(), []), (gone.pid, ["note"])):
        entry = {"pid": pid, "cmd": "dvc repro"}
        (tmp_path / "rwlock").write_text(json.dumps({"read": {"a": [entry]}, "write": {"b": entry}}))
        found = list(leftovers.locks(tmp_path, tmp_path / "ours"))
        assert levels(found) == expected
    entry["pid"] = os.getpid()
    (tmp_path / "rwlock").write_text(json.dumps({"read": {}, "write": {"b": entry}}))
    os.utime(tmp_path / "rwlock", (1e9, 1e9))  # by whoever had this number long ago
    [diagnosis] = leftovers.locks(tmp_path, tmp_path / "ours")
    diagnosis.fix()
    assert not (tmp_path / "rwlock").exists()
    (tmp_path / "rwlock").write_text('{"read": ')
    [diagnosis] = leftovers.locks(tmp_path, tmp_path / "ours")
    assert diagnosis.level == "problem"
    diagnosis.fix()
    assert levels(leftovers.locks(tmp_path, tmp_path / "ours")) == ["ok"]
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours/killed.lock").write_text("")
    with FileLock(tmp_path / "ours/alive.lock"):
        found = list(leftovers.locks(tmp_path, tmp_path / "ours"))
        assert [one.text for one in found] == [
            "1 files of locks that nobody holds, harmless",
            "1 computations are under way",
        ]
        found[0].fix()
    assert not (tmp_path / "ours/killed.lock").exists()


def test_a_lock_of_dvc_that_is_no_file(tmp_path):
    (tmp_path / "rwlock" / "deep").mkdir(parents=True)
    [found] = leftovers.locks(tmp_path, tmp_path / "ours")
    assert found.level == "problem"
    found.fix()
    assert not (tmp_path / "rwlock").exists()


def test_leftovers_and_checkpoints(tmp_path):
    assert levels(leftovers.leftovers([tmp_path])) == levels(leftovers.checkpoints(tmp_path / "c")) == ["ok"]
    with Checkpoints(tmp_path / "c" / "alexnet-0-0123") as checkpoints:
        checkpoints.save(snapshot(3))
        checkpoints.wait()
    [diagnosis] = leftovers.checkpoints(tmp_path / "c")
    assert diagnosis.level == "note"
    assert "alexnet-0-0123: 1 whole; the command that began it goes on from there" in diagnosis.text
    for path in (tmp_path / "c").rglob("*.checkpoint"):
        path.write_bytes(b"")
    assert levels(leftovers.checkpoints(tmp_path / "c")) == ["problem"]
    half = tmp_path / "c" / ".weights.h5.abc.part.h5"
    half.write_bytes(b"half")
    assert levels(leftovers.leftovers([tmp_path])) == ["ok"]  # it may be being written
    os.utime(half, (0, 0))
    [diagnosis] = leftovers.leftovers([tmp_path])
    diagnosis.fix()
    assert not half.exists()


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "ALEXVGG"))}
    command = [sys.executable, "-m", "alexvgg", "doctor", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def project(tmp_path) -> Path:
    for name in ("params.yaml", "requirements.lock", "dvc.yaml", ".dvc/config"):
        files.write_bytes(tmp_path / "a project" / name, (ROOT / name).read_bytes())
    git(tmp_path / "a project", "init", "-q")
    return tmp_path / "a project"


def git(folder: Path, *arguments: str) -> None:
    options = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "core.excludesFile="]
    subprocess.run(["git", *options, *arguments], cwd=folder, check=True, capture_output=True)


def test_it_changes_nothing_unless_asked(project):
    from alexvgg.tracking.journal import Journal
    from test_tracking import start_record

    (project / ".dvc/tmp").mkdir(parents=True)
    (project / ".dvc/tmp/rwlock").write_text("{")
    (project / "data").mkdir()
    (project / "data/.train.npy.x.part.npy").write_bytes(b"half")
    os.utime(project / "data/.train.npy.x.part.npy", (0, 0))
    journal = Journal.create(project / ".alexvgg/journals", **start_record())
    journal.append("end", status="FAILED")
    before = sorted(path for path in project.rglob("*") if path.is_file() and "mlflow" not in path.name)
    code, output = run(project)
    assert code == 6
    assert "2 problems left, see above; `alexvgg doctor --fix`" in output
    assert "1 runs are not completely in MLflow; `alexvgg sync`" in output
    assert sorted(path for path in project.rglob("*") if path.is_file() and "mlflow" not in path.name) == before
    code, output = run(project, "--fix")
    assert code == 0, output
    assert output.count("fixed ") == 3
    code, output = run(project)
    assert code == 0, output
    assert "MLflow answers and has every run that is recorded here" in output


# What the doctor opens


LOCK = "schema: '2.0'\nstages:\n  check:\n    cmd: python stages/check.py\n    outs:\n    - path: data/code\n"
PARAMS = (ROOT / "profiles/quickstart.yaml").read_text()
FILES = {
    ".dvc/config": "[core]\n    analytics = false\n",
    ".dvc/config.local": "[core]\n    check_update = false\n",
    "dvc.yaml": "stages:\n  check:\n    cmd: python stages/check.py\n",
    "dvc.lock": LOCK,
    "params.yaml": PARAMS,
    "profiles/mine.yaml": PARAMS,
    "profiles/mine.lock": LOCK,
    "data/networks.json": '{\n"roster": {"vgg16": 1}\n}\n',
    "data/description.json": '{\n"side": 8\n}\n',
    "data/code/stages/train.json": '{\n"code": {}\n}\n',
    "rows/quickstart/vgg16-0/summary.json": '{\n"model": "vgg16"\n}\n',
    "rows/quickstart/vgg16-0/history.csv": "epoch,loss\n1,2.0\n",
    "rows/mine/vgg16-0/answers.csv": "label,answer\n1,2\n",
    "reports/quickstart/results.json": '{\n"rows": []\n}\n',
}


def conflict(text: str) -> bytes:
    """About the second line."""
    first, second, *rest = text.splitlines(keepends=True)
    return "".join([first, "<<<<<<< HEAD\n", second, "=======\n", second, ">>>>>>> theirs\n", *rest]).encode()


DAMAGES = {  # how, and what is said of it
    "empty": (lambda text: b"", "is empty"),
    "conflict": (conflict, "has conflict markers (line 2)"),
    "binary": (lambda text: bytes(range(256)), "is not text (UTF-8)"),
    "another file": (lambda text: b"- 1\n- {2\n", ""),
    "a list": (lambda text: b"[1, 2]\n", ""),
    "nothing but zeros": (lambda text: b"\0" * 100, ""),
    "folder": (None, "cannot be read (Is a directory); move this folder away"),
    "dangling link": ("/nowhere", "cannot be read (No such file or directory)"),
    "denied": (PermissionError(13, "Permission denied"), "cannot be read (Permission denied); `chmod u+rw "),
}
FINE = {
    (".dvc/config", "empty"),
    (".dvc/config.local", "empty"),
    (".dvc/config", "a list"),
    (".dvc/config.local", "a list"),
}


def apply(damage: object, path: Path, monkeypatch) -> None:
    text = path.read_text()
    path.unlink()
    if damage is None:
        path.mkdir()
    elif isinstance(damage, str):
        path.symlink_to(damage)
    elif isinstance(damage, OSError):
        path.write_text(text)
        real = io.open

        def denied(file, *arguments, **options):
            if str(file) in (str(path), str(path.relative_to(Path.cwd()))):
                raise PermissionError(damage.errno, damage.strerror, str(file))
            return real(file, *arguments, **options)

        for module in (io, builtins):
            monkeypatch.setattr(module, "open", denied)  # this process may read everything
    else:
        path.write_bytes(damage(text))


@pytest.fixture
def state(tmp_path, monkeypatch) -> Path:
    """The files of a project, all whole, in which this process works."""
    for name, text in FILES.items():
        files.write_text(tmp_path / name, text)
    git(tmp_path, "init", "-q", "--template=")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "home"))
    return tmp_path


def opened(*subjects: str) -> list:
    """What the checks find that take no time, about these subjects."""
    slow = {"environment", "tracking", "machine"}
    checks = cli_state.checks(layout.project_root())
    found = [one for subject, check in checks if subject not in slow for one in doctor.carefully(subject, check)]
    return [one for one in found if not subjects or one.subject in subjects]


def problems(found: list) -> list[str]:
    return [one.text for one in found if one.level == "problem"]


def notes(found: list) -> list[str]:
    return [one.text for one in found if one.level == "note"]


def test_whole_files_are_no_problem(state):
    assert problems(opened()) == []


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named_with_what_repairs_it(state, name, damage, monkeypatch):
    how, says = DAMAGES[damage]
    with monkeypatch.context() as patch:
        apply(how, state / name, patch)
        said = {text for text in problems(opened()) if text.startswith(f"{name} ")}
    if (name, damage) in FINE:
        assert not said
        return
    [text] = said
    assert says in text and "; " in text and len(text.splitlines()) == 1


LOST_NOTHING = "then `make repro`: what was computed here is in DVC's cache, nothing is lost"
REPAIRS = {
    "dvc.lock": f"`rm dvc.lock`, {LOST_NOTHING}",
    "profiles/mine.lock": f"`rm profiles/mine.lock`, {LOST_NOTHING}",
    "dvc.yaml": "correct it, or bring back what was committed: `git checkout HEAD dvc.yaml`",
    ".dvc/config.local": "correct it, or remove it: `rm .dvc/config.local`",
    "params.yaml": "correct it, or copy one of profiles/*.yaml to it",
    "data/networks.json": "`make repro` brings it back",
    "rows/quickstart/vgg16-0/history.csv": "`make repro` brings it back",
    "rows/mine/vgg16-0/answers.csv": "`make repro PROFILE=mine` brings it back",
    "reports/quickstart/results.json": "`make repro` brings it back",
}


@pytest.mark.parametrize("name", REPAIRS)
def test_what_repairs_a_file(state, name):
    (state / name).write_bytes(bytes(range(256)))
    assert [text for text in problems(opened()) if text.startswith(f"{name} ")] == [
        f"{name} is not text (UTF-8); {REPAIRS[name]}"
    ]


def test_a_lock_that_was_whole_when_it_was_committed(state):
    git(state, "add", "dvc.lock")
    git(state, "commit", "-qm", "start")
    (state / "dvc.lock").write_text("")
    assert problems(opened("files")) == [f"dvc.lock is empty; `git checkout HEAD dvc.lock`, {LOST_NOTHING}"]
    (state / "dvc.lock").unlink()
    assert problems(opened("files")) == []  # it is made again


def test_without_git(state, monkeypatch):
    (state / "dvc.lock").write_text("")
    monkeypatch.setenv("PATH", "")
    assert problems(opened("files")) == [f"dvc.lock is empty; `rm dvc.lock`, {LOST_NOTHING}"]


def test_a_settings_file_of_the_person(state):
    files.write_text(state / "home/config", "hello")
    [said] = problems(opened("files"))
    assert said.startswith(f"{state}/home/config is damaged (") and "; correct it, or remove it: `rm " in said


def test_a_pipeline_that_lost_stages(state):
    for name in ("_project", "check", "train", "report"):
        files.write_text(state / f"stages/{name}.py", "")
    said = "dvc.yaml has no stage report, train; was that meant? else `git checkout HEAD dvc.yaml`"
    assert notes(opened("files")) == [said]


def test_damaged_records_of_trainings(state):
    from alexvgg.tracking.journal import Journal
    from test_tracking import start_record

    folder = state / ".alexvgg/journals"
    journal = Journal.create(folder, **start_record())
    journal.append("end", status="FINISHED")
    assert opened("journals") == []
    lines = journal.path.read_bytes()
    journal.path.write_bytes(lines + b"00000000 {}\n" * 2)
    assert notes(opened("journals")) == [f"2 damaged lines of {journal.path} are left out of MLflow"]
    journal.path.write_bytes(b"<<<<<<< HEAD\n" + lines)
    (folder / "binary.jsonl").write_bytes(bytes(range(256)))
    (folder / "empty.jsonl").write_bytes(b"")
    (folder / "folder.jsonl").mkdir()
    found = opened("journals")
    assert problems(found) == [f"{folder / 'folder.jsonl'}: Is a directory; move it away, then `alexvgg sync`"]
    paths = sorted([journal.path, folder / "binary.jsonl", folder / "empty.jsonl"])
    end = "so nothing of it is in MLflow"
    assert notes(found) == [f"{path} has no beginning, {end}; `rm {path}`, then `alexvgg sync`" for path in paths]


def test_what_a_check_dies_of_is_what_it_finds(state, monkeypatch):
    def dies():
        yield doctor.Diagnosis("ok", "first", "fine")
        raise RuntimeError("of\nwhatever")

    found = [(one.level, one.subject, one.text) for one in doctor.carefully("second", dies)]
    assert found == [("ok", "first", "fine"), ("problem", "second", "RuntimeError: of whatever")]
    for module, name in ((leftovers, "locks"), (cli_state.place, "links"), (machine, "processors")):
        monkeypatch.setattr(module, name, lambda *arguments: 1 / 0)
    monkeypatch.setattr(cli_state, "_tracking", lambda: 1 / 0)
    died = [one.subject for one in cli_state.diagnoses() if one.text == "ZeroDivisionError: division by zero"]
    assert died == ["machine", "project", "locks", "tracking"]


def test_a_fix_that_fails_is_said_and_the_next_is_tried(monkeypatch, capsys):
    def fails():
        raise PermissionError(13, "Permission denied", "rwlock")

    done = []
    found = [
        doctor.Diagnosis("problem", "locks", "first", fails),
        doctor.Diagnosis("problem", "locks", "second", lambda: done.append(2)),
    ]
    monkeypatch.setattr(cli_state, "diagnoses", lambda: found)
    with pytest.raises(EnvironmentProblem, match=r"1 problem left, see above$"):
        cli_state.examine(fix=True)
    assert capsys.readouterr().out.splitlines() == [
        "problem  locks        first (could not be fixed: rwlock: Permission denied)",
        "fixed    locks        second",
    ]
    assert done == [2]


def test_a_network_of_the_persons_that_cannot_be_imported(tmp_path):
    """Nearly every module imports it: the doctor outlives that, too."""
    project = Project(tmp_path / "alexvgg")
    registry = project.folder / "src/alexvgg/networks/registry.py"
    registry.write_text(registry.read_text().replace("import alexnet", "import mine, alexnet"))
    said = project.alexvgg("doctor", code=6)
    where = "src/alexvgg/networks/registry.py, line "
    assert f"problem  code         {where}" in said and ": ImportError: cannot import name 'mine'" in said
    assert "ok       project      git and DVC know this folder" in said
    assert "Traceback" not in said


# Where the project lies


def test_links_to_elsewhere(state):
    elsewhere = state.parent / f"{state.name} elsewhere"
    elsewhere.mkdir()
    shutil.rmtree(state / "data")
    (state / "data").symlink_to(elsewhere)
    (state / "rows/linked").symlink_to(elsewhere)
    (state / "reports/gone").symlink_to("/nowhere")
    (state / "weights").mkdir()
    (state / "weights/here").symlink_to(state / "profiles")  # inside: DVC can keep that
    (state / "rows/mine/vgg16-0/weights.h5").symlink_to(elsewhere / "in a cache of links")
    said = problems(opened("project"))
    assert [text.partition(" is a link to ")[0] for text in said] == ["data", "rows/linked", "reports/gone"]
    moved = "dvc cache dir --local /path/on/the/large/disk/dvc; dvc config --local cache.type symlink"
    assert said[0].endswith(f"`rm data; {moved}`")
    (state / ".dvc/cache").mkdir()
    [said, *_] = problems(opened("project"))
    assert said.endswith(f"`rm data; mv .dvc/cache /path/on/the/large/disk/dvc; {moved}; dvc checkout --relink`")


def test_a_project_in_no_repository(state):
    assert problems(opened("project")) == []
    shutil.rmtree(state / ".git")
    (state / ".git").mkdir()  # of which nothing was copied
    [said] = problems(opened("project"))
    assert said.startswith("this folder is in no git repository, which DVC needs")
    (state / ".dvc/config").write_text("[core]\n    no_scm = true\n")
    assert problems(opened("project")) == []
    shutil.rmtree(state / ".dvc")
    assert problems(opened("project")) == ["DVC's folder .dvc is missing; `git checkout HEAD .dvc`"]


def test_a_project_in_a_larger_repository(tmp_path):
    git(tmp_path, "init", "-q")
    files.write_text(tmp_path / "project/.dvc/config", "")
    assert levels(cli_state.place.repository(tmp_path / "project")) == ["ok"]


def test_a_file_where_a_folder_belongs(state):
    (state / ".alexvgg").write_text("")
    said = f"{state / '.alexvgg'} is a file where a folder belongs; move it away"
    assert said in problems(opened())


def test_the_cache_is_where_the_settings_say(state):
    (state / ".dvc/config.local").write_text(f"[cache]\n    dir = {state / 'disk/dvc'}\n")
    there = f"{state / 'disk/dvc'} does not exist yet; if it is on a disk, see that it is mounted"
    assert there in notes(opened("cache"))
    path = in_cache(state / "disk/dvc", b"weights")
    path.chmod(0o644)
    path.write_bytes(b"w3ights")
    assert problems(opened("cache")) == [f"{path} is damaged; remove it, and `dvc repro` makes it again"]
    (state / ".dvc/config.local").write_text("[cache")
    assert problems(opened("cache")) == []  # of the usual place; the settings are another check's


def test_a_cache_that_is_no_folder(state):
    (state / ".dvc/cache").write_text("")
    assert f"{state / '.dvc/cache'} is no folder; move it away" in problems(opened("cache"))


def test_a_damaged_list_of_a_folder_in_the_cache(tmp_path):
    path = in_cache(tmp_path, b"[]")
    path = path.rename(path.with_name(f"{path.name}.dir"))
    assert levels(leftovers.cache(tmp_path, tmp_path / "none")) == ["ok"]
    path.chmod(0o644)
    path.write_bytes(b"[")
    assert levels(leftovers.cache(tmp_path, tmp_path / "none")) == ["problem"]


def test_source_files_that_git_does_not_know(state):
    for name in ("src/alexvgg/networks/mine.py", "stages/it is.py", "src/notes.txt", "other.py"):
        files.write_text(state / name, "")
    names = "src/alexvgg/networks/mine.py 'stages/it is.py'"
    before = "before `dvc exp run --queue` or `--temp`, which run in a copy"
    assert notes(opened("project")) == [f"git does not know 2 source files; `git add -N {names}` {before}"]
    git(state, "add", "-N", "src", "stages")
    assert notes(opened("project")) == []


# The machine


def test_an_environment_that_was_made_elsewhere(tmp_path):
    here = tmp_path / "a project"
    inside = here / ".venv"
    assert list(machine.python(here, inside)) == []
    [found] = machine.python(here, tmp_path / "conda")
    assert found.level == "note"
    assert found.text.startswith(f"this is the Python of {tmp_path / 'conda'}, not the project's own; `make setup`")
    beginnings = ("#!{}/bin/python3.11\n", "#!/bin/sh\n'''exec' \"{}/bin/python\" \"$0\" \"$@\"\n' '''\n")
    for beginning in beginnings:
        files.write_text(inside / "bin/dvc", beginning.format(inside))
        assert list(machine.python(here, inside)) == []
        older = tmp_path / "an older project/.venv"
        files.write_text(inside / "bin/dvc", beginning.format(older))
        [found] = machine.python(here, inside)
        says = f"{inside} was made as {older}, and its programs still look there; `rm -r .venv`, then `make setup`"
        assert (found.level, found.text) == ("note", says)
    files.write_text(here / "src/alexvgg/__init__.py", "")
    files.write_text(inside / "bin/dvc", "")
    [found] = machine.python(here, inside)
    assert found.text.startswith(f"this `alexvgg` is the one in {ROOT / 'src/alexvgg'}, not this project's")


def test_folders_of_the_person_that_cannot_be_written_to(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert list(machine.folders()) == []
    none = tmp_path / "none"
    monkeypatch.setenv("HOME", str(none))
    monkeypatch.setenv("TMPDIR", str(none))
    found = list(machine.folders())
    assert levels(found) == ["note", "note"]
    assert found[0].text.startswith(f"HOME, {none}, cannot be written to (No such file or directory)")
    assert found[1].text.startswith(f"TMPDIR, {none}, cannot be written to (No such file or directory)")

    def nowhere():
        raise FileNotFoundError(2, "No usable temporary directory")

    monkeypatch.setattr(machine.tempfile, "gettempdir", nowhere)
    said = "No usable temporary directory; set TMPDIR to a folder that can be written to"
    assert list(machine.folders())[1].text == said


def test_processors_that_do_not_compute(monkeypatch):
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(machine.hardware, "threads", lambda: 8)
    assert list(machine.processors()) == []
    monkeypatch.setattr(machine.hardware, "threads", lambda: 2)
    [found] = machine.processors()
    assert found.level == "note"
    assert found.text.startswith("2 of this machine's 8 processors compute (affinity, a container's quota or ALEXVGG_")


# What is advised, done


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Project:
    """A project with results, committed."""
    project = Project(tmp_path_factory.mktemp("a project") / "alexvgg")
    project.environment["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"  # nobody there: that is quicker
    project.add_small_network()
    params = YAML(typ="safe", pure=True).load(PARAMS)
    params |= {"profile": "tiny", "models": {"small": {"architecture": "small", "crop": 16, "learning_rate": 1e-3}}}
    params["preprocess"]["val_fraction"] = 0.9
    params["training"]["epochs"] = 1
    project.params = params
    project.commit("start")
    project.repro()
    project.commit("results")
    return project


def advised(said: str) -> list[str]:
    return said.partition("into it: `")[2].rpartition("`")[0].split("; ")


@pytest.mark.slow  # a minute, with the project
def test_a_cache_on_a_larger_disk(made, tmp_path):
    project = Project.at(tmp_path / "copy")
    shutil.copytree(made.folder, project.folder, symlinks=True)
    project.environment = dict(made.environment)
    before = project.weights()
    (project.folder / "weights").rename(tmp_path / "weights")
    (project.folder / "weights").symlink_to(tmp_path / "weights")
    said = project.repro("--force", "--single-item", "train@small-0", code=255)[1]
    assert "is outside of git repository" in said  # what DVC says, after the training
    disk = tmp_path / "large disk"
    disk.mkdir()
    for command in advised(project.alexvgg("check", code=6)):
        program, *arguments = (one.replace("/path/on/the/large/disk", str(disk)) for one in command.split())
        project.dvc(*arguments) if program == "dvc" else project.run(program, *arguments)
    project.alexvgg("check")
    assert project.weights() == before
    assert (project.folder / "weights/tiny/small-0.weights.h5").readlink().is_relative_to(disk / "dvc")
    assert project.repro()[0] == set()
    project.params = {**project.params, "seeds": [1]}
    assert "train@small-1" in project.repro()[0]
    assert (project.folder / "weights/tiny/small-1.weights.h5").readlink().is_relative_to(disk / "dvc")
    assert project.stale() == set()


@pytest.mark.slow
@pytest.mark.parametrize("side", ["theirs", "ours"])
def test_one_side_of_a_merge_and_nothing_is_lost(made, tmp_path, side):
    project = Project.at(tmp_path / "copy")
    shutil.copytree(made.folder, project.folder, symlinks=True)
    project.environment = dict(made.environment)
    start = project.run("git", "rev-parse", "HEAD").strip()
    for branch, seed in (("theirs", 1), ("ours", 2)):
        project.run("git", "checkout", "--quiet", "-b", branch, start)
        project.params = {**project.params, "seeds": [seed]}
        project.repro()
        project.commit(branch)
    project.run("git", "merge", "--quiet", "theirs", code=1)
    said = project.alexvgg("check", code=3)
    assert "dvc.lock has conflict markers (line " in said
    assert "take one side with `git checkout --theirs dvc.lock` (or --ours), then `make repro`: " in said
    for name in project.run("git", "diff", "--name-only", "--diff-filter=U").split():
        project.run("git", "checkout", f"--{side}", name)
    for seed in (1, 2):
        project.params = {**project.params, "seeds": [seed]}
        project.alexvgg("check")
        assert project.repro()[0] <= {"check", "report"}  # of the row itself nothing is computed again


@pytest.mark.slow
def test_a_file_that_an_experiment_lacks(made, tmp_path):
    project = Project.at(tmp_path / "copy")
    shutil.copytree(made.folder, project.folder, symlinks=True)
    project.environment = dict(made.environment)
    networks = project.folder / "src/alexvgg/networks"
    (networks / "other.py").write_text((networks / "small.py").read_text())
    registry = (networks / "registry.py").read_text()
    (networks / "registry.py").write_text(
        registry.replace("import small", "import other, small").replace("    \"small\":", '    "other": other.ARCHITECTURE,\n    "small":')
    )  # fmt: skip
    other = {"architecture": "other", "crop": 16, "learning_rate": 1e-3}
    project.params = {**project.params, "models": {"other": other}}
    said = project.dvc("exp", "run", "--temp", code=255)
    assert (
        "error: src/alexvgg/networks/other.py is not in this experiment's copy of the project, since git does not know "
        "it; `git add -N src/alexvgg/networks/other.py`, then run or queue the experiment again\n"
    ) in said
    assert "Traceback" not in said
    project.run("git", "add", "-N", "src/alexvgg/networks/other.py")
    assert "Ran experiment(s): " in project.dvc("exp", "run", "--temp")
