"""Turns at writing: the threads of a process come to it in the order in which they asked."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from shared.contracts.errors import InfrastructureError


class Turns:
    """Let one thread write at a time.

    SQLite keeps no queue for its lock: whoever waits looks again now and then, and beside a thread that writes one
    transaction after another it may look in vain for as long as it is ready to wait.
    """

    def __init__(self, longest_seconds: float) -> None:
        """Begin with nobody writing; a thread waits so long at most."""
        self._longest = longest_seconds
        self._guard = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Write for as long as the block lasts; raise InfrastructureError where the turn does not come in time."""
        self._take()
        try:
            yield
        finally:
            with self._guard:
                if self._waiting:
                    self._waiting.popleft().set()
                else:
                    self._taken = False

    def _take(self) -> None:
        mine = threading.Event()
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            self._waiting.append(mine)
        if mine.wait(self._longest):
            return
        with self._guard:
            if mine.is_set():
                return
            self._waiting.remove(mine)
        raise InfrastructureError(
            f"another part of this process has been writing to the database for {self._longest:g} s; try again later"
        )
