"""Read a tar archive that anybody may have made: in bounded memory, to its end, and without writing a file."""

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from alexvgg.system.errors import DataError
from alexvgg.system.lines import line

HEADER = 100_000  # bytes; a file's name and its attributes take less
COMPRESSED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}


def plain_files(archive: Path, allowed: Callable[[str], int | None], total: int) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in an archive, which may be compressed and unpacks to at most `total` bytes.

    `allowed` says of a name how many bytes its file may have; None passes over it. Raises DataError if anything else
    has such a name, and if the archive is damaged: what compression checks is behind its end, so that is read, too.
    """
    try:
        with _uncompressed(archive) as file:
            stream = _Forward(file, total)
            with tarfile.open(fileobj=stream, mode="r:") as tar:  # type: ignore[call-overload]
                while (entry := tar.next()) is not None:
                    tar.members.clear()  # else all are kept
                    if (most := allowed(entry.name)) is not None:
                        yield entry.name, _content(stream, entry, most)
            stream.expect_end()
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged archive makes tarfile raise nearly anything
        raise DataError(f"damaged archive: {line(str(error) or type(error).__name__)}") from None


class _Forward:
    """What tarfile reads headers from. It never goes back, where headers can lead in a circle."""

    def __init__(self, file: Any, total: int) -> None:
        self._file, self._total = file, total
        self._last = b""

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, position: int) -> None:
        if position < self.tell():
            raise DataError("damaged archive: it leads back to what was read")
        self._require_in_total(position)
        self._file.seek(position)

    def read(self, size: int) -> bytes:
        if not 0 <= size <= HEADER:
            raise DataError(f"damaged archive: a header of {size:,} bytes, {HEADER:,} are allowed")
        return self.take(size)

    def take(self, size: int) -> bytes:
        """What `read` would return, of any size."""
        self._require_in_total(self.tell() + size)
        self._last = self._file.read(size)
        return self._last

    def expect_end(self) -> None:
        """Read to the end. Raises DataError if the last header, or anything behind it, is none of an archive's end."""
        if len(self._last) < tarfile.BLOCKSIZE:
            raise DataError("damaged archive: it is cut off")
        while self._last:
            if self._last.strip(b"\0"):
                raise DataError("damaged archive: there is something else where it ends")
            self.take(HEADER)

    def _require_in_total(self, position: int) -> None:
        if position > self._total:
            raise DataError(f"the archive unpacks to more than the {self._total:,} bytes allowed")


def _uncompressed(archive: Path) -> Any:
    with archive.open("rb") as file:
        beginning = file.read(8)
    opened = next((opened for magic, opened in COMPRESSED.items() if beginning.startswith(magic)), Path.open)
    return opened(archive, "rb")


def _content(stream: _Forward, entry: tarfile.TarInfo, most: int) -> bytes:
    name = line(entry.name)
    if not entry.isreg() or entry.sparse is not None:  # type: ignore[attr-defined]
        raise DataError(f"{name} in the archive is not a plain file")
    if not 0 <= entry.size <= most:
        raise DataError(f"{name} is {entry.size:,} bytes, more than the {most:,} allowed")
    stream.seek(entry.offset_data)
    content = stream.take(entry.size)
    if len(content) < entry.size:
        raise DataError(f"damaged archive: {name} is cut off")
    return content
