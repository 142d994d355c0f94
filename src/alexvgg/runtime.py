"""TensorFlow, set up the same way every time: fast, repeatable, quiet.

Call `start` before anything else imports TensorFlow.
"""

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Those that decide which of oneDNN's kernels run, and so how sums are rounded.
CPU_FEATURES = {
    "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "avx_vnni",
    "amx_tile", "amx_bf16", "amx_int8",
}  # fmt: skip
VECTORS = {
    "amx_bf16": "AVX-512 and AMX",
    "avx512_bf16": "AVX-512 with BF16",
    "avx512f": "AVX-512",
    "avx2": "AVX2",
    "avx": "AVX",
}  # fmt: skip - the widest first


HUGE_PAGES = "glibc.malloc.hugetlb=1"


def with_huge_pages() -> None:
    """Begin this program again, on Linux, with a C library that asks for pages of 2 MB; at once if it does so already.

    Every step allocates its tensors anew, and mapping them in pages of 4 KB takes a part of its time. The C library
    reads this setting before a program begins (docs/decisions/0009-huge-pages.md).
    """
    earlier = os.environ.get("GLIBC_TUNABLES", "")
    if sys.platform == "linux" and "glibc.malloc.hugetlb" not in earlier:
        os.environ["GLIBC_TUNABLES"] = ":".join(filter(None, (earlier, HUGE_PAGES)))
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def start(precision: str, seed: int) -> Any:
    """Import TensorFlow, set it up, and return the module.

    oneDNN is off by default on many CPUs, where it trains these networks faster (benchmarks/results).
    Deterministic kernels cost nothing on a CPU. `precision` is a Keras dtype policy. Raises RuntimeError if somebody
    else imported TensorFlow before: it has read its settings by then.
    """
    if "tensorflow" in sys.modules and os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "1":
        raise RuntimeError("TensorFlow was imported before `runtime.start`, so it would compute without oneDNN")
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet_stderr():
        import keras
        import tensorflow as tf

        tf.config.list_physical_devices()

    tf.config.threading.set_intra_op_parallelism_threads(threads())
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.enable_op_determinism()
    keras.config.disable_traceback_filtering()
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(seed)
    return tf


def threads() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_features() -> set[str]:
    """Those of `CPU_FEATURES` that this processor has; none where the system does not tell."""
    return set(_cpuinfo("flags").split()) & CPU_FEATURES


def hardware() -> str:
    """The class of hardware, for a table: no host, no serial numbers. TensorFlow has to be started."""
    import tensorflow as tf

    if gpus := _gpus(tf):
        return f"{len(gpus)} × {gpus[0]}"
    features = cpu_features()
    vectors = next((name for feature, name in VECTORS.items() if feature in features), platform.machine())
    return f"CPU, {threads()} threads, {vectors}"


def versions() -> dict[str, str]:
    """What computed: versions, processor type, threads, GPUs. TensorFlow has to be started."""
    import keras
    import tensorflow as tf

    gpus = _gpus(tf)
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "machine": platform.machine(),
        "system": platform.system(),
        "processor": _cpuinfo("model name"),
        "cpu_features": " ".join(sorted(cpu_features())),
        "threads": str(threads()),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", ""),
        **({"gpus": ", ".join(gpus)} if gpus else {}),
    }


def _gpus(tf: Any) -> list[str]:
    """The names of the GPUs that TensorFlow sees."""
    details = tf.config.experimental.get_device_details
    return [details(gpu).get("device_name", "GPU") for gpu in tf.config.list_physical_devices("GPU")]


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """TensorFlow's C++ part greets before it reads its own log level; a Python error still comes through."""
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


def _cpuinfo(name: str) -> str:
    """A line of the first processor's entry; where there is no such file, what Python knows."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - a device, not a file
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith(name))
    except (OSError, StopIteration):
        return platform.processor()
