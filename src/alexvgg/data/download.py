"""Get the archive that `data` names: by network, from a local copy, or from an installed package."""

import importlib.util
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests
from tqdm import tqdm

from alexvgg import files
from alexvgg.errors import DataError
from alexvgg.params import Cifar100, Digits

ATTEMPTS = 3
TIMEOUT = (10, 60)  # seconds to connect, seconds between two pieces
CHUNK = 1 << 20  # bytes


def fetch(data: Digits | Cifar100, local: Path | None, destination: Path, before_writing: Callable[[], None]) -> None:
    """Put the archive at `destination`, once its sha256 is one that `data` accepts.

    `local` is a copy supplied by hand; `before_writing` may raise. Raises DataError and leaves `destination` as it was.
    """
    with files.replacing(destination) as temporary:
        if isinstance(data, Digits):
            _copy(_bundled_digits(), temporary, "run `make setup`")
        elif local is not None:
            _copy(local, temporary, "see what ALEXVGG_CIFAR100_ARCHIVE names")
        else:
            _download(data.urls, temporary)
        verify(temporary, data)
        before_writing()


def verify(archive: Path, data: Digits | Cifar100) -> str:
    """The sha256 of an archive, which has to be one that `data` accepts. Raises DataError."""
    found = files.sha256(archive)
    if found not in data.sha256:
        raise DataError(
            f"wrong hash: the {data.source} archive has sha256 {found}, data.sha256 allows "
            f"{' or '.join(data.sha256)}; get it again, or add the hash there if you trust this copy"
        )
    return found


def _bundled_digits() -> Path:
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise DataError("scikit-learn, which brings the digits, is not installed; run `make setup`")
    return Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"


def _copy(source: Path, destination: Path, remedy: str) -> None:
    try:
        reader = source.open("rb")
    except OSError as error:
        what = error.strerror or error
        raise DataError(f"cannot read the archive {source}: {what}; {remedy}") from None
    with reader, destination.open("wb") as writer:
        shutil.copyfileobj(reader, writer)


def _download(urls: list[str], destination: Path) -> None:
    failures = []
    for url in urls:
        try:
            _attempt(url, destination)
            return
        except (requests.RequestException, DataError) as error:
            failures.append(f"{url}: {_reason(error)}")
    raise DataError(
        f"no archive could be downloaded ({'; '.join(failures)}); get cifar-100-python.tar.gz by hand and name it: "
        "ALEXVGG_CIFAR100_ARCHIVE=/path/to/cifar-100-python.tar.gz make repro"
    )


def _attempt(url: str, destination: Path) -> None:
    parts = urlsplit(url)
    if parts.scheme == "file":
        _copy(Path(url2pathname(parts.path)), destination, "see data.urls")
        return
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _stream(url, destination)
            return
        except requests.HTTPError:
            raise
        except requests.RequestException:
            if attempt == ATTEMPTS:
                raise
            time.sleep(2**attempt)


def _stream(url: str, destination: Path) -> None:
    with requests.get(url, stream=True, timeout=TIMEOUT) as response, destination.open("wb") as file:
        response.raise_for_status()
        total = int(response.headers.get("content-length", 0))
        with tqdm(total=total or None, unit="B", unit_scale=True, desc="download", disable=None) as bar:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    if total and destination.stat().st_size != total:
        raise DataError(f"{destination.stat().st_size} of {total} bytes came")


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError):
        return f"HTTP {error.response.status_code}"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, requests.Timeout):
        return "timed out"
    return " ".join(str(error).split())
