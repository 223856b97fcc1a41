"""Places that are taken for a while: so many in all, and so many for each who takes them."""

from collections import Counter
from collections.abc import Hashable
from typing import NamedTuple


class Shares:
    """Count who holds places; for one thread."""

    def __init__(self, places: int, of_each: int) -> None:
        """Begin with every place free."""
        self._places = places
        self._of_each = of_each
        self._taken: Counter[Hashable] = Counter()

    def take(self, whom: Hashable) -> bool:
        """Take a place for somebody; return whether there was one."""
        if self._taken.total() >= self._places or self._taken[whom] >= self._of_each:
            return False
        self._taken[whom] += 1
        return True

    def give_back(self, whom: Hashable) -> None:
        """Give a place back that was taken."""
        self._taken[whom] -= 1
        if not self._taken[whom]:
            del self._taken[whom]


class Place(NamedTuple):
    """A place that somebody holds."""

    shares: Shares
    whom: Hashable

    def give_back(self) -> None:
        """Give it back, once."""
        self.shares.give_back(self.whom)
