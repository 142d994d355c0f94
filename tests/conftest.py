"""What tests share: TensorFlow set up once, small archives, small parameter files."""

import io
import os
import pickle
import signal
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent

# Tests send signals, which `nohup` and a shell's background make all programs in them ignore.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGHUP else signal.default_int_handler)
# One processor for each of pytest-xdist's workers and what it starts: two that share two are slower than one at a time.
worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if worker and hasattr(os, "sched_setaffinity"):
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[int(worker[2:]) % len(processors)]})
CIFAR100_ARCHIVE = os.environ.get("ALEXVGG_CIFAR100_ARCHIVE")
DIGITS_SHA256 = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"


def committed(path: str) -> str:
    """A file of the project as it was committed, whatever somebody made of it since."""
    return subprocess.run(["git", "show", f"HEAD:{path}"], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def quiet(**_) -> None:
    """For callbacks that a test does not care about."""


def damage(path: Path, random: np.random.Generator) -> None:
    """Flip a random bit of a file, or cut it off somewhere."""
    content = bytearray(path.read_bytes())
    position = int(random.integers(len(content)))
    if random.random() < 0.5:
        content[position] ^= 1 << int(random.integers(8))
        path.write_bytes(content)
    else:
        path.write_bytes(content[:position])


@pytest.fixture(scope="session")
def tf():
    """TensorFlow as the stages use it."""
    from alexvgg.networks import runtime

    return runtime.start("float32", 0)


@pytest.fixture
def quickstart() -> dict:
    """The quickstart's parameters, to change and write."""
    return YAML(typ="safe", pure=True).load(ROOT / "profiles" / "quickstart.yaml")


@pytest.fixture
def write_params(tmp_path):
    """Writes parameters to a file; returns its path."""

    def write(content) -> Path:
        path = tmp_path / "params.yaml"
        if isinstance(content, str):
            path.write_text(content)
        else:
            YAML().dump(content, path)
        return path

    return write


def cifar_members(per_class: dict[str, int]) -> dict[str, dict]:
    """The members of an archive in CIFAR-100's published format, with fewer images."""
    random = np.random.default_rng(0)
    members = {}
    for name, count in per_class.items():
        labels = np.tile(np.arange(100), count)
        members[name] = {
            b"data": random.integers(0, 256, (len(labels), 3072), dtype=np.uint8),
            b"fine_labels": labels.tolist(),
            b"coarse_labels": (labels // 5).tolist(),
            b"filenames": [b"image.png"] * len(labels),
            b"batch_label": b"batch",
        }
    members["meta"] = {
        b"fine_label_names": [b"class%d" % i for i in range(100)],
        b"coarse_label_names": [b"group%d" % i for i in range(20)],
    }
    return members


def write_archive(path: Path, members: dict, prefix: str = "cifar-100-python/") -> Path:
    """A tar.gz with pickled members; bytes are taken as they are."""
    with tarfile.open(path, "w:gz") as tar:
        for name, value in members.items():
            content = value if isinstance(value, bytes) else pickle.dumps(value, protocol=2)
            info = tarfile.TarInfo(prefix + name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path
