"""Downloads, and a tracking server, in the networks of companies and universities."""

import gzip
import hashlib
import time

import pytest

from alexvgg.data import download
from alexvgg.data.sources import cifar100
from alexvgg.data.sources.cifar100 import Cifar100
from alexvgg.system import web
from alexvgg.system.errors import DataError, TrackingError
from alexvgg.tracking import connection
from conftest import quiet
from web_servers import PAGE, certificate, serving

ARCHIVE = b"an archive" * 100
ELSEWHERE = "https://images.invalid/cifar.tar.gz"  # a name that is never given away
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
SECRET = "s3cret"


@pytest.fixture(autouse=True)
def network(monkeypatch):
    """No proxies, no certificates of the person's own, and no waiting."""
    for name in (*PROXIES, *map(str.lower, PROXIES), *web.AUTHORITIES, "ALEXVGG_CIFAR100_ARCHIVE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_INSECURE_TLS"):
        monkeypatch.delenv(name, raising=False)
    waits: list[float] = []
    monkeypatch.setattr(download.time, "sleep", waits.append)
    return waits


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """A certificate that signs itself."""
    return certificate(tmp_path_factory.mktemp("certificates"), 30)


def fetch(tmp_path, *urls: str) -> None:
    settings = Cifar100(source="cifar100", urls=list(urls), sha256=[hashlib.sha256(ARCHIVE).hexdigest()])
    download.fetch(settings, cifar100.SOURCE, tmp_path / "archive", quiet)


def refused(tmp_path, *urls: str) -> str:
    with pytest.raises(DataError) as error:
        fetch(tmp_path, *urls)
    assert not list(tmp_path.glob("archive*"))
    assert SECRET not in str(error.value)
    return str(error.value)


def test_a_certificate_that_nobody_vouches_for(tmp_path, signed, network, monkeypatch):
    with serving(ARCHIVE, certificate=signed) as served:
        said = refused(tmp_path, f"{served.address}/a")
        assert "the TLS certificate of 127.0.0.1 is not trusted here (self-signed certificate)" in said
        assert "REQUESTS_CA_BUNDLE=/path/to/the/authority.pem" in said
        assert "get it by hand and name it: ALEXVGG_CIFAR100_ARCHIVE=" in said
        assert network == []  # it would be the same again
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(signed))
        fetch(tmp_path, f"{served.address}/a")
    assert (tmp_path / "archive").read_bytes() == ARCHIVE


def test_a_certificate_that_is_out_of_date(tmp_path, network, monkeypatch):
    expired = certificate(tmp_path, -1)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(expired))
    with serving(ARCHIVE, certificate=expired) as served:
        said = refused(tmp_path, f"{served.address}/a")
    assert "is not valid now (certificate has expired); see whether this machine's clock is right" in said
    assert network == []


def test_a_certificate_of_another_host(tmp_path, signed, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(signed))
    with serving(ARCHIVE, certificate=signed) as served:
        said = refused(tmp_path, served.address.replace("127.0.0.1", "localhost"))
    assert "the TLS certificate is for another host (Hostname mismatch" in said


def test_a_server_that_does_not_speak_tls(tmp_path):
    with serving(ARCHIVE) as served:
        said = refused(tmp_path, served.address.replace("http:", "https:"))
    assert "TLS with 127.0.0.1 failed (" in said


@pytest.mark.parametrize("name", web.AUTHORITIES)
def test_authorities_that_are_not_there(tmp_path, name, monkeypatch):
    monkeypatch.setenv(name, str(tmp_path / "none.pem"))
    assert f"{name} names {tmp_path / 'none.pem'}, which does not exist" in refused(tmp_path, "https://127.0.0.1:9/a")
    (tmp_path / "none.pem").write_text("not a certificate")
    assert "has no certificate in it (PEM)" in refused(tmp_path, "https://127.0.0.1:9/a")
    assert "no connection" in refused(tmp_path, "http://127.0.0.1:9/a")  # which needs none


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password(tmp_path, scheme, network, monkeypatch):
    with serving(b"", 407) as proxy:
        named = proxy.address.replace("://", f"://me:{SECRET}@")
        monkeypatch.setenv(f"{scheme}_proxy", named)
        said = refused(tmp_path, ELSEWHERE.replace("https", scheme))
    assert f"the proxy {proxy.address} asks for a name and a password (HTTP 407)" in said
    assert f"see {scheme.upper()}_PROXY, or go without it: NO_PROXY=images.invalid" in said
    assert len(proxy.asked) == 1
    assert network == []


def test_a_proxy_that_refuses(tmp_path, network, monkeypatch):
    with serving(b"", 403) as proxy:
        monkeypatch.setenv("https_proxy", proxy.address)
        assert f"the proxy {proxy.address} refuses (HTTP 403)" in refused(tmp_path, ELSEWHERE)
    assert network == []


@pytest.mark.parametrize(
    ("proxy", "says"),
    [
        (f"http://me:{SECRET}@127.0.0.1:9", "the proxy http://127.0.0.1:9 does not answer (connection refused)"),
        (f"me:{SECRET}@127.0.0.1:9", "the proxy http://127.0.0.1:9 is no address"),
        (f"http://me:{SECRET}@proxy.invalid:3128", "the proxy http://proxy.invalid:3128 has a name that is unknown"),
        (f"http://me:{SECRET}:::", "cifar.tar.gz: it, or what HTTPS_PROXY names, is no address"),
        (f"http://me:{SECRET}", "cifar.tar.gz: it, or what HTTPS_PROXY names, is no address"),
        (f"socks5://me:{SECRET}@127.0.0.1:9", "the proxy socks5://127.0.0.1:9 speaks SOCKS, which is not possible"),
    ],
)
def test_a_proxy_that_cannot_be_used(tmp_path, proxy, says, network, monkeypatch):
    monkeypatch.setenv("https_proxy", proxy)
    assert says in refused(tmp_path, ELSEWHERE)
    assert network == []


def test_no_network_and_no_such_host_are_told_apart(tmp_path, network):
    said = refused(tmp_path, "http://images.invalid/a", "http://127.0.0.1:9/a")
    assert "http://images.invalid/a: cannot find the host images.invalid: its name is unknown here" in said
    assert "http://127.0.0.1:9/a: no connection" in said
    assert len(network) == 2 * (download.ATTEMPTS - 1)  # a network may come back


def test_an_archive_that_a_server_calls_a_compressed_text_is_not_unpacked(tmp_path, monkeypatch):
    packed = gzip.compress(ARCHIVE)
    monkeypatch.setattr("test_download.ARCHIVE", packed)
    with serving(packed, encoding="x-gzip") as served:
        fetch(tmp_path, f"{served.address}/a")
    assert (tmp_path / "archive").read_bytes() == packed


def test_a_web_page_in_place_of_the_file(tmp_path, network):
    """That of a network which wants a login, with the status of success."""
    with serving(PAGE) as portal, serving(ARCHIVE) as served:
        said = refused(tmp_path, f"{portal.address}/cifar.tar.gz")
        assert "cifar.tar.gz: a web page came instead of a file; if your network wants a login, log in with a" in said
        assert network == []
        fetch(tmp_path, portal.address, served.address)  # the next address may be another network's
    assert (tmp_path / "archive").read_bytes() == ARCHIVE


def test_a_web_page_somewhere_else(tmp_path):
    with serving(PAGE, redirect=f"/there?token={SECRET}") as portal:
        said = refused(tmp_path, f"{portal.address}/a")
    assert f"a web page came instead of a file ({portal.address}/there?…)" in said


def test_a_web_page_that_was_saved_by_hand(tmp_path, monkeypatch):
    (tmp_path / "cifar.tar.gz").write_bytes(b"\xef\xbb\xbf" + PAGE)
    monkeypatch.setenv("ALEXVGG_CIFAR100_ARCHIVE", str(tmp_path / "cifar.tar.gz"))
    assert "this is a web page, not the archive of CIFAR-100; get it again" in refused(tmp_path, ELSEWHERE)


@pytest.mark.parametrize(("status", "attempts"), [(401, 1), (404, 1), (500, 3), (503, 3)])
def test_a_refusal_is_not_asked_again_and_a_failure_is(tmp_path, status, attempts):
    with serving(b"", status) as served:
        address = served.address.replace("://", f"://me:{SECRET}@") + f"/a?signature={SECRET}"
        said = refused(tmp_path, address)
    assert f"({served.address}/a?…: HTTP {status})" in said
    assert len(served.asked) == attempts


def test_what_is_shown_of_an_address():
    assert web.public(f"https://me:{SECRET}@there:8080/a") == "https://there:8080/a"
    assert web.public(f"postgresql+psycopg://me:p@{SECRET}@db/runs") == "postgresql+psycopg://db/runs"
    assert web.public(f"at https://there/a?X-Amz-Signature={SECRET}&b=1; or there") == "at https://there/a?…; or there"
    assert web.public("sqlite:////home/me@work/mlflow.db") == "sqlite:////home/me@work/mlflow.db"


def knock(tmp_path, uri: str, monkeypatch) -> str:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    began = time.monotonic()
    with pytest.raises(TrackingError) as error:
        connection.connect("", tmp_path / "lock")
    assert time.monotonic() - began < connection.SECONDS + 1
    assert SECRET not in str(error.value)
    return str(error.value)


def test_a_tracking_server_with_a_certificate_of_its_own(tmp_path, signed, monkeypatch):
    with serving(b"OK", certificate=signed) as served:
        said = knock(tmp_path, served.address.replace("://", f"://me:{SECRET}@"), monkeypatch)
        assert said.startswith(f"the tracking server {served.address} cannot be reached: the TLS certificate of 127")
        assert "MLFLOW_TRACKING_SERVER_CERT_PATH=/path/to/the/authority.pem" in said
        assert said.endswith("; or unset MLFLOW_TRACKING_URI to use mlflow.db")
        for name, value in (
            ("MLFLOW_TRACKING_SERVER_CERT_PATH", str(signed)),
            ("MLFLOW_TRACKING_INSECURE_TLS", "true"),
            ("REQUESTS_CA_BUNDLE", str(signed)),
        ):
            with monkeypatch.context() as patch:
                patch.setenv(name, value)
                connection._knock(served.address)
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(tmp_path / "none.pem"))
        said = knock(tmp_path, served.address, monkeypatch)
    assert said.startswith(f"MLFLOW_TRACKING_SERVER_CERT_PATH names {tmp_path / 'none.pem'}, which does not exist")


def test_a_tracking_server_behind_a_proxy(tmp_path, monkeypatch):
    with serving(b"", 407) as proxy:
        monkeypatch.setenv("https_proxy", proxy.address.replace("://", f"://me:{SECRET}@"))
        said = knock(tmp_path, "https://mlflow.invalid", monkeypatch)
    assert f"cannot be reached: the proxy {proxy.address} asks for a name and a password (HTTP 407)" in said


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"", 502, " does not answer (HTTP 502); start it, or unset MLFLOW_TRACKING_URI to use mlflow.db"),
        (PAGE, 200, "a web page answers at http://127.0.0.1:"),
    ],
)
def test_what_is_no_tracking_server(tmp_path, content, status, says, monkeypatch):
    with serving(content, status) as served:
        assert says in knock(tmp_path, served.address, monkeypatch)


def test_a_tracking_server_whose_database_hangs(tmp_path, monkeypatch):
    """Whoever waits for the table is not made to wait for minutes."""
    monkeypatch.setattr(connection, "FIRST", 1)
    with serving(hangs="/experiments/") as served:
        assert "cannot be used: " in knock(tmp_path, served.address, monkeypatch)


def test_a_login_in_front_of_a_tracking_server(tmp_path, monkeypatch):
    """With a token MLflow may pass it; who has none sees a page."""
    with serving(PAGE, redirect="/login") as served:
        assert "a web page answers at" in knock(tmp_path, served.address, monkeypatch)
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", SECRET)
        connection._knock(served.address)


def test_a_tracking_server_that_wants_a_password(tmp_path, monkeypatch):
    """It answers; whether it lets MLflow in is MLflow's to say."""
    with serving(b"no", 401) as served:
        connection._knock(served.address)
        said = knock(tmp_path, served.address, monkeypatch)
    assert said.startswith(f"the tracking server {served.address} cannot be used: ") and "401" in said
