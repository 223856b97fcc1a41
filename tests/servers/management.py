"""The HTTP API with which a RabbitMQ broker is managed."""

import base64
import http.client
import json
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

_DEADLINE_SECONDS: Final = 15.0


class ManagementError(Exception):
    """The broker refused a request; the message holds its status and answer."""

    def __init__(self, request: str, status: int, answer: str) -> None:
        """Keep the status for tests that expect a refusal."""
        super().__init__(f"{request} was answered with {status}: {answer[:500]}")
        self.status = status


@dataclass(frozen=True)
class Management:
    """The management API of one broker, for one of its users."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)

    @property
    def base_url(self) -> str:
        """Return where the API begins, without a slash at the end."""
        return f"http://{self.host}:{self.port}/api"

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send a request to a path such as `/vhosts/a`, its body as JSON; return the answer, None if it is empty.

        Raises ManagementError when the broker refuses, OSError when it is away.
        """
        status, answer = self._send(method, path, body)
        if status >= http.client.BAD_REQUEST:
            raise ManagementError(f"{method} {path}", status, answer)
        return json.loads(answer) if answer else None

    def status(self, method: str, path: str) -> int:
        """Return the HTTP status of the answer to a request; raises OSError when the broker is away."""
        return self._send(method, path, None)[0]

    def _send(self, method: str, path: str, body: object) -> tuple[int, str]:
        identity = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        headers = {"authorization": f"Basic {identity}", "content-type": "application/json"}
        content = None if body is None else json.dumps(body)
        with closing(http.client.HTTPConnection(self.host, self.port, timeout=_DEADLINE_SECONDS)) as connection:
            connection.request(method, f"/api{path}", content, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
