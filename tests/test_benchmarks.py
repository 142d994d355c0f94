"""The programs that `make bench` starts do what they are timed for."""

import json
import subprocess
import sys

import pytest

from conftest import ROOT


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "arguments"),
    [("full", ["alexnet", "67", "8", "float32", "1000"]), ("step", ["alexnet", "67", "8", "--precision", "float32"])],
)
def test_a_contestant_works_as_long_as_it_is_told(program, arguments):
    command = [sys.executable, str(ROOT / f"benchmarks/contestants/{program}.py"), *arguments]
    ended = subprocess.run(command, input="0.5\n0.5\n", capture_output=True, text=True, timeout=300)
    facts, *windows = map(json.loads, ended.stdout.splitlines())
    assert isinstance(facts, dict), ended.stderr
    assert len(windows) == 2, ended.stderr
    for images, seconds in windows:
        assert images % 8 == 0 and images > 0 and seconds >= 0.5
