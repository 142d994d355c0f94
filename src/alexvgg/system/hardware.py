"""What computes here: processor, threads, GPUs, versions."""

import math
import os
import platform
from pathlib import Path
from typing import Any

from alexvgg.system.errors import EnvironmentProblem

THREADS = "ALEXVGG_THREADS"  # a variable, since it belongs to a machine
MOST_THREADS = 1024
CGROUPS = Path("/sys/fs/cgroup")

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
    """With how many threads to compute: what `ALEXVGG_THREADS` says, or as many processors as this process may use.

    Those that it is bound to, and no more than its container may use at once: with more threads they wait for each
    other. Raises EnvironmentProblem if the variable is no number above 0.
    """
    if asked := os.environ.get(THREADS):
        if not asked.isdecimal() or not 0 < int(asked) <= MOST_THREADS:
            raise EnvironmentProblem(
                f"{THREADS} is {asked!r}; set it to a number from 1 to {MOST_THREADS}, or unset it"
            )
        return int(asked)
    bound_to = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min(bound_to, quota(CGROUPS, Path("/proc/self/cgroup")))))


def processors() -> list[int]:
    """The numbers of the processors that this process may use; it may be that fewer `threads` are to compute."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def gpu_numbers() -> list[str]:
    """The NVIDIA GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them."""
    if (named := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [each for each in named.split(",") if each not in ("", "-1")]
    return [str(number) for number, _ in enumerate(sorted(Path("/proc/driver/nvidia/gpus").glob("*")))]


def quota(groups: Path, membership: Path) -> float:
    """How many processors' time Linux allows this process; infinite if it does not limit it.

    `membership` (`/proc/self/cgroup`) says in which control groups it is; the least of a group's limit and of those of
    the groups around it holds. Version 2 writes it as "quota period" in microseconds, version 1 into two files.
    """
    found = [math.inf]
    for line in _lines(membership):
        _, controllers, path = line.split(":", 2)
        if not controllers or "cpu" in controllers.split(","):
            folder = groups / controllers if controllers else groups
            inside = folder / path.strip("/")  # in a container its own group is the root
            for group in (inside, *inside.parents, folder):
                if group == folder or folder in group.parents:
                    found.append(_limit(group))
    return min(found)


def _limit(group: Path) -> float:
    numbers = " ".join([*_lines(group / "cpu.max"), *_lines(group / "cpu.cfs_quota_us")]).split()
    numbers += " ".join(_lines(group / "cpu.cfs_period_us")).split()
    try:
        allowed, period = map(float, numbers[:2])
    except ValueError:  # "max", or no such files
        return math.inf
    return allowed / period if allowed > 0 and period > 0 else math.inf


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


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
    return f"CPU, {threads()} thread{'s' * (threads() != 1)}, {vectors}"


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
