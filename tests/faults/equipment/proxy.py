"""A TCP proxy on loopback that treats what passes through it as badly as a test asks."""

import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_HOST: Final = "127.0.0.1"
_CHUNK_BYTES: Final = 65_536
_MOST_BUFFERED_CHUNKS: Final = 64
_MOST_CONNECTIONS: Final = 64
_TICK_SECONDS: Final = 0.02
_CONNECT_SECONDS: Final = 3.0
_SEND_SECONDS: Final = 1.0
_RESET: Final = struct.pack("ii", 1, 0)


class TcpProxy:
    """Forward connections to one address; ends with its context and leaves nothing behind.

    A black hole forwards nothing and keeps every socket open, new ones too: whoever speaks hears no answer. What was
    said meanwhile arrives after `heal`, as it would on a network that comes back.
    """

    def __init__(self, host: str, port: int) -> None:
        """Listen on a free port for connections to `host` and `port`."""
        self._target = host, port
        self._latency_seconds = 0.0
        self._slice_bytes = _CHUNK_BYTES
        self._flows = threading.Event()
        self._flows.set()
        self._refuses = False
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((_HOST, 0), backlog=_MOST_CONNECTIONS)
        self._listener.settimeout(_TICK_SECONDS)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._acceptor.start()

    def __enter__(self) -> "TcpProxy":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _fault: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def url(self, url: str) -> str:
        """Return a URL with the proxy in place of its host and port."""
        parts = urlsplit(url)
        identity = parts.netloc.rpartition("@")[0]
        place = f"{_HOST}:{self.port}"
        return urlunsplit(parts._replace(netloc=f"{identity}@{place}" if identity else place))

    def delay(self, latency_seconds: float) -> None:
        """Hold back every byte for so long, in either direction."""
        self._latency_seconds = latency_seconds

    def slice(self, size_bytes: int) -> None:
        """Forward at most so many bytes at a time."""
        self._slice_bytes = size_bytes

    def blackhole(self) -> None:
        """Stop forwarding without a word."""
        self._flows.clear()

    def cut(self) -> None:
        """Break all connections and refuse new ones, as for a server that is gone."""
        self._refuses = True
        self.reset_peer()

    def reset_peer(self) -> int:
        """Break all connections with a reset and return how many there were; new ones are served."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.close()
        return len(pairs)

    def heal(self) -> None:
        """Forward at once and everything again."""
        self._latency_seconds = 0.0
        self._slice_bytes = _CHUNK_BYTES
        self._refuses = False
        self._flows.set()

    def close(self) -> None:
        """Break what is left and stop listening."""
        self._closed.set()
        self._flows.set()
        self._acceptor.join()
        self._listener.close()
        self.reset_peer()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        if self._refuses or len(self._pairs) >= _MOST_CONNECTIONS:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            client.close()
            return
        try:
            server = socket.create_connection(self._target, timeout=_CONNECT_SECONDS)
        except OSError:
            client.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(_SEND_SECONDS)
        with self._lock:
            self._pairs.append((client, server))
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        for source, sink in ((client, server), (server, client)):
            thread = threading.Thread(target=self._pump, args=(source, sink), name="proxy", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        waiting: deque[tuple[float, bytes]] = deque()
        with suppress(OSError, ValueError), selectors.DefaultSelector() as selector:
            selector.register(source, selectors.EVENT_READ)
            while not self._closed.is_set() and source.fileno() >= 0:
                readable = len(waiting) < _MOST_BUFFERED_CHUNKS and selector.select(_TICK_SECONDS)
                if not self._flows.wait(_TICK_SECONDS):
                    continue
                if readable:
                    chunk = source.recv(_CHUNK_BYTES)
                    waiting.append((time.monotonic() + self._latency_seconds, chunk))
                while waiting and waiting[0][0] <= time.monotonic():
                    chunk = waiting.popleft()[1]
                    if not chunk:
                        self._end(source, sink)
                        return
                    self._forward(sink, chunk)

    def _forward(self, sink: socket.socket, chunk: bytes) -> None:
        start = 0
        while start < len(chunk):
            size = self._slice_bytes
            piece = chunk[start : start + size]
            start += size
            while piece:
                while not self._flows.wait(_TICK_SECONDS):
                    if self._closed.is_set():
                        return
                with suppress(TimeoutError):
                    piece = piece[sink.send(piece) :]
                if self._closed.is_set():
                    return

    def _end(self, source: socket.socket, sink: socket.socket) -> None:
        """Pass on that one side has said its last word, by ending both."""
        with self._lock:
            self._pairs = [pair for pair in self._pairs if source not in pair]
        for end in (sink, source):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def proxied(url: str) -> Iterator[TcpProxy]:
    """Put a proxy in front of the server of a URL."""
    parts = urlsplit(url)
    assert parts.hostname is not None, url
    assert parts.port is not None, url
    with TcpProxy(parts.hostname, parts.port) as proxy:
        yield proxy
