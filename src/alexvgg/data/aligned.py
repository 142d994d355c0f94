"""Arrays in memory that TensorFlow can take over as it is.

`tf.constant` copies an array twice before it lets go of the first copy: with 1.3 GB of images, 2.7 GB more for a
moment. An array that starts at a multiple of 64 bytes needs no copy at all, and numpy does not promise such a start.
"""

import numpy as np
import numpy.typing as npt

ALIGNMENT = 64  # bytes: what TensorFlow asks of a tensor's memory (EIGEN_MAX_ALIGN_BYTES) on every processor


def empty(shape: tuple[int, ...], dtype: npt.DTypeLike) -> np.ndarray:
    """As `np.empty`, starting at a multiple of 64 bytes."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def aligned(array: np.ndarray) -> np.ndarray:
    """The array itself if it starts so and can be written to, else a copy that does."""
    if array.ctypes.data % ALIGNMENT == 0 and array.flags.c_contiguous and array.flags.writeable:
        return array
    copy = empty(array.shape, array.dtype)
    copy[...] = array
    return copy
