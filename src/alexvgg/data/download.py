"""Get the archive that `data:` names: from the network, a local copy, or an installed package."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests
from tqdm import tqdm

from alexvgg.data.source import Source, SourceSettings
from alexvgg.system import files, web
from alexvgg.system.errors import DataError

ATTEMPTS = 3
START = 1 << 10  # bytes, by which a web page is known
TIMEOUT = (10, 60)  # seconds to connect, seconds between two pieces
CHUNK = 1 << 20  # bytes


def fetch(settings: SourceSettings, source: Source, destination: Path, before_writing: Callable[[], None]) -> None:
    """Put the archive at `destination`, once its sha256 is one that `settings` accepts.

    It comes from an installed package, from the copy that an environment variable names, or from the network.
    `before_writing` may raise. Raises DataError and leaves `destination` as it was.
    """
    named = os.environ.get(source.by_hand) if source.by_hand else None
    with files.replacing(destination) as temporary:
        if source.bundled is not None:
            _copy(source.bundled(), temporary, "run `make setup`")
        elif named:
            _copy(Path(named), temporary, f"see what {source.by_hand} names")
        else:
            _download(settings.addresses, temporary, source.by_hand)
        verify(temporary, settings, source.title_of(settings))
        before_writing()


def verify(archive: Path, settings: SourceSettings, title: str) -> str:
    """The sha256 of an archive, which has to be one that `settings` accepts. Raises DataError."""
    found = files.sha256(archive)
    if found in settings.sha256:
        return found
    if _is_page(archive):
        raise DataError(f"this is a web page, not the archive of {title}; get it again, perhaps after a login")
    raise DataError(
        f"wrong hash: the archive of {title} has sha256 {found}, data.sha256 allows "
        f"{' or '.join(settings.sha256)}; get it again, or add the hash there if you trust this copy"
    )


def _copy(source: Path, destination: Path, remedy: str) -> None:
    try:
        reader = source.open("rb")
    except OSError as error:
        what = error.strerror or error
        raise DataError(f"cannot read the archive {source}: {what}; {remedy}") from None
    with reader, destination.open("wb") as writer:
        shutil.copyfileobj(reader, writer)


def _download(urls: list[str], destination: Path, by_hand: str | None) -> None:
    failures = []
    for url in urls:
        try:
            _attempt(url, destination)
            return
        except (requests.RequestException, DataError) as error:
            failures.append(f"{web.public(url)}: {web.reason(error, url)}")
    remedy = f"; get it by hand and name it: {by_hand}=/path/to/it make repro" if by_hand else ""
    raise DataError(f"no archive could be downloaded ({'; '.join(failures)}){remedy}")


def _attempt(url: str, destination: Path) -> None:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise DataError(f"it is no address ({error})") from None
    if not parts.scheme:  # a path, in the project's folder, which DVC names to stages
        _copy(Path(os.environ.get("DVC_ROOT", "."), url), destination, "see data.archive")
        return
    if parts.scheme == "file":
        _copy(Path(url2pathname(parts.path)), destination, "see data.urls")
        return
    if parts.scheme == "https" and (wrong := web.bad_authority(*web.AUTHORITIES)):
        raise DataError(wrong)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _stream(url, destination)
            return
        except requests.RequestException as error:
            if attempt == ATTEMPTS or web.is_final(error):
                raise
            time.sleep(2**attempt)


def _stream(url: str, destination: Path) -> None:
    asked = requests.get(url, stream=True, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"})
    with asked as response, destination.open("wb") as file:
        response.raise_for_status()
        response.raw.headers.pop("Content-Encoding", None)  # else the archive would be unpacked on its way
        total = int(response.headers.get("content-length", 0))
        with tqdm(total=total or None, unit="B", unit_scale=True, desc="download", disable=None) as bar:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    if total and destination.stat().st_size != total:
        raise DataError(f"{destination.stat().st_size} of {total} bytes came")
    if _is_page(destination):
        came = web.public(response.url)
        where = f" ({came})" if came.rstrip("/") != web.public(url).rstrip("/") else ""
        raise DataError(
            f"a web page came instead of a file{where}; if your network wants a login, log in with a browser, else see "
            "whether this is the address of the file itself"
        )


def _is_page(archive: Path) -> bool:
    with archive.open("rb") as file:
        return web.is_page(file.read(START))
