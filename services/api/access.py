"""Who may ask what: every route with the least role that it takes. What is not written here is refused."""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias


class Role(IntEnum):
    """What a user may do; each role may do all that the one before it may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """Return the role as the store and people write it."""
        return self.name.lower()


ROLE_OF_WORD: Final[Mapping[str, Role]] = MappingProxyType({role.word: role for role in Role})

# A method and the path of a route as it is declared, with its parameters in braces.
Route: TypeAlias = tuple[str, str]

# Nobody has to be signed in.
EVERYBODY: Final = None

ACCESS: Final[Mapping[Route, Role | None]] = MappingProxyType(
    {
        ("GET", "/healthz"): EVERYBODY,
        ("GET", "/readyz"): EVERYBODY,
        ("GET", "/metrics"): Role.ADMIN,
        ("POST", "/auth/login"): EVERYBODY,
        ("POST", "/auth/logout"): Role.VIEWER,
        ("GET", "/auth/me"): Role.VIEWER,
        ("POST", "/api/auth/login"): EVERYBODY,
        ("POST", "/api/auth/logout"): Role.VIEWER,
        ("GET", "/api/auth/me"): Role.VIEWER,
        ("GET", "/api/status"): Role.VIEWER,
        ("GET", "/api/candles"): Role.VIEWER,
        ("GET", "/api/gates"): Role.VIEWER,
        ("GET", "/api/gates/{pair}/{time}"): Role.VIEWER,
        ("GET", "/api/positions"): Role.VIEWER,
        ("GET", "/api/trades"): Role.VIEWER,
        ("GET", "/api/equity"): Role.VIEWER,
        ("GET", "/api/daily-stats"): Role.VIEWER,
        ("GET", "/api/events"): Role.VIEWER,
        ("GET", "/api/exports/trades.csv"): Role.VIEWER,
        ("GET", "/api/exports/trades.xlsx"): Role.VIEWER,
        ("GET", "/api/exports/gates.csv"): Role.VIEWER,
        ("GET", "/api/exports/gates.xlsx"): Role.VIEWER,
        ("GET", "/api/exports/audit.csv"): Role.OPERATOR,
        ("GET", "/api/exports/audit.xlsx"): Role.OPERATOR,
        ("GET", "/api/audit"): Role.OPERATOR,
        ("GET", "/api/audit/verify"): Role.OPERATOR,
        ("GET", "/api/settings"): Role.OPERATOR,
        ("GET", "/api/users"): Role.ADMIN,
        ("GET", "/api/openapi.json"): Role.ADMIN,
    }
)


class Principal(NamedTuple):
    """Who asks: a signed-in user, and the session by the hash of its token."""

    user_id: int
    name: str
    role: Role
    token_hash: str
    csrf_token: str
