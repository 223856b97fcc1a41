"""Work that takes long enough to be rationed: only so much of it goes on at once, and more is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Final

from services.api.problems import ProblemError

_AT_ONCE: Final = 2
_AGAIN_SECONDS: Final = 5


class WorkLimit:
    """A limit to how many heavy requests are answered at once."""

    def __init__(self, at_once: int = _AT_ONCE) -> None:
        """Let so many go on at once."""
        self._turns = BoundedSemaphore(at_once)

    @contextmanager
    def work(self) -> Iterator[None]:
        """Take a turn for as long as the block lasts; raise ProblemError where none is free."""
        if not self._turns.acquire(blocking=False):
            headers = {"Retry-After": str(_AGAIN_SECONDS)}
            detail = "too many exports and checks are running; try again"
            raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, detail, headers)
        try:
            yield
        finally:
            self._turns.release()
