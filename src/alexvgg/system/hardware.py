"""What computes here: processor, threads, GPUs, versions."""

import os
import platform
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


def threads() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_features() -> set[str]:
    """Those of `CPU_FEATURES` that this processor has; empty where the system does not say."""
    return set(_cpuinfo("flags").split()) & CPU_FEATURES


def title() -> str:
    """The class of hardware, for a table: no host, no serial numbers. TensorFlow has to be started."""
    import tensorflow as tf

    if gpus := _gpus(tf):
        return f"{len(gpus)} × {gpus[0]}"
    features = cpu_features()
    vectors = next((name for feature, name in VECTORS.items() if feature in features), platform.machine())
    return f"CPU, {threads()} threads, {vectors}"


def environment() -> dict[str, str]:
    """What the bits of a result depend on: versions, processor type, threads, GPUs. TensorFlow has to be started."""
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


def _cpuinfo(name: str) -> str:
    """A line of the first processor's entry; where there is no such file, what Python knows."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - a device, not a file
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith(name))
    except (OSError, StopIteration):
        return platform.processor()
