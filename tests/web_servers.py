"""Servers as they are met in the networks of companies and universities, on this machine."""

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PAGE = b"\n<!DOCTYPE html>\n<html><head><title>Welcome to the network</title></head><body>Log in</body></html>\n"


@contextmanager
def serving(
    content: bytes = b"OK",
    status: int = 200,
    certificate: Path | None = None,
    redirect: str = "",
    encoding: str = "",
    hangs: str = "",
) -> Iterator["Served"]:
    """A server that answers every request, also those of a proxy, with the same; over TLS with a `certificate`.

    None is answered whose address has `hangs` in it.
    """
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            served.asked.append(f"{self.command} {self.path}")
            if hangs and hangs in self.path:
                ended.wait()
                return
            here = redirect and self.path != redirect
            self.send_response(302 if here else status)
            if here:
                self.send_header("Location", redirect)
            if encoding:
                self.send_header("Content-Encoding", encoding)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_CONNECT = do_POST = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Served(f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}")
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield served
    finally:
        ended.set()
        server.shutdown()
        server.server_close()


class Served:
    """A server that runs: its address, and what it was asked."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: list[str] = []


def certificate(folder: Path, days: int) -> Path:
    """A certificate of 127.0.0.1 that signs itself, and its key, in a file; valid until `days` from now."""
    pytest.importorskip("cryptography", reason="makes certificates")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / f"certificate {days}.pem"
    path.write_bytes(made.public_bytes(pem) + private)
    return path
