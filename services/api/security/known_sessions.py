"""Sessions that this process has seen alive: for those who hold one, places and turns are kept.

Nothing is allowed by it: whether a session still lives is asked of the store with every request.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from shared.contracts.vocabulary import Role

_MOST: Final = 1_000


class _Seen(NamedTuple):
    name: str
    may_command: bool
    at: float


class KnownSessions:
    """The sessions that were seen last, by the hash of their token; for one thread."""

    def __init__(self, monotonic: Callable[[], float], idle_seconds: float) -> None:
        """Begin with none; a session that was not seen for so long is forgotten."""
        self._monotonic = monotonic
        self._idle_seconds = idle_seconds
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._of_name: Counter[str] = Counter()

    def saw(self, token_hash: str, name: str, role: Role) -> None:
        """Note that a session lives."""
        self.lost(token_hash)
        self._seen[token_hash] = _Seen(name, role.includes(Role.OPERATOR), self._monotonic())
        self._of_name[name] += 1
        if len(self._seen) > _MOST:
            self.lost(next(iter(self._seen)))

    def lost(self, token_hash: str) -> None:
        """Note that a session is over, or is none."""
        seen = self._seen.pop(token_hash, None)
        if seen is not None:
            self._of_name[seen.name] -= 1
            if not self._of_name[seen.name]:
                del self._of_name[seen.name]

    def may_command(self, token_hash: str) -> bool:
        """Tell whether the session of a token was seen alive, and is of somebody who may send commands."""
        self._forget()
        seen = self._seen.get(token_hash)
        return seen is not None and seen.may_command

    def are_of(self, name: str) -> bool:
        """Tell whether a user has a session that was seen alive."""
        self._forget()
        return name in self._of_name

    def _forget(self) -> None:
        before = self._monotonic() - self._idle_seconds
        while self._seen and (first := next(iter(self._seen))) and self._seen[first].at < before:
            self.lost(first)
