"""Answers that hold a place while they are prepared and sent."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class HeldResponse(Response):
    """An answer for which a place is taken before any work is done, and given back however it ends."""

    def __init__(
        self, place: Callable[[], AbstractContextManager[None]], prepare: Callable[[], Awaitable[Response]]
    ) -> None:
        """Send what is prepared; `place` raises ProblemError where there is none."""
        super().__init__()
        self._place = place
        self._prepare = prepare

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Prepare and send the answer, or raise before anything of it was sent."""
        with self._place():
            prepared = await self._prepare()
            await prepared(scope, receive, send)
