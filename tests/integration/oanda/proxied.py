"""Servers of others as they are seen from inside a company: a small proxy, and TLS by an authority of its own."""

import base64
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Certificates(NamedTuple):
    """Files in PEM: an authority that nobody knows, a server's certificate by it, and that one's key."""

    authority: Path
    server: Path
    key: Path


def certificates(folder: Path, hosts: Sequence[str]) -> Certificates:
    """Make an authority, and by it a certificate for some hosts."""
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
    authority = (
        _certificate(authority_name, authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    server = (
        _certificate(x509.Name([]), authority_name, server_key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    found = Certificates(folder / "authority.pem", folder / "server.pem", folder / "key.pem")
    found.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    found.server.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    found.key.write_bytes(server_key.private_bytes(serialization.Encoding.PEM, *private))
    return found


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


@contextmanager
def behind_tls(upstream: str, made: Certificates) -> Iterator[tuple[str, int]]:
    """Put TLS before a server that speaks plain HTTP, and yield where."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.server, made.key)
    parts = urlsplit(upstream)

    def serve(plain: socket.socket) -> None:
        with (
            context.wrap_socket(plain, server_side=True) as client,
            socket.create_connection((parts.hostname, parts.port)) as server,
        ):
            _pump_both(client, server)

    with _listening(serve) as address:
        yield address


class Proxy:
    """An HTTP proxy that lets nobody through without its password, and notes which hosts it was asked for."""

    def __init__(self, routes: dict[str, tuple[str, int]], user: str, password: str) -> None:
        """Know where the hosts are; other names do not resolve here, and a route to port 0 is refused."""
        self._routes = routes
        self._wanted = b"Basic " + base64.b64encode(f"{user}:{password}".encode())
        self.asked: list[str] = []

    @contextmanager
    def running(self) -> Iterator[int]:
        """Serve for as long as the block lasts, and yield the port on this machine."""
        with _listening(self._serve) as (_host, port):
            yield port

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            received = client.recv(65_536)
            if not received:
                return
            head += received
        first, _, rest = head.partition(b"\r\n")
        method, target, _ = first.split(b" ")
        if self._wanted not in rest:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        url = urlsplit(f"//{target.decode()}" if method == b"CONNECT" else target.decode())
        self.asked.append(url.hostname or "")
        where = self._routes.get(url.hostname or "")
        if where is None:
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(where) as server:
            if method == b"CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                server.sendall(b" ".join((method, (url.path or "/").encode(), b"HTTP/1.1")) + b"\r\n" + rest)
            _pump_both(client, server)


@contextmanager
def _listening(serve: Callable[[socket.socket], None]) -> Iterator[tuple[str, int]]:
    def served(connection: socket.socket) -> None:
        # Whoever asks may hang up at any moment.
        with connection, suppress(OSError):
            serve(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=served, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield "127.0.0.1", listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _pump_both(left: socket.socket, right: socket.socket) -> None:
    thread = threading.Thread(target=_pump, args=(right, left), daemon=True)
    thread.start()
    _pump(left, right)
    thread.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(65_536):
            sink.sendall(received)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
