"""Why a request over the network failed, in words that say what to do, and without anybody's password."""

import errno
import os
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NameResolutionError

AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # what `requests` reads
CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@")
QUERY = re.compile(r"(://[^\s?]*)\?[^\s;,)]*")  # it may be a signature, or a token
PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html|head|!--)", re.IGNORECASE)
# Numbers of OpenSSL's.
NOT_YET_VALID, EXPIRED, ANOTHER_HOST, ANOTHER_ADDRESS = 9, 10, 62, 64
PROXY_REFUSES = 407
NONSENSE = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema)
PROXY_ERRORS = (requests.exceptions.ProxyError, requests.exceptions.InvalidProxyURL)


def public(text: str) -> str:
    """A URL, or a text with some, without names and passwords in them."""
    return QUERY.sub(r"\1?…", CREDENTIALS.sub("", text))


def reason(error: Exception, url: str, authority: str = "REQUESTS_CA_BUNDLE") -> str:
    """Why `url`, or where it led, could not be fetched. `authority` is the variable that names an authority's file."""
    url = getattr(getattr(error, "request", None), "url", None) or url
    if isinstance(error, requests.HTTPError):
        code = error.response.status_code
        return _proxy(f"asks for a name and a password (HTTP {code})", url) if code == PROXY_REFUSES else f"HTTP {code}"
    if isinstance(error, requests.exceptions.SSLError):
        return _certificate(error, url, authority)
    if isinstance(error, PROXY_ERRORS) or "SOCKS" in str(error):
        return _proxy(_of_proxy(error), url)
    if isinstance(error, requests.Timeout):
        return "timed out"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, NONSENSE):
        return f"it, or what {_proxy_variable(url)} names, is no address"
    if any(isinstance(one, NameResolutionError) for one in _chain(error)):
        return f"cannot find the host {urlsplit(url).hostname}: its name is unknown here, or there is no network"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, requests.RequestException):
        return type(error).__name__  # its text may hold what is nobody's business
    return " ".join(str(error).split())


def is_final(error: Exception) -> bool:
    """Whether the same request would fail again: the server, a certificate or a proxy said no, or it is none."""
    if isinstance(error, requests.HTTPError):
        return bool(error.response.status_code < requests.codes.server_error)
    return isinstance(error, (requests.exceptions.SSLError, *PROXY_ERRORS, *NONSENSE))


def is_page(start: bytes) -> bool:
    """Whether a file that begins so is a web page."""
    return PAGE.match(start) is not None


def bad_authority(*names: str) -> str:
    """What is wrong with the variables that name files of certificate authorities; empty if nothing is."""
    for name in names:
        value = os.environ.get(name)
        if value and not Path(value).exists():
            return f"{name} names {value}, which does not exist; name the file of an authority, or unset it"
        if value and Path(value).is_file() and not _has_certificates(value):
            return f"{name} names {value}, which has no certificate in it (PEM); name another file, or unset it"
    return ""


def _has_certificates(file: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except OSError:  # of which ssl.SSLError is one
        return False
    return True


def _certificate(error: Exception, url: str, authority: str) -> str:
    host = urlsplit(url).hostname
    found = next((one for one in _chain(error) if isinstance(one, ssl.SSLCertVerificationError)), None)
    if found is None:
        what = next((one.reason for one in _chain(error) if isinstance(one, ssl.SSLError) and one.reason), "no reason")
        return f"TLS with {host} failed ({what}); see whether it speaks https, and what HTTPS_PROXY names"
    code, says = found.verify_code, found.verify_message
    if code in (EXPIRED, NOT_YET_VALID):
        return f"the TLS certificate of {host} is not valid now ({says}); see whether this machine's clock is right"
    if code in (ANOTHER_HOST, ANOTHER_ADDRESS):
        return f"the TLS certificate is for another host ({says}); see whether the address is right"
    return (
        f"the TLS certificate of {host} is not trusted here ({says}); name the authority that signed it (networks that "
        f"look into connections have their own): {authority}=/path/to/the/authority.pem"
    )


def _proxy(what: str, url: str) -> str:
    proxies = requests.utils.get_environ_proxies(url)
    named = _host_and_port(requests.utils.select_proxy(url, proxies) or "")
    return f"the proxy {named}{what}; see {_proxy_variable(url)}, or go without it: NO_PROXY={urlsplit(url).hostname}"


def _proxy_variable(url: str) -> str:
    return "HTTP_PROXY" if url.startswith("http://") else "HTTPS_PROXY"


def _host_and_port(proxy: str) -> str:
    """What may be shown of a proxy's address, and a space; nothing if it is none."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''} "
    except ValueError:
        return ""


def _of_proxy(error: Exception) -> str:
    """What a proxy did instead of connecting."""
    if isinstance(error, requests.exceptions.InvalidProxyURL):
        return "is no address"
    if isinstance(error, requests.exceptions.InvalidSchema):
        return "speaks SOCKS, which is not possible here"
    chain = list(_chain(error))
    said = next((found[1] for one in chain if (found := re.search(r"Tunnel connection failed: (\d{3})", str(one)))), "")
    if said == str(PROXY_REFUSES):
        return f"asks for a name and a password (HTTP {said})"
    if said:
        return f"refuses (HTTP {said})"
    if any(isinstance(one, NameResolutionError) for one in chain):
        return "has a name that is unknown here"
    refused = any(isinstance(one, OSError) and one.errno == errno.ECONNREFUSED for one in chain)
    return "does not answer (connection refused)" if refused else "does not answer"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was made of, as `requests` and urllib3 wrap them."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            inside = [one.__cause__, one.__context__, getattr(one, "reason", None), *getattr(one, "args", ())]
            inside.append(getattr(one, "original_error", None))
            waiting += [each for each in inside if isinstance(each, BaseException)]
