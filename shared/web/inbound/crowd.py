"""Connections that wait, because no whole request has come on them: who has to leave when there are too many.

A newcomer always gets a place, and whoever has waited longest gives one up. Those who hold connections without asking
therefore push each other out, and nobody else: a request that follows its connection at once is never in their way.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

Waiter = TypeVar("Waiter")


class Room(NamedTuple):
    """How many connections may wait: in all, and of one address."""

    places: int
    of_an_address: int


class Crowd(Generic[Waiter]):
    """Those who wait, in the order in which they came."""

    def __init__(self, room: Room, shared_by_many: Callable[[str], bool]) -> None:
        """Begin empty; `shared_by_many` tells of an address that many come from, which may take every place."""
        self._room = room
        self._shared_by_many = shared_by_many
        self._waiting: OrderedDict[Waiter, str] = OrderedDict()
        self._of: dict[str, OrderedDict[Waiter, None]] = {}

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def enter(self, waiter: Waiter, address: str) -> Waiter | None:
        """Take a place, and return who had to leave for it, or None."""
        leaves = self._who_leaves(address)
        if leaves is not None:
            self.leave(leaves)
        self._waiting[waiter] = address
        self._of.setdefault(address, OrderedDict())[waiter] = None
        return leaves

    def leave(self, waiter: Waiter) -> None:
        """Give the place back; nothing happens where there is none."""
        address = self._waiting.pop(waiter, None)
        if address is None:
            return
        of_address = self._of[address]
        del of_address[waiter]
        if not of_address:
            del self._of[address]

    def _who_leaves(self, address: str) -> Waiter | None:
        of_address = self._of.get(address, ())
        if len(of_address) >= self._room.of_an_address and not self._shared_by_many(address):
            return next(iter(of_address))
        if len(self._waiting) < self._room.places:
            return None
        most = max(self._of, key=lambda each: len(self._of[each]))
        return next(iter(self._of[most]))
