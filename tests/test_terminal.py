"""Terminals that lack letters, readers that go away, terminals that are closed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

STAGE = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, {str(ROOT / "src")!r})
from alexvgg.system import console

def main():
    print("first", flush=True)
    sys.stdin.readline()  # until the reader is gone
    for number in range(5000):
        print("out", number)
        print("err", number, file=sys.stderr)
    Path("made").write_text("whole")

console.stage(main, "")
"""
COMMAND = f"""
import sys
sys.path.insert(0, {str(ROOT / "src")!r})
from alexvgg.system import console
console.run(lambda: [print("±", number) for number in range(100_000)], False)
"""


def start(program: str, folder: Path, **streams) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", program], cwd=folder, stdin=subprocess.PIPE, text=True, **streams)


def test_a_stage_outlives_who_reads_what_it_prints(tmp_path):
    stage = start(STAGE, tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert stage.stdout.readline() == "first\n"
    stage.stdout.close()
    stage.stdin.close()
    assert stage.wait(60) == 0
    assert (tmp_path / "made").read_text() == "whole"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_stage_outlives_a_full_disk_under_its_log(tmp_path):
    with Path("/dev/full").open("w") as full:
        stage = start(STAGE, tmp_path, stdout=full, stderr=full)
        stage.stdin.close()
        assert stage.wait(60) == 0
    assert (tmp_path / "made").read_text() == "whole"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_command_says_that_its_output_could_not_be_written(tmp_path):
    with Path("/dev/full").open("w") as full:
        command = start(COMMAND, tmp_path, stdout=full, stderr=subprocess.PIPE)
        said = command.communicate()[1]
    assert command.returncode == 6
    assert said == "error: [Errno 28] No space left on device; check that there is space and that the folder can be " \
        "written to, then run this again\n"  # fmt: skip


def test_a_command_whose_reader_has_enough_ends_quietly(tmp_path):
    command = start(COMMAND, tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert command.stdout.readline().strip().endswith("0")
    command.stdout.close()
    assert command.wait(60) == 0
    assert command.stderr.read() == ""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
def test_a_stage_outlives_its_terminal(tmp_path):
    ours, theirs = os.openpty()
    stage = start(STAGE, tmp_path, stdout=theirs, stderr=theirs)
    os.close(theirs)
    assert os.read(ours, 100).startswith(b"first")
    os.close(ours)  # what is printed now is an input/output error
    stage.stdin.close()
    assert stage.wait(60) == 0
    assert (tmp_path / "made").read_text() == "whole"


def test_without_any_output_a_program_runs_too(tmp_path):
    closed = f'exec "{sys.executable}" -c "$0" >&- 2>&-'
    done = subprocess.run(["sh", "-c", closed, STAGE], cwd=tmp_path, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0
    assert (tmp_path / "made").read_text() == "whole"


def test_without_standard_streams_no_file_takes_their_place(tmp_path):
    show = "import os, sys; from alexvgg.system import process; process.begin_again(sys.argv[1]); "
    show = show.replace("sys.argv[1]", "__import__('pathlib').Path(sys.argv[1])")
    show += "file = open('made', 'w'); file.write(str(file.fileno())); file.close()"
    closed = f'exec "{sys.executable}" -c "$0" "$1" <&- >&- 2>&-'
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    subprocess.run(["sh", "-c", closed, show, str(tmp_path)], cwd=tmp_path, env=environment, check=True)
    assert int((tmp_path / "made").read_text()) > 2


@pytest.mark.parametrize("ignored", [False, True], ids=["", "under nohup"])
def test_the_end_of_the_terminal_is_an_interruption_unless_it_is_to_be_ignored(tmp_path, ignored):
    program = STAGE.replace("sys.stdin.readline()", "time.sleep(2)")
    handler = (lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) if ignored else None
    stage = start(program, tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=handler)
    assert stage.stdout.readline() == "first\n"
    stage.send_signal(signal.SIGHUP)
    said = stage.communicate()[0]
    assert (stage.returncode, "error: interrupted" in said) == ((0, False) if ignored else (130, True))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp949", "utf-8"])
def test_a_terminal_that_lacks_letters_gets_others(tmp_path, encoding):
    program = COMMAND.replace("100_000", "1").replace("±", "± 한 –")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, check=False,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == ("± 한 –".encode(encoding, "replace") + b" 0\n")


def test_a_program_begins_again_once():
    """macOS and others add variables of their own to every program, which would make it begin again for ever."""
    begin = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); from alexvgg.system import process; "
    added = "process.environment = lambda given, root: dict(given) | {'MADE': str(len(given))}; "
    program = f"{begin}{added}process.begin_again({str(ROOT)!r}); import os; print(process.BEGUN in os.environ)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_an_interruption_before_a_stage_has_begun_is_no_traceback():
    program = "import _project, os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(60)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT / "stages", capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
