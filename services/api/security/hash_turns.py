"""Turns at checking passwords: a check takes a core for a while, so that few go on at once and few may wait.

Who waits stands in a line: strangers in that of the address from which they come, users who have a living session in
one of their own. The lines take turns, those of users first, and of each one at a time is heard, so that nobody who
asks often keeps another waiting, or takes every core.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final, NamedTuple

from prometheus_client import Counter

from services.api.problems import ProblemError

HASHES_AT_ONCE: Final = 2
WAITING_IN_A_LINE: Final = 4
WAITING: Final = 16
_AGAIN_SECONDS: Final = 2


class Line(NamedTuple):
    """Whose turns are counted together, and whether they come before those of strangers."""

    name: str
    first: bool


def line_of_user(name: str) -> Line:
    """Return the line of a user who has a living session."""
    return Line(f"user:{name}", first=True)


def line_of_address(network: str) -> Line:
    """Return the line of those who come from an address."""
    return Line(f"address:{network}", first=False)


class HashTurns:
    """Hand out turns, for one event loop."""

    def __init__(self, refused: Counter) -> None:
        """Begin with nobody heard; who finds no place to wait is counted."""
        self._refused = refused
        self._busy: set[Line] = set()
        self._lines: OrderedDict[Line, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, line: Line) -> AsyncIterator[None]:
        """Hold a turn for as long as the block lasts; raise ProblemError where too many wait for one."""
        await self._take(line)
        try:
            yield
        finally:
            self._hand_on(line)

    async def _take(self, line: Line) -> None:
        if len(self._busy) < HASHES_AT_ONCE and line not in self._busy:
            self._busy.add(line)
            return
        waiter = self._stand(line)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._hand_on(line)
            else:
                self._step_out(line, waiter)
            raise

    def _stand(self, line: Line) -> "asyncio.Future[None]":
        if len(self._lines.get(line, ())) >= WAITING_IN_A_LINE:
            raise self._too_many()
        if not line.first and self._strangers() >= WAITING:
            self._make_room()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(line, deque()).append(waiter)
        return waiter

    def _strangers(self) -> int:
        return sum(len(waiting) for line, waiting in self._lines.items() if not line.first)

    def _make_room(self) -> None:
        """Send away whoever came last to the longest line of strangers; raise ProblemError where each has but one."""
        longest = max((line for line in self._lines if not line.first), key=lambda line: len(self._lines[line]))
        if len(self._lines[longest]) == 1:
            raise self._too_many()
        self._lines[longest].pop().set_exception(self._too_many())

    def _step_out(self, line: Line, waiter: "asyncio.Future[None]") -> None:
        waiting = self._lines.get(line)
        if waiting is not None and waiter in waiting:
            waiting.remove(waiter)
            if not waiting:
                del self._lines[line]

    def _hand_on(self, done: Line) -> None:
        """Give the turn of a line to the next who waits, line by line."""
        self._busy.discard(done)
        while (line := self._next_line()) is not None:
            waiting = self._lines.pop(line)
            waiter = waiting.popleft()
            if waiting:
                self._lines[line] = waiting
            if not waiter.done():
                self._busy.add(line)
                waiter.set_result(None)
                return

    def _next_line(self) -> Line | None:
        """Return which line is next: the first of a user, else the first of strangers, that holds no turn."""
        idle = [line for line in self._lines if line not in self._busy]
        return next((line for line in idle if line.first), idle[0] if idle else None)

    def _too_many(self) -> ProblemError:
        self._refused.inc()
        headers = {"Retry-After": str(_AGAIN_SECONDS)}
        return ProblemError(HTTPStatus.TOO_MANY_REQUESTS, "too many passwords are being checked; wait", headers)
