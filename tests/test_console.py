"""How programs end: one line, an exit code, a traceback only when asked for."""

import pytest

from alexvgg.system import console, errors


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (errors.ParamsError("found x, allowed is y; do z"), 2, "error: found x, allowed is y; do z"),
        (errors.DataError("d"), 3, "error: d"),
        (errors.TrainingError("t"), 4, "error: t"),
        (errors.TrackingError("t"), 5, "error: t"),
        (errors.EnvironmentProblem("e"), 6, "error: e"),
        (
            OSError(28, "No space left on device", "weights/x"),
            6,
            "weights/x: No space left on device; check that there is space",
        ),
        (PermissionError(13, "Permission denied", "data"), 6, "data: Permission denied"),
        (ModuleNotFoundError("No module named 'tqdm'", name="tqdm"), 6, "tqdm is not installed here; run `make setup`"),
        (MemoryError(), 6, "out of memory; lower batch_size"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ValueError("two\nlines"), 1, "ValueError: two lines (a fault of alexvgg: please report it"),
    ],
)
def test_errors_are_one_line_and_a_code(capsys, raised, code, message):
    def program():
        raise raised

    with pytest.raises(SystemExit) as ended:
        console.run(program, debug=False)
    output = capsys.readouterr().err
    assert ended.value.code == code
    assert message in output
    assert len(output.splitlines()) == 1
    with pytest.raises(SystemExit):
        console.run(program, debug=True)
    assert "Traceback" in capsys.readouterr().err


def test_success_is_zero():
    with pytest.raises(SystemExit) as ended:
        console.run(lambda: None, debug=False)
    assert ended.value.code == 0


def test_an_earlier_result_is_found_where_the_cache_was_moved_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.lock").write_text(
        f"schema: '2.0'\nstages:\n  train@a-0:\n    cmd: x\n    outs:\n    - path: a\n      md5: {'1' * 32}\n"
    )
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text(f"[cache]\n    dir = {tmp_path / 'large disk'}\n")
    assert console._way_back("train@a-0") == ""
    moved = tmp_path / "large disk/files/md5/11"
    moved.mkdir(parents=True)
    (moved / ("1" * 30)).touch()
    assert console._way_back("train@a-0") == "; `dvc checkout train@a-0` brings its earlier result back"
