"""The doctor sees what stands in the way, says what to do, and touches nothing unless asked."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from alexvgg.checkpoints.store import Checkpoints
from alexvgg.cli import doctor, leftovers
from alexvgg.data.registry import SOURCES
from alexvgg.params import file
from alexvgg.system import files
from conftest import DIGITS_SHA256, ROOT
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
    files.write_text(path, f"stages:\n  train:\n    outs:\n    - path: {output}\n      md5: {md5}\n")
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
    for name in ("params.yaml", "requirements.lock", "dvc.yaml"):
        files.write_bytes(tmp_path / "a project" / name, (ROOT / name).read_bytes())
    return tmp_path / "a project"


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
