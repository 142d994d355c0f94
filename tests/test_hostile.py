"""On somebody else's machine: whatever its settings are, the bytes are the same."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from project import Project
from test_restoring import tiny

HOME = {  # what other tools' settings say there
    ".keras/keras.json": '{"floatx": "float16", "epsilon": 0.1, "backend": "jax", "image_data_format": "channels_first"}',
    ".config/matplotlib/matplotlibrc": "backend: TkAgg\nfigure.dpi: 300\nfont.size: 30\nsavefig.transparent: True\n",
    ".config/pip/pip.conf": "[global]\nindex-url = https://packages.invalid/simple\nrequire-virtualenv = true\n",
    ".config/dvc/config": "[core]\n    autostage = true\n[cache]\n    type = symlink\n",
    ".gitconfig": (
        "[core]\n\tautocrlf = true\n\tquotePath = true\n\thooksPath = /nowhere\n\tpager = false\n"
        "[commit]\n\tgpgSign = true\n[status]\n\tshowUntrackedFiles = no\n[color]\n\tui = always\n"
        "[diff]\n\texternal = false\n[user]\n\tuseConfigOnly = true\n"
    ),
    ".local/lib/python3.11/site-packages/sitecustomize.py": "raise SystemExit('of the person, not of the project')\n",
    "modules/numpy.py": "raise ImportError('another numpy')\n",
    "modules/json.py": "raise ImportError('another json')\n",
}
LEFT_OVER = {
    "KERAS_BACKEND": "jax",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "XLA_FLAGS": "--no_such_flag=1",
    "TF_USE_LEGACY_KERAS": "1",
    "MPLBACKEND": "TkAgg",
    "MLFLOW_RUN_ID": "0123456789abcdef0123456789abcdef",
    "MLFLOW_EXPERIMENT_NAME": "another",
    "MLFLOW_REGISTRY_URI": "http://127.0.0.1:9",
    "PYTHONHASHSEED": "7",
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "ignore",
    "PYTHONIOENCODING": "ascii",
    "TQDM_DISABLE": "1",
    "GLIBC_TUNABLES": "glibc.malloc.check=3",
    "LC_ALL": "C",
    "LANG": "C",
    "LANGUAGE": "ko",
    "PANDAS_COPY_ON_WRITE": "0",
    "NO_PROXY": "*",
}


@pytest.fixture
def home(tmp_path) -> Iterator[Path]:
    """A home with other tools' settings, in which nothing can be written."""
    folder = tmp_path / "home"
    folder.mkdir()
    small_disk = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(small_disk, capture_output=True, check=False).returncode == 0
    for name, content in HOME.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    if mounted:
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    else:  # root may write anywhere: then only the settings are hostile
        folder.chmod(0o555)
    yield folder
    if mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)
    else:
        folder.chmod(0o755)


def made(folder: Path) -> Project:
    """A project whose only row is a small network's, on few images."""
    project = Project(folder)
    project.add_small_network()
    params = tiny("tiny", 0.93)
    params["models"].pop("other")
    YAML().dump(params, folder / "params.yaml")
    return project


@pytest.mark.slow
def test_settings_of_other_tools_change_no_byte(tmp_path, home):
    clean = made(tmp_path / "clean")
    clean.environment["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"
    clean.repro()

    hostile = made(tmp_path / "it's 한 project")
    (hostile.folder / "matplotlibrc").write_text("lines.linewidth: 9\n")
    hostile.environment |= LEFT_OVER | {"HOME": str(home)}
    done = subprocess.run(
        # With modules that hide others, which are DVC's business in its own process: it hands the variable on.
        ["sh", "-c", f'"{sys.executable}" -m dvc repro && PYTHONPATH="{home}/modules" "{sys.executable}" stages/check.py'],
        cwd=hostile.folder, env=hostile.environment, stdin=subprocess.DEVNULL, capture_output=True,
        start_new_session=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert hostile.weights() == clean.weights()
    assert hostile.outputs() == clean.outputs()
    shown = hostile.alexvgg("show")
    assert "Val_ACC" in shown and shown.isascii()
    assert hostile.alexvgg("sync").startswith("1 runs")
