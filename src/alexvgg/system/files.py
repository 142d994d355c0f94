"""Files that are either the old ones or the new ones, never half of one."""

import errno
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alexvgg.system.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def replacing(path: Path, suffix: str = "") -> Iterator[Path]:
    """Give a temporary path in the same folder; when the block ends well, it becomes `path` in one step.

    `suffix` is for libraries that insist on a file's ending. When the block raises, `path` is untouched; an error of
    the disk that names no file is raised again with the name. What a killed process left half written is removed here:
    no two processes write the same file at once.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for half in path.parent.glob(f".{glob.escape(path.name)}.*.part{suffix}"):
        half.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=f".part{suffix}", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        put(temporary, path)
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def put(temporary: Path, path: Path) -> None:
    """Rename a complete file to `path`, in the same folder, in one step, after the disk has it."""
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)


def require_space(path: Path, size: int) -> None:
    """Raise OSError if `size` bytes cannot be written to `path`'s folder, for writers that take a full disk badly."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(path.parent).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def keep_only(folder: Path, names: set[str]) -> None:
    """Remove all other files of a folder."""
    for file in folder.iterdir():
        if file.name not in names and file.is_file():
            file.unlink()


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file's content in one step."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Replace a text file's content (UTF-8) in one step."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one step; the same value gives the same bytes."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """A JSON value as `write_json` writes it."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path) -> Any:
    """The value in a JSON file. Raises DataError."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; run `dvc repro`") from None
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}); run `dvc checkout`, or `git checkout {path}`") from None


def read_csv(path: Path, **options: Any) -> "pd.DataFrame":
    """The table in a CSV file. Raises DataError."""
    import pandas as pd

    try:
        return pd.read_csv(path, **options)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; run `dvc repro`") from None
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}); run `dvc checkout`, or `git checkout {path}`") from None


def sha256(path: Path) -> str:
    """The sha256 of a file's content, in hexadecimal. Raises DataError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; run `dvc checkout` or `dvc repro`") from None


def md5(path: Path) -> str:
    """The md5 of a file's content, in hexadecimal, by which DVC knows it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def digest(value: Any) -> str:
    """The sha256 of a JSON value, independent of the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
