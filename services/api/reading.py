"""How much is read for one user at a time: a page that asks for everything at once leaves room for others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from services.api.problems import ProblemError

READS_AT_ONCE: Final = 3
READS_WAITING: Final = 30
_AGAIN_SECONDS: Final = 1


@dataclass
class _Turns:
    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READS_AT_ONCE))
    asked: int = 0


class Reading:
    """The reads of each user, for one event loop."""

    def __init__(self) -> None:
        """Begin with nobody reading."""
        self._of: dict[int, _Turns] = {}

    @asynccontextmanager
    async def turn(self, user_id: int) -> AsyncIterator[None]:
        """Read for as long as the block lasts, after those before; raise ProblemError where too many wait already."""
        turns = self._of.setdefault(user_id, _Turns())
        if turns.asked >= READS_AT_ONCE + READS_WAITING:
            headers = {"Retry-After": str(_AGAIN_SECONDS)}
            sentence = "too many of your requests are being answered; wait"
            raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, sentence, headers)
        turns.asked += 1
        try:
            async with turns.free:
                yield
        finally:
            turns.asked -= 1
            if not turns.asked:
                del self._of[user_id]
