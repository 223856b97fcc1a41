"""Lines of a stream that never ends: split exactly, watched for silence, and closable from another thread."""

import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Final

import httpx

from shared.oanda.connection import OandaConnection
from shared.oanda.errors import OandaUnavailableError

SILENCE_SECONDS: Final = 10.0
LONGEST_LINE_BYTES: Final = 2**20


class LineSplitter:
    """Cuts bytes into lines, the same ones however the bytes were cut before; blank lines are left out."""

    def __init__(self) -> None:
        """Begin at the beginning of a line."""
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are complete now."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line for line in map(bytes.strip, lines) if line]

    @property
    def unfinished_bytes(self) -> int:
        """Return how much of the next line is there already."""
        return len(self._rest)


class LineStream:
    """One connection to a stream: iterate once, in one thread; `close` may be called in any."""

    def __init__(
        self,
        connection: OandaConnection,
        path: str,
        params: Mapping[str, str],
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        """Prepare the stream; iterating connects it."""
        self._connection = connection
        self._path = path
        self._params = params
        self._silence_seconds = silence_seconds
        self._lock = threading.Lock()
        self._closed = False
        self._socket: socket.socket | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the lines until `close`.

        Raises OandaUnavailableError when the stream ends or breaks, and when no line came for `silence_seconds`.
        """
        if self._closed:
            return
        try:
            with self._connection.stream(self._path, self._params, self._silence_seconds) as response:
                if self._begin(response):
                    yield from self._lines(response)
        except OandaUnavailableError:
            if not self._closed:
                raise
        finally:
            with self._lock:
                self._socket = None

    def close(self) -> None:
        """End the iteration, also one that waits for bytes."""
        with self._lock:
            self._closed = True
            if self._socket is not None:
                _wake(self._socket)

    def _begin(self, response: httpx.Response) -> bool:
        stream = response.extensions.get("network_stream")
        raw = None if stream is None else stream.get_extra_info("socket")
        with self._lock:
            self._socket = raw if isinstance(raw, socket.socket) else None
            return not self._closed

    def _lines(self, response: httpx.Response) -> Iterator[bytes]:
        splitter = LineSplitter()
        monotonic = self._connection.monotonic
        last_line = monotonic()
        for data in response.iter_bytes():
            for line in splitter.feed(data):
                yield line
                if self._closed:
                    return
                # The time that the reader took is not the stream's silence.
                last_line = monotonic()
            if splitter.unfinished_bytes > LONGEST_LINE_BYTES:
                raise OandaUnavailableError(f"the stream {self._path} sent a line of over {LONGEST_LINE_BYTES} bytes")
            if monotonic() - last_line > self._silence_seconds:
                raise OandaUnavailableError(
                    f"the stream {self._path} sent no whole line for {self._silence_seconds:g} s"
                )
        raise OandaUnavailableError(f"the stream {self._path} was ended by the server")


def _wake(sock: socket.socket) -> None:
    try:
        # The plain socket's shutdown, also of an encrypted one: the thread that reads still needs the encryption.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return
