"""The API below a path of a host that it shares with others, whether the proxy in front passes that path on or not."""

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.security.access import ACCESS
from shared.contracts.errors import InputError

_SHAPE: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")


def checked_root_path(text: str) -> str:
    """Return the path below which the API lives, "" for that of the host itself; raises InputError for none that is.

    A slash at the end is dropped. A path that begins like a route could not be told from it.
    """
    path = text.rstrip("/")
    if not path:
        return ""
    if not _SHAPE.fullmatch(path) or "/." in path:
        raise InputError(f"--root-path {text} is no path; write it like /scalpbot, of letters, digits, - and _")
    first = f"/{path.split('/')[1]}"
    if any(route == first or route.startswith(f"{first}/") for _method, route in ACCESS):
        raise InputError(f"--root-path {text} begins like a route of the API; choose another, such as /scalpbot")
    return path


class BelowPath:
    """Wrap the application: requests are for it with the path in front of theirs, or, taken off by a proxy, without."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        """Live below a path that `checked_root_path` has returned."""
        self._app = app
        self._root = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what it is told of paths has ours in front."""
        if scope["type"] == "http":
            path = scope["path"]
            whole = path if path == self._root or path.startswith(f"{self._root}/") else f"{self._root}{path}"
            scope = {**scope, "root_path": self._root, "path": whole, "raw_path": None}
        await self._app(scope, receive, send)
