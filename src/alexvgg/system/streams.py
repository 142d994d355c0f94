"""Standard output and error that outlive who reads them."""

import errno
import io
import os
import sys

READER_GONE = {errno.EPIPE, errno.EIO}  # the end of a pipe was closed, the terminal was
DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class _Stream(io.FileIO):
    """Of a file descriptor. After an error what is written goes nowhere; one of `forgiven` (errno) is not raised."""

    forgiven: set[int]

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if error.errno not in self.forgiven:
                raise
            return len(data)  # type: ignore[arg-type]


def survive(forgiven: set[int]) -> None:
    """From now on an error of `forgiven` (errno) while something is printed ends the printing, not the program.

    What the stream's encoding lacks is replaced.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            raw = _Stream(stream.fileno(), "w", closefd=False)
        except (AttributeError, OSError, ValueError):  # there is none, or a test reads it
            continue
        raw.forgiven = forgiven
        stream.flush()
        replaced = io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, "replace", line_buffering=True)
        setattr(sys, name, replaced)
