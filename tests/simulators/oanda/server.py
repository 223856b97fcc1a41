"""The simulator's HTTP listeners on loopback: one for requests, one for streams, and their ways of failing."""

import gzip
import select
import socket
import socketserver
import struct
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlsplit

from tests.simulators.oanda.faults import ResponseFault
from tests.simulators.oanda.forms import ApiError, Request, Response
from tests.simulators.oanda.moments import NANOSECONDS
from tests.simulators.oanda.price_stream import PriceStream, StreamCutError
from tests.simulators.oanda.routes import changes_account, check_stream
from tests.simulators.oanda.service import CLOCK_PATH, Service
from tests.simulators.oanda.wire_faults import JSON, TIMEOUT, TOO_MANY, RawAnswer, refusal_of

_HOST: Final = "127.0.0.1"
_RESET: Final = struct.pack("ii", 1, 0)
_WORTH_ZIPPING_BYTES: Final = 1024
_FIRST_REQUEST_ID: Final = 60_986_633_780_000_000
_ARRIVAL_SECONDS: Final = 0.02
_END_SECONDS: Final = 10.0


class Listener(ThreadingHTTPServer):
    """A listener that knows its connections, so that it can break them and end without leaving any."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, service: Service, port: int, *, streams: bool) -> None:
        """Listen on a port of loopback, 0 for a free one."""
        self.service: Final = service
        self.streams: Final = streams
        self._connections: set[socket.socket] = set()
        self._broken: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__((_HOST, port), Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="oanda-simulator", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Return the address, with the version that OANDA's own have."""
        return f"http://{_HOST}:{self.server_address[1]}/v3"

    def stop(self) -> None:
        """Stop listening, break what is open and wait for its end."""
        self.shutdown()
        self._thread.join()
        with self._changed:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            ended = self._changed.wait_for(lambda: not self._connections, _END_SECONDS)
        self.server_close()
        assert ended, "a connection of the simulator did not end"

    def break_on_close(self, connection: socket.socket) -> None:
        """Let the end of a connection reach the client as a reset."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._broken.add(connection)

    def server_bind(self) -> None:
        """Bind without asking for the host's name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = _HOST, int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own."""
        self.service.count_connection()
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection, politely or not."""
        if request in self._broken:
            self._broken.discard(request)
            request.close()
        else:
            super().shutdown_request(request)
        with self._changed:
            self._connections.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet: clients go as they like, and what the simulator did wrong is among its failures."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "openresty"
    sys_version = ""
    disable_nagle_algorithm = True

    @property
    def _listener(self) -> Listener:
        return cast("Listener", self.server)

    def serve(self) -> None:
        """Answer one request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        service, url = self._listener.service, urlsplit(self.path)
        if url.path == CLOCK_PATH:
            return self._send(RawAnswer(200, JSON, service.clock_body()), 0)
        params = dict(parse_qsl(url.query, keep_blank_values=True))
        unix_times = self.headers.get("Accept-Datetime-Format", "").upper() == "UNIX"
        request = Request(service.next_number(), self.command, url.path, params, body, unix_times)
        service.record(request)
        try:
            self._respond(service, request)
        except OSError:
            self.close_connection = True
        except BaseException as fault:
            service.failures.append(fault)
            self._break()
            raise
        return None

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815 (the names that the library calls)

    def _respond(self, service: Service, request: Request) -> None:
        fault = service.faults.next_response(request.number, request.path)
        if fault is ResponseFault.RESET_BEFORE:
            return self._break()
        if service.is_over_limit():
            return self._send(TOO_MANY, request.number)
        refused = service.refused(self.headers.get("Authorization", ""))
        if refused is not None:
            return self._finish(refused, request, None)
        refusal = refusal_of(fault, service.faults)
        if refusal is not None:
            if fault is ResponseFault.LATE_LANDING and changes_account(request):
                service.land_later(request)
            return self._send(refusal, request.number)
        if self._listener.streams:
            return self._stream(service, request, fault)
        response = service.answer(request)
        return self._finish(response, request, fault)

    def _finish(self, response: Response, request: Request, fault: ResponseFault | None) -> None:
        """Send an answer to a request that was carried out, as far as the fault lets it."""
        service = self._listener.service
        answer = RawAnswer(response.status, JSON, response.encoded(unix_times=request.unix_times), response.headers)
        match fault:
            case ResponseFault.DROPPED:
                return self._break()
            case ResponseFault.ERROR_AFTER_APPLYING:
                return self._send(TIMEOUT, request.number)
            case ResponseFault.TRUNCATED:
                return self._send(answer._replace(body=answer.body[: len(answer.body) // 2]), request.number)
            case ResponseFault.RESET_MIDWAY:
                self._send(answer, request.number, sent_share=0.5)
                sleep(_ARRIVAL_SECONDS)
                return self._break()
            case ResponseFault.SLOW:
                service.stopping.wait(service.faults.slow_seconds_real)
            case _:
                pass
        service.note_served(response)
        self._send(answer, request.number)
        if fault is ResponseFault.RESET_AFTER:
            sleep(_ARRIVAL_SECONDS)
            self._break()
        return None

    def _send(self, answer: RawAnswer, number: int, sent_share: float = 1.0) -> None:
        body = answer.body
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self._send_common_headers(number)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if len(body) >= _WORTH_ZIPPING_BYTES and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: int(len(body) * sent_share)])

    def _send_common_headers(self, number: int) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("RequestID", str(_FIRST_REQUEST_ID + number))

    def _stream(self, service: Service, request: Request, fault: ResponseFault | None) -> None:
        try:
            names = check_stream(service.exchange, request)
            snapshot = request.flag("snapshot") is not False
        except ApiError as error:
            return self._finish(error.response, request, fault)
        if fault in (ResponseFault.DROPPED, ResponseFault.RESET_MIDWAY):
            return self._break()
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self._send_common_headers(request.number)
        self.end_headers()
        manners = service.manners
        stream = PriceStream(
            service.exchange,
            names,
            service.next_stream(),
            unix_times=request.unix_times,
            samples_real_time=manners.samples_real_time,
        )
        try:
            stream.run(
                self._send_chunk,
                self._is_gone,
                service.stopping,
                snapshot=snapshot,
                heartbeat_seconds=manners.heartbeat_seconds,
            )
        except StreamCutError:
            sleep(_ARRIVAL_SECONDS)
        return self._break()

    def _send_chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _is_gone(self) -> bool:
        """Return whether the client has closed its side."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def _break(self) -> None:
        self._listener.break_on_close(self.connection)
        self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the server's time for the header, in the market's time."""
        seconds = self._listener.service.exchange.server_now() / NANOSECONDS if timestamp is None else timestamp
        return super().date_time_string(int(seconds))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
        """Say nothing: what was asked is recorded."""
