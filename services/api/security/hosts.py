"""Without TLS a request is answered only if it was sent to this machine by one of its own names."""

from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.context import ApiContext
from services.api.problems import ProblemError, problem, shown_path
from shared.contracts.hosts import is_loopback


class OwnNames:
    """Wrap the application: whoever reaches it by another name than this machine's own came over a network.

    A port that was published to others by mistake answers them nothing, and no page of another site gets hold of it
    under a name that leads here.
    """

    def __init__(self, app: ASGIApp, context: ApiContext) -> None:
        self._app = app
        self._log = context.log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or is_loopback(_host_of(Headers(scope=scope).get("host", ""))):
            await self._app(scope, receive, send)
            return
        detail = "without TLS only requests from this machine are answered: use http://localhost, or put TLS in front"
        self._log.warning("refused", why="another host's name", path=shown_path(scope["path"]))
        refusal = problem(scope["path"], scope["request_id"], ProblemError(HTTPStatus.MISDIRECTED_REQUEST, detail))
        await refusal(scope, receive, send)


def _host_of(header: str) -> str:
    """Return the name in a header of the form `name[:port]`, nothing for one that says more."""
    try:
        found = urlsplit(f"//{header}")
        is_plain = found.netloc == header and found.username is None and (found.port is None or found.port > 0)
    except ValueError:
        return ""
    return (found.hostname or "") if is_plain else ""
