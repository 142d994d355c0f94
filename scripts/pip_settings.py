"""What is set for pip, as shell variables for uv, which reads none of it: `eval "$(python scripts/pip_settings.py)"`.

That is how companies name their mirrors, certificates and proxies. What somebody set for uv itself stays as it is.
Given a file with what a failed install said, it says in one line what was wrong, and which setting helps. Only the
standard library is imported, since nothing is installed yet.
"""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

# Where distributions keep the certificates that the system trusts, an intercepting proxy's among them.
SYSTEM_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
# How long uv waits of its own accord, in seconds.
UV_WAITS = 30

# What uv or pip says, and what that means. The first that is said counts.
REASONS = {
    r"certificate": "the package index's TLS certificate is not trusted here, as where a proxy puts in its own; name a "
    "file that has the proxy's: SSL_CERT_FILE=/path/to/company.pem make setup, or pip's setting `cert`",
    r"proxy|tunnel error": "the proxy refuses the connection or is not there; correct the variable "
    "HTTPS_PROXY=http://name:password@host:port, or pip's setting `proxy`",
    r"\b40[13] (unauthorized|forbidden|client error)": "the package index wants a name and a password; put them into "
    "its address: UV_DEFAULT_INDEX=https://name:password@host/simple, or pip's setting `index-url`",
    r"dns error|connect|timed out|sending request|network was disabled": "no connection to the package index; name a "
    "mirror by UV_DEFAULT_INDEX=https://host/simple, or pip's setting `index-url`; a proxy by HTTPS_PROXY=…",
    r"no space left|quota exceeded": "the disk is full; make room, then `make setup` goes on",
    r"hash mismatch|do not match the hashes": "the package index has another file than the one that requirements.lock "
    "names; use one that passes on what PyPI has",
    r"not found in|no solution found|no matching distribution": "the package index lacks a package of "
    "requirements.lock, or wants a password; name another: UV_DEFAULT_INDEX=https://host/simple, or pip's `index-url`",
}


def of_pip() -> dict[str, str]:
    """What `pip install` would go by. A Python without pip is passed over, as Debian's may be one."""
    base = getattr(sys, "_base_executable", sys.executable)
    commands = [[base, "-m", "pip"], [sys.executable, "-m", "pip"], [shutil.which("pip") or "pip"]]
    for command in commands:
        try:
            listed = subprocess.run([*command, "config", "list"], capture_output=True, text=True)
        except OSError:
            continue
        if listed.returncode == 0:
            return parsed(listed.stdout)
    return {}


def parsed(listed: str) -> dict[str, str]:
    """The values that count: of a file's two sections `install` comes first, of all a variable that is not empty."""
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listed.splitlines():
        name, equals, value = line.partition("=")
        section, _, key = name.partition(".")
        if equals and section in sections and (text := str(ast.literal_eval(value)).strip()):
            sections[section][key] = text
    return sections["global"] | sections["install"] | sections[":env:"]


def of_uv() -> set[str]:
    """Variables, and keys of uv.toml, that are set already."""
    found = {name for name, value in os.environ.items() if value}
    folders = [os.environ.get("XDG_CONFIG_HOME") or "~/.config", *os.environ.get("XDG_CONFIG_DIRS", "").split(":")]
    files = [f"{folder}/uv/uv.toml" for folder in [*filter(None, folders), "/etc/xdg", "/etc"]]
    if named := os.environ.get("UV_CONFIG_FILE"):
        files = [named]
    for file in [] if "UV_NO_CONFIG" in found else files:
        try:
            content = tomllib.loads(path_of(file).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # uv says what is wrong with it
            continue
        found |= {*content, *content.get("pip", {})}
    return found


def for_uv(pip: dict[str, str], taken: set[str]) -> Iterator[tuple[str, str]]:
    """The variables, but for those that mean what is `taken` already."""
    yield from indexes(pip, taken)
    yield from certificates(pip, taken)
    if "trusted-host" in pip and not taken & {"UV_INSECURE_HOST", "allow-insecure-host"}:
        yield "UV_INSECURE_HOST", " ".join(pip["trusted-host"].split())
    if "proxy" in pip and not taken & {*PROXIES, "https-proxy"}:
        proxy = pip["proxy"] if "://" in pip["proxy"] else f"http://{pip['proxy']}"
        yield from (("HTTPS_PROXY", proxy), ("HTTP_PROXY", proxy))
    if pip.get("keyring-provider") == "subprocess" and not taken & {"UV_KEYRING_PROVIDER", "keyring-provider"}:
        yield "UV_KEYRING_PROVIDER", "subprocess"
    waits = pip.get("timeout", pip.get("default-timeout", ""))
    if waits.isdigit() and int(waits) > UV_WAITS and "UV_HTTP_TIMEOUT" not in taken:
        yield "UV_HTTP_TIMEOUT", waits


def indexes(pip: dict[str, str], taken: set[str]) -> Iterator[tuple[str, str]]:
    """Where packages come from."""
    if "index-url" in pip and not taken & {"UV_DEFAULT_INDEX", "UV_INDEX_URL", "index", "index-url"}:
        yield "UV_DEFAULT_INDEX", pip["index-url"]
    if "extra-index-url" in pip and not taken & {"UV_INDEX", "UV_EXTRA_INDEX_URL", "index", "extra-index-url"}:
        yield "UV_INDEX", " ".join(pip["extra-index-url"].split())
        if not taken & {"UV_INDEX_STRATEGY", "index-strategy"}:
            yield "UV_INDEX_STRATEGY", "unsafe-best-match"  # as pip does; files have to have the pinned hashes anyway
    links = [link for link in map(usable, pip.get("find-links", "").split()) if link]
    if links and not taken & {"UV_FIND_LINKS", "find-links"}:
        yield "UV_FIND_LINKS", ",".join(links)
    if pip.get("no-index", "").lower() in ("1", "true", "yes", "on", "y", "t") and "no-index" not in taken:
        yield "uv_options", "--no-index"  # the one for which uv has no variable


def usable(link: str) -> str | None:
    """A link as uv's list takes it. Not a folder that is gone: uv would stop there, pip does not mind."""
    parts = urlsplit(link)
    if parts.scheme not in ("", "file"):
        return link.replace(",", "%2C")
    folder = path_of(url2pathname(parts.path) if parts.scheme else link).absolute()
    if not folder.is_dir():
        return None
    return folder.as_uri() if "," in str(folder) else str(folder)


def certificates(pip: dict[str, str], taken: set[str]) -> Iterator[tuple[str, str]]:
    """Whom uv trusts; and whom pip does, where it has to fetch uv and would know only its own list."""
    named = pip.get("cert") or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if named and not taken & {"SSL_CERT_FILE", "SSL_CERT_DIR"}:
        path = path_of(named).absolute()
        yield ("SSL_CERT_DIR" if path.is_dir() else "SSL_CERT_FILE"), str(path)
    if "client-cert" in pip and "SSL_CLIENT_CERT" not in taken:
        yield "SSL_CLIENT_CERT", str(path_of(pip["client-cert"]).absolute())
    system = [path for path in SYSTEM_CERTIFICATES if Path(path).exists()]
    switches = {"UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "system-certs", "native-tls"}
    if (system or sys.platform == "darwin") and not taken & switches:
        yield "UV_SYSTEM_CERTS", "true"  # not where there are none: uv would stop, and has a list of its own
    bundles = [*filter(None, [os.environ.get("SSL_CERT_FILE")]), *system]
    if bundles and not named:
        yield "PIP_CERT", bundles[0]


def path_of(text: str) -> Path:
    """With `~` as the home folder, if there is one."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def reason(said: str) -> str:
    """Why an install failed. The names of hosts and files say nothing about that."""
    said = re.sub(r"\w+://[^\s)`']*", "", said)
    found = (reason for sign, reason in REASONS.items() if re.search(sign, said, re.IGNORECASE))
    return next(found, "the packages can't be installed; the reason is above")


if __name__ == "__main__" and len(sys.argv) > 1:
    print(reason(Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace")))
elif __name__ == "__main__":
    for name, value in for_uv(of_pip(), of_uv()):
        print(f"{'' if name.islower() else 'export '}{name}={shlex.quote(value)}")
