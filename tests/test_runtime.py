"""The process that computes is set up before it begins."""

import os
import subprocess
import sys

import pytest

from alexvgg.system import hardware
from conftest import ROOT

PROGRAM = """
import os, sys
sys.path.insert(0, {source!r})
from alexvgg.system import process
process.with_huge_pages()
print(os.environ.get("GLIBC_TUNABLES"), sys.argv[1:], os.getpid())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of Linux's C library")
@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        ("", "glibc.malloc.hugetlb=1"),
        ("glibc.malloc.check=0", "glibc.malloc.check=0:glibc.malloc.hugetlb=1"),
        ("glibc.malloc.hugetlb=0", "glibc.malloc.hugetlb=0"),  # somebody's own choice
    ],
)
def test_it_begins_again_once_with_huge_pages_and_the_same_arguments(tmp_path, earlier, expected):
    script = tmp_path / "a program.py"
    script.write_text(PROGRAM.format(source=str(ROOT / "src")))
    environment = os.environ | {"GLIBC_TUNABLES": earlier}
    process = subprocess.Popen(
        [sys.executable, script, "one two", "3"], env=environment, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    output = process.communicate()[0]
    assert output == f"{expected} ['one two', '3'] {process.pid}\n"


def test_it_refuses_a_tensorflow_that_somebody_else_imported():
    """TensorFlow reads its settings once: without oneDNN it would compute, but slower and with other sums."""
    program = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\nimport tensorflow\nfrom alexvgg.networks import runtime\n"
    environment = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    done = subprocess.run(
        [sys.executable, "-c", program + "runtime.start('float32', 0)"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "imported before `runtime.start`" in done.stderr


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"avx", "avx2", "avx512f", "amx_bf16"}, "AVX-512 and AMX"),
        ({"avx", "avx2", "avx512f", "avx512_bf16"}, "AVX-512 with BF16"),
        ({"avx", "avx2", "avx512f"}, "AVX-512"),
        ({"avx", "avx2"}, "AVX2"),
    ],
)
def test_a_table_names_the_widest_that_the_processor_has(tf, monkeypatch, features, expected):
    monkeypatch.setattr(hardware, "cpu_features", lambda: features)
    assert hardware.title().endswith(f"threads, {expected}")
