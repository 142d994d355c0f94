"""TensorFlow, set up the same way every time: fast, repeatable, quiet.

Call `start` before anything else imports TensorFlow.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alexvgg.system import hardware


def start(precision: str, seed: int) -> Any:
    """Import TensorFlow, set it up, and return the module.

    oneDNN is off by default on many CPUs, where it trains these networks faster (benchmarks/results).
    Deterministic kernels cost nothing on a CPU. `precision` is a Keras dtype policy. Raises RuntimeError if TensorFlow
    was imported before without oneDNN: it has read its settings by then.
    """
    if "tensorflow" in sys.modules and os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "1":
        raise RuntimeError("TensorFlow was imported before `runtime.start`, so it would compute without oneDNN")
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet_stderr():
        import keras
        import tensorflow as tf

        tf.config.list_physical_devices()

    tf.config.threading.set_intra_op_parallelism_threads(hardware.threads())
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.enable_op_determinism()
    keras.config.disable_traceback_filtering()
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(seed)
    return tf


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """TensorFlow's C++ part prints a greeting before it reads its own log level; a Python error still comes through."""
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
