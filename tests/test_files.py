"""Files are the old ones or the new ones."""

import pytest

from alexvgg.system import files


def test_an_error_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "out.json"
    files.write_json(path, 1)
    with pytest.raises(RuntimeError), files.replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert [file.name for file in tmp_path.iterdir()] == ["out.json"]
    assert files.read_json(path) == 1


def test_what_a_killed_process_left_half_written_goes_away(tmp_path):
    names = [".out.json.abc.part", ".m.weights.h5.abc.part.weights.h5", ".other.json.abc.part"]
    for name in names:
        (tmp_path / name).write_text("half")
    files.write_json(tmp_path / "out.json", 1)
    with files.replacing(tmp_path / "m.weights.h5", suffix=".weights.h5") as temporary:
        temporary.write_text("whole")
    assert sorted(file.name for file in tmp_path.iterdir()) == [names[2], "m.weights.h5", "out.json"]
