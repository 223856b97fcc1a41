"""What a request has to be before anybody looks at it: of one length, and with a head of bounded size."""

from http import HTTPStatus
from typing import Any, Final

import h11
from h11._receivebuffer import ReceiveBuffer

_LINE_END_BYTES: Final = 4


class _StrictHeads(ReceiveBuffer):
    """What has arrived, out of which heads are taken whose lines all end alike and none goes on in the next."""

    _taken = bytearray()

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """Return the lines of a head as h11 does; raise LocalProtocolError where it is lenient."""
        lines = super().maybe_extract_lines()
        if lines is not None:
            # A proxy in front may see other lines than we do, and with them other requests.
            if self._taken.count(b"\n") != self._taken.count(b"\r\n"):
                raise h11.LocalProtocolError("a line of the head does not end with CR and LF")
            if any(line.startswith((b" ", b"\t")) for line in lines):
                raise h11.LocalProtocolError("a line of the head goes on in the next")
        return lines

    def _extract(self, count: int) -> bytearray:
        self._taken = super()._extract(count)
        return self._taken


class CheckedRequests(h11.Connection):
    """The state of a connection, which is stricter than the standard demands, and remembers why it refused."""

    def __init__(self, largest_head_bytes: int) -> None:
        """Take requests whose head has at most so many bytes."""
        super().__init__(h11.SERVER, largest_head_bytes)
        self._receive_buffer = _StrictHeads()
        self._largest = largest_head_bytes
        self.refusal = HTTPStatus.BAD_REQUEST

    def next_event(self) -> Any:
        """Return the next event as h11 does; raise RemoteProtocolError also for what it lets pass."""
        try:
            event = super().next_event()
            if isinstance(event, h11.Request):
                self._check(event)
        except h11.RemoteProtocolError as fault:
            self.refusal = HTTPStatus(fault.error_status_hint)
            raise
        return event

    def _check(self, request: h11.Request) -> None:
        names = [name for name, _value in request.headers]
        # Of two lengths, a proxy in front may go by the other one, and see other requests than we do.
        if b"content-length" in names and b"transfer-encoding" in names:
            raise h11.RemoteProtocolError("Content-Length and Transfer-Encoding exclude each other")
        # What came in one piece was never incomplete, and h11 measures only what is.
        fields = sum(len(name) + len(value) + _LINE_END_BYTES for name, value in request.headers)
        if len(request.method) + len(request.target) + fields > self._largest:
            hint = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise h11.RemoteProtocolError("the head is too large", error_status_hint=hint)
