"""What a request has to be before anybody looks at it: of one length, and with a head of bounded size."""

from http import HTTPStatus
from typing import Any, Final

import h11

_LINE_END_BYTES: Final = 4


class CheckedRequests(h11.Connection):
    """The state of a connection, which is stricter than the standard demands, and remembers why it refused."""

    def __init__(self, largest_head_bytes: int) -> None:
        """Take requests whose head has at most so many bytes."""
        super().__init__(h11.SERVER, largest_head_bytes)
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
