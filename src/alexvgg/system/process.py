"""How a program of the project begins: in an environment that it has made itself.

Libraries read settings from variables and from files in people's homes, and some decide numbers: Keras's backend and
layout, oneDNN's kernels, glibc's pages. So a program takes over what is named here, sets what it needs, and begins
again; whatever else was set does nothing.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

TAKEN_OVER = {
    # the person and the machine
    "HOME", "USER", "LOGNAME", "PATH", "TMPDIR", "LD_LIBRARY_PATH",
    # the terminal
    "TERM", "COLUMNS", "LINES", "COLORTERM", "NO_COLOR",
    # the browser, for `alexvgg ui --open`
    "BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS",
    # Python's compiled files, which decide nothing
    "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX",
    # which GPUs
    "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES",
    # the network
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC",
    "GOOGLE_APPLICATION_CREDENTIALS", "SSH_AUTH_SOCK", "KRB5CCNAME", "KRB5_CONFIG",
    # a database for MLflow
    "PGPASSWORD", "PGPASSFILE", "PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY",
}  # fmt: skip
# Beginnings of names: where an archive, a server or a cluster is, and how to get in; what DVC tells its stages; and
# where the system keeps the files of programs.
FAMILIES = (
    "ALEXVGG_", "DVC_", "XDG_", "MLFLOW_TRACKING_", "MLFLOW_HTTP_REQUEST_", "MLFLOW_S3_", "MLFLOW_GCS_",
    "MLFLOW_ARTIFACT_UPLOAD_", "MLFLOW_MULTIPART_", "MLFLOW_ENABLE_PROXY_MULTIPART_", "AWS_", "AZURE_",
    "RAY_",
)  # fmt: skip
# What asks a program to end: Ctrl-C, `kill` and schedulers, the end of the terminal (where there is such a signal).
ENDINGS = {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}
BEGUN = "ALEXVGG_BEGUN"  # a variable: the number of a process that has begun again
HUGE_PAGES = "glibc.malloc.hugetlb=1"
SOURCES = Path(__file__).resolve().parent.parent.parent


def begin_again(root: Path) -> None:
    """Begin this program again, with the same arguments, in the project's environment; return if it is in it.

    `root` is the project, where Keras and matplotlib find folders of their own instead of those of the person.
    """
    _open_standard_streams()
    if os.environ.pop(BEGUN, "") == str(os.getpid()):
        return  # what else is in it, the system adds to every program, as macOS does
    wanted = environment(os.environ, root)
    if os.name == "posix" and wanted != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], wanted | {BEGUN: str(os.getpid())})


def _open_standard_streams() -> None:
    """Those that are closed: the next file would take their numbers, and be written to."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free


def environment(given: Mapping[str, str], root: Path) -> dict[str, str]:
    """The variables of a program of the project in `root`, of those that are `given`."""
    taken = {name: value for name, value in given.items() if name in TAKEN_OVER or name.startswith(FAMILIES)}
    own = root.resolve() / ".alexvgg"
    return taken | {
        "PATH": _path(given.get("PATH", os.defpath)),
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": str(own / "keras"),
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": str(own / "matplotlib"),
        # Read by the C library before a program begins: pages of 2 MB (docs/decisions/0009-huge-pages.md).
        "GLIBC_TUNABLES": HUGE_PAGES,
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(SOURCES),  # of the copy of the project in which this program is
        "PYTHONNOUSERSITE": "1",
        "PYTHONHASHSEED": "0",
        "SHELL": "/bin/sh",  # by which DVC begins stages: a person's own may read files that change the PATH
        "PYTHONUTF8": "1",
        "PYTHONIOENCODING": _encoding(given),
    }


def _path(given: str) -> str:
    """With this environment's programs first: DVC begins stages by the name `python`."""
    own = str(Path(sys.executable).parent)
    return given if given.split(os.pathsep)[0] == own else os.pathsep.join([own, given])


def _encoding(given: Mapping[str, str]) -> str:
    """The encoding of the terminal, for which what it lacks is replaced."""
    named = given.get("PYTHONIOENCODING", "").partition(":")[0]
    return f"{named or getattr(sys.stdout, 'encoding', None) or 'utf-8'}:replace"


def end_with_parent() -> None:
    """From now on this process hears SIGTERM when the one that began it is gone, as the shell of a `make` may be."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def ignored() -> set[signal.Signals]:
    """Those of `ENDINGS` that whoever began this program told it to ignore, as `nohup` does."""
    return {number for number in ENDINGS if signal.getsignal(number) is signal.SIG_IGN}
