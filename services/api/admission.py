"""Which requests are answered at a time: each kind has places of its own, so that none keeps another out."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Scope

from services.api.problems import ProblemError
from services.api.security.access import URGENT, WATCHED
from services.api.security.guard import hash_of_shown
from services.api.security.known_sessions import KnownSessions
from services.api.shares import Place, Shares
from shared.web.inbound.addresses import network_of

_PLACES: Final = 200
_PLACES_OF_AN_ADDRESS: Final = 100
_KEPT_PLACES: Final = 16
_KEPT_PLACES_OF_EACH: Final = 4
_AGAIN_SECONDS: Final = 1


class NoPlaceError(ProblemError):
    """As many requests are answered as may be at a time."""


class Admission:
    """The places of requests whose head and body have come."""

    def __init__(self, known: KnownSessions, cookie: str, root_path: str) -> None:
        """Keep places for known sessions, by the cookie of that name."""
        self._known = known
        self._cookie = cookie
        self._root_path = root_path
        self._places = Shares(_PLACES, _PLACES_OF_AN_ADDRESS)
        self._of_watchers = Shares(_KEPT_PLACES, _KEPT_PLACES)
        self._of_commands = Shares(_KEPT_PLACES, _KEPT_PLACES_OF_EACH)
        self._of_operators = Shares(_KEPT_PLACES, _KEPT_PLACES_OF_EACH)

    @contextmanager
    def place(self, scope: Scope) -> Iterator[None]:
        """Hold a place for as long as the block lasts; raise NoPlaceError where there is none."""
        place = next((place for place in self._open_to(scope) if place.shares.take(place.whom)), None)
        if place is None:
            detail = "too many requests are being answered; try again"
            raise NoPlaceError(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": str(_AGAIN_SECONDS)})
        try:
            yield
        finally:
            place.give_back()

    def _open_to(self, scope: Scope) -> Iterator[Place]:
        """Yield the places that a request may take, those that are kept for its kind first."""
        address: Hashable = network_of(scope["client"][0]) if scope.get("client") else None
        route = scope["method"], scope["path"].removeprefix(self._root_path)
        if route in URGENT:
            shown = hash_of_shown(HTTPConnection(scope), self._cookie)
            if shown is not None and self._known.may_command(shown):
                yield Place(self._of_operators, shown)
            if shown is not None:
                yield Place(self._of_commands, address)
        elif route in WATCHED:
            yield Place(self._of_watchers, None)
        yield Place(self._places, address)
