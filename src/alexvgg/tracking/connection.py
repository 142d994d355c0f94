"""A connection to the tracking server or its database, made quickly or refused quickly."""

import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from filelock import FileLock
from urllib3.exceptions import InsecureRequestWarning

from alexvgg.system import web
from alexvgg.system.errors import TrackingError
from alexvgg.tracking.relocation import relocate

SECONDS = 5  # of the first contact
FIRST = 20  # seconds for the first answer from its store: who waits for it is not told
LATER = 300  # seconds that a store may take for what it was sent; networks have hundreds of megabytes
HTTP = ("http://", "https://")
CERTIFICATE = "MLFLOW_TRACKING_SERVER_CERT_PATH"
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
# MLflow knows how to get in, and what is in front of it may not know of /health.
REFUSALS = (requests.codes.unauthorized, requests.codes.forbidden, requests.codes.not_found)
CREDENTIALS = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME")
LOGIN = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
# What is said by databases and the locks beside them, and what to do.
REMEDIES = {
    ("file is not a database", "malformed", "no such table"): (
        "move it away, and `alexvgg sync` makes a new one from the journals and DVC's files"
    ),
    ("is locked", "could not be acquired"): "another process uses it; end that one, or wait for it, and try again",
    ("readonly database", "unable to open database file", "permission denied"): (
        "you may not write it; see whose it and its folder are, and whether the disk is read-only"
    ),
}
SCHEMA = re.compile(r"database schema \(found version (\w+)")

# With its own values MLflow waits for minutes on a server that is gone.
TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
os.environ.setdefault(TIMEOUT, str(LATER))
RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
os.environ.setdefault(RETRIES, "1")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")


def lock_of(root: Path) -> Path:
    """The lock that guards the database of the project in `root`."""
    return root / ".alexvgg" / "mlflow.lock"


def connect(default_uri: str, lock: Path) -> Any:
    """An MLflow client for `MLFLOW_TRACKING_URI`, or for `default_uri`. Raises TrackingError.

    A server is asked for its health first, with a short time-out. The project's own database, `default_uri`, is
    repaired if the project was moved.

    `lock` is a file: one process at a time may create, repair or upgrade a database.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or default_uri
    _refuse_other_kinds(uri)
    import mlflow

    if is_server(uri):
        _knock(uri)
        _refuse_other_versions(uri, mlflow.__version__)

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    mlflow.set_tracking_uri(uri)
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=60):
            database = Path(uri.removeprefix("sqlite:///"))
            if uri == default_uri and database.is_file():
                relocate(database, database.parent / "mlruns")
            client = mlflow.MlflowClient(uri)
            asked = os.environ[TIMEOUT]
            with _set(TIMEOUT, str(FIRST) if asked == str(LATER) else asked), once():
                client.search_experiments(max_results=1)
    except Exception as error:  # noqa: BLE001 - MLflow, SQLAlchemy, urllib3 and others raise their own
        raise TrackingError(_unusable(uri, error, mlflow.__version__)) from None
    return client


@contextmanager
def once() -> Iterator[None]:
    """No request is repeated in the block: of one that makes something only the answer may have been lost."""
    with _set(RETRIES, "0"):
        yield


@contextmanager
def _set(variable: str, value: str) -> Iterator[None]:
    """One of MLflow's own, which it reads at each request."""
    before = os.environ[variable]
    os.environ[variable] = value
    try:
        yield
    finally:
        os.environ[variable] = before


def is_server(uri: str) -> bool:
    """Whether there is a server that keeps files, too; else it is a database."""
    return uri.startswith(HTTP)


def _knock(uri: str) -> None:
    """Raise TrackingError if the server does not answer, with the certificates that MLflow would use."""
    url = f"{uri.rstrip('/')}/health"
    verify = _authority()
    wrong = web.bad_authority(*([CERTIFICATE] if verify is not True else web.AUTHORITIES)) if verify else ""
    if wrong and uri.startswith("https://"):
        raise TrackingError(wrong)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InsecureRequestWarning)  # it was asked for
            knows_a_way = any(map(os.environ.get, CREDENTIALS))  # past the login to which this may be sent on
            response = requests.get(url, timeout=SECONDS, verify=verify, allow_redirects=not knows_a_way)
        if response.status_code not in REFUSALS:
            response.raise_for_status()
    except requests.RequestException as error:
        raise TrackingError(_unreachable(error, uri, url)) from None
    if response.ok and not response.is_redirect and web.is_page(response.content):
        raise TrackingError(
            f"a web page answers at {web.public(uri)}, not a tracking server; if your network wants a login, log in "
            "with a browser, else correct MLFLOW_TRACKING_URI"
        )


def _refuse_other_kinds(uri: str) -> None:
    kind = uri.partition("://")[0].partition("+")[0]
    if not is_server(uri) and kind not in DATABASES:
        raise TrackingError(
            f"MLFLOW_TRACKING_URI is {web.public(uri)!r}; name a server (https://…) or a database (postgresql://…, "
            "sqlite:///…), or unset it to use mlflow.db; what was recorded here is safe, and `alexvgg sync` sends it"
        )


def _refuse_other_versions(uri: str, ours: str) -> None:
    """A server of another major version takes a part of a run; what does not tell its version is tried."""
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    try:
        answer = http_request(get_default_host_creds(uri), "/version", "GET", timeout=SECONDS, max_retries=0)
        theirs = answer.text.strip() if answer.ok else ""
    except Exception:  # noqa: BLE001 - MLflow, `requests` and urllib3 raise their own
        return
    if re.fullmatch(r"\d+\.\d+\S*", theirs) and theirs.split(".")[0] != ours.split(".")[0]:
        raise TrackingError(
            f"the tracking server {web.public(uri)} is MLflow {theirs}, and this project uses {ours}: their major "
            "versions have to be the same; what was recorded here is safe, and `alexvgg sync` sends it later"
        )


def _authority() -> str | bool:
    """What checks the server's certificate: a file, the usual authorities, or nothing."""
    insecure = os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1")
    return os.environ.get(CERTIFICATE) or not insecure


def _unreachable(error: requests.RequestException, uri: str, url: str) -> str:
    """What is said if there was no answer, or a refusal."""
    reason, shown, instead = web.reason(error, url, CERTIFICATE), web.public(uri), "unset MLFLOW_TRACKING_URI"
    if web.is_final(error) and not isinstance(error, requests.HTTPError):
        return f"the tracking server {shown} cannot be reached: {reason}; or {instead} to use mlflow.db"
    return f"the tracking server {shown} does not answer ({reason}); start it, or {instead} to use mlflow.db"


def _unusable(uri: str, error: Exception, version: str) -> str:
    """What is said if MLflow, of this version, can do nothing with a server or a database."""
    shown = web.public(uri)
    said = web.public((str(error).strip() or type(error).__name__).splitlines()[0])
    if is_server(uri):
        return f"the tracking server {shown} cannot be used: {refusal(error) or said}"
    if found := SCHEMA.search(str(error)):
        return f"{shown} was made by another version of MLflow than {version}, {_of_age(found[1], shown)}"
    instead = remedy(error) or "what was recorded here is safe, and `alexvgg sync` sends it later"
    return f"the tracking database {shown} cannot be used: {said}; {instead}"


def _of_age(schema: str, shown: str) -> str:
    """What to do with a database of another schema, which is whole: MLflow brings those up to date that it knows."""
    from mlflow.store import db_migrations

    known = list((Path(db_migrations.__path__[0]) / "versions").glob(f"{schema}_*.py"))
    if known:
        return f"an older one; copy it, then `mlflow db upgrade {shown}` keeps what is in it"
    return "a newer one; use it with that version"


def remedy(error: Exception) -> str:
    """What to do about what a database says, if it is known; else empty."""
    said = str(error).lower()
    return next((what for signs, what in REMEDIES.items() if any(sign in said for sign in signs)), "")


def refusal(error: Exception) -> str:
    """Why a server refused, and what to do, if it wants to know who asks, or they may not; else empty."""
    answer = getattr(error, "response", None)
    code = getattr(error, "error_code", None) or getattr(answer, "status_code", None)
    if code in ("UNAUTHENTICATED", requests.codes.unauthorized):
        return f"it does not know who asks, or another password (HTTP 401); {LOGIN}"
    if code not in ("PERMISSION_DENIED", requests.codes.forbidden):
        return ""
    if "Invalid Host header" in str(error):
        return "it does not go by this name (HTTP 403); who runs it adds the name to --allowed-hosts"
    return "whoever asks may not do this (HTTP 403); ask whoever runs it for the right to write"
