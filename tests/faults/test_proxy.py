"""The proxy of the fault tests does what it says, and nothing of it stays behind."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.equipment.proxy import TcpProxy, proxied


@pytest.fixture(name="proxy")
def proxy_() -> Iterator[TcpProxy]:
    """Return a proxy in front of a server that sends back what it is sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=echo, args=(listener,), daemon=True).start()
        with proxied(f"echo://127.0.0.1:{listener.getsockname()[1]}/") as proxy:
            yield proxy


def echo(listener: socket.socket) -> None:
    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                while chunk := connection.recv(4096):
                    connection.sendall(chunk)
            except OSError:
                return

    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def connected(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def asked(connection: socket.socket, question: bytes) -> bytes:
    connection.sendall(question)
    answer = b""
    while len(answer) < len(question):
        chunk = connection.recv(4096)
        if not chunk:
            return answer
        answer += chunk
    return answer


def test_proxy_forwards_both_ways_and_keeps_the_bytes_in_slices(proxy: TcpProxy) -> None:
    text = bytes(range(256)) * 40
    with connected(proxy) as connection:
        assert asked(connection, text) == text
        proxy.slice(1)
        assert asked(connection, text) == text


def test_latency_holds_bytes_back_in_either_direction(proxy: TcpProxy) -> None:
    with connected(proxy) as connection:
        proxy.delay(0.15)
        began = time.monotonic()
        assert asked(connection, b"slow") == b"slow"
        assert 0.3 <= time.monotonic() - began < 2


def test_black_hole_says_nothing_and_delivers_after_it_is_healed(proxy: TcpProxy) -> None:
    with connected(proxy) as connection:
        assert asked(connection, b"before") == b"before"
        proxy.blackhole()
        connection.settimeout(0.3)
        connection.sendall(b"lost?")
        with pytest.raises(TimeoutError):
            connection.recv(10)
        with connected(proxy) as newcomer:
            newcomer.settimeout(0.2)
            newcomer.sendall(b"anybody?")
            with pytest.raises(TimeoutError):
                newcomer.recv(10)
        proxy.heal()
        connection.settimeout(5)
        assert connection.recv(10) == b"lost?"


def test_reset_breaks_connections_and_serves_new_ones(proxy: TcpProxy) -> None:
    with connected(proxy) as connection:
        assert asked(connection, b"before") == b"before"
        assert proxy.reset_peer() == 1
        with pytest.raises(ConnectionResetError):
            connection.recv(10)
    with connected(proxy) as connection:
        assert asked(connection, b"again") == b"again"


def test_cut_refuses_until_it_is_healed(proxy: TcpProxy) -> None:
    proxy.cut()
    # The reset may come while the connection is still being made.
    with pytest.raises(ConnectionResetError), connected(proxy) as connection:
        asked(connection, b"gone")
    proxy.heal()
    with connected(proxy) as connection:
        assert asked(connection, b"back") == b"back"


def test_closed_proxy_leaves_no_thread_behind(proxy: TcpProxy) -> None:
    with connected(proxy) as connection:
        assert asked(connection, b"here") == b"here"
        proxy.blackhole()
        proxy.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "proxy"]
