"""The doctor sees what stands in the way, says what to do, and touches nothing unless asked."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from alexvgg import doctor, files
from alexvgg.checkpoint import Checkpoints
from alexvgg.params import Digits
from conftest import DIGITS_SHA256, ROOT
from test_checkpoint import snapshot


def levels(findings) -> list[str]:
    return [finding.level for finding in findings]


def test_environment_as_pinned():
    assert levels(doctor.environment(ROOT / "requirements.lock"))[0] == "ok"


def test_environment_other_than_pinned(tmp_path):
    (tmp_path / "lock").write_text(
        "numpy==0.1 \\\n    --hash=sha256:00\ntqdm==0.2 ; python_version < '3'\nnone-such==1 ; python_version > '3'\n"
    )
    finding = next(iter(doctor.environment(tmp_path / "lock")))
    assert finding.level == "problem"
    assert "instead of ==0.1, none-such none instead of ==1; run `make setup`" in finding.text


def test_archive(quickstart, tmp_path):
    from alexvgg.data import download
    from alexvgg.params import Params

    params = Params.model_validate(quickstart)
    path = tmp_path / "archive.gz"
    assert levels(doctor.archive(params, path, None)) == ["note"]
    download.fetch(Digits(source="digits", sha256=[DIGITS_SHA256]), None, path, lambda: None)
    assert levels(doctor.archive(params, path, None)) == ["ok"]
    path.write_bytes(path.read_bytes()[:-1])
    assert levels(doctor.archive(params, path, None)) == ["problem"]


def test_bfloat16_on_a_processor_without_instructions_for_it(quickstart):
    from alexvgg.params import Params

    assert levels(doctor.precision(Params.model_validate(quickstart), {"avx2"})) == []
    quickstart["models"]["vgg16"]["precision"] = "mixed_bfloat16"
    params = Params.model_validate(quickstart)
    finding = next(doctor.precision(params, {"avx2", "avx512f"}))
    assert finding.level == "note"
    assert "which vgg16 would train in" in finding.text
    assert levels(doctor.precision(params, {"avx512f", "amx_bf16"})) == []
    assert levels(doctor.precision(params, {"avx512f", "avx512_bf16"})) == []


def test_cache(tmp_path):
    content = b"weights"
    md5 = hashlib.md5(content).hexdigest()
    cached = tmp_path / "cache/files/md5" / md5[:2] / md5[2:]
    cached.parent.mkdir(parents=True)
    cached.write_bytes(content)
    cached.chmod(0o444)
    lock = tmp_path / "dvc.lock"
    files.write_text(lock, f"stages:\n  train:\n    outs:\n    - path: {tmp_path}/w\n      md5: {md5}\n")
    assert levels(doctor.cache(tmp_path / "cache", lock)) == ["ok"]
    cached.unlink()
    cached.write_bytes(b"w3ights")
    [finding] = doctor.cache(tmp_path / "cache", lock)
    assert finding.level == "problem"
    assert cached.exists()
    finding.mend()
    assert levels(doctor.cache(tmp_path / "cache", lock)) == ["note"]  # it is nowhere now


def test_locks(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for pid, expected in ((os.getpid(), []), (gone.pid, ["note"])):
        entry = {"pid": pid, "cmd": "dvc repro"}
        (tmp_path / "rwlock").write_text(json.dumps({"read": {"a": [entry]}, "write": {"b": entry}}))
        found = list(doctor.locks(tmp_path, tmp_path / "ours"))
        assert levels(found) == expected
    (tmp_path / "rwlock").write_text('{"read": ')
    [finding] = doctor.locks(tmp_path, tmp_path / "ours")
    assert finding.level == "problem"
    finding.mend()
    assert levels(doctor.locks(tmp_path, tmp_path / "ours")) == ["ok"]
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours/killed.lock").write_text("")
    with FileLock(tmp_path / "ours/alive.lock"):
        found = list(doctor.locks(tmp_path, tmp_path / "ours"))
        assert [finding.text for finding in found] == [
            "1 files of locks that nobody holds, harmless",
            "1 computations are under way",
        ]
        found[0].mend()
    assert not (tmp_path / "ours/killed.lock").exists()


def test_leftovers_and_checkpoints(tmp_path):
    assert levels(doctor.leftovers([tmp_path])) == levels(doctor.checkpoints(tmp_path / "c")) == ["ok"]
    with Checkpoints(tmp_path / "c" / "alexnet-0-0123") as checkpoints:
        checkpoints.save(snapshot(3))
        checkpoints.wait()
    [finding] = doctor.checkpoints(tmp_path / "c")
    assert finding.level == "note"
    assert "alexnet-0-0123: 1 whole; the command that began it goes on from there" in finding.text
    for path in (tmp_path / "c").rglob("*.checkpoint"):
        path.write_bytes(b"")
    assert levels(doctor.checkpoints(tmp_path / "c")) == ["problem"]
    half = tmp_path / "c" / ".weights.h5.abc.part.h5"
    half.write_bytes(b"half")
    assert levels(doctor.leftovers([tmp_path])) == ["ok"]  # it may be being written
    os.utime(half, (0, 0))
    [finding] = doctor.leftovers([tmp_path])
    finding.mend()
    assert not half.exists()


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "ALEXVGG"))}
    command = [sys.executable, "-m", "alexvgg.cli", "doctor", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def project(tmp_path) -> Path:
    for name in ("params.yaml", "requirements.lock", "dvc.yaml"):
        files.write_bytes(tmp_path / "a project" / name, (ROOT / name).read_bytes())
    return tmp_path / "a project"


def test_it_changes_nothing_unless_asked(project):
    from alexvgg.journal import Journal
    from test_tracking import identity

    (project / ".dvc/tmp").mkdir(parents=True)
    (project / ".dvc/tmp/rwlock").write_text("{")
    (project / "data").mkdir()
    (project / "data/.train.npy.x.part.npy").write_bytes(b"half")
    os.utime(project / "data/.train.npy.x.part.npy", (0, 0))
    journal = Journal.create(project / ".alexvgg/journals", **identity())
    journal.append("end", status="FAILED")
    before = sorted(path for path in project.rglob("*") if path.is_file() and "mlflow" not in path.name)
    code, output = run(project)
    assert code == 6
    assert "2 problems left, see above; `alexvgg doctor --fix`" in output
    assert "1 runs are not in MLflow as they are on disk; `alexvgg sync`" in output
    assert sorted(path for path in project.rglob("*") if path.is_file() and "mlflow" not in path.name) == before
    code, output = run(project, "--fix")
    assert code == 0, output
    assert output.count("fixed ") == 3
    code, output = run(project)
    assert code == 0, output
    assert "MLflow answers and has every run that is recorded here" in output
