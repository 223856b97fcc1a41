"""Who may ask what: every route with the least role that it takes. What is not written here is refused."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from shared.contracts.commands import CommandType
from shared.contracts.vocabulary import Role

# A method and the path of a route as it is declared, with its parameters in braces.
Route: TypeAlias = tuple[str, str]

# Nobody has to be signed in.
EVERYBODY: Final = None

ACCESS: Final[Mapping[Route, Role | None]] = MappingProxyType(
    {
        ("GET", "/healthz"): EVERYBODY,
        ("HEAD", "/healthz"): EVERYBODY,
        ("GET", "/readyz"): EVERYBODY,
        ("HEAD", "/readyz"): EVERYBODY,
        ("GET", "/metrics"): Role.ADMIN,
        ("HEAD", "/metrics"): Role.ADMIN,
        ("POST", "/auth/login"): EVERYBODY,
        ("POST", "/auth/logout"): Role.VIEWER,
        ("GET", "/auth/me"): Role.VIEWER,
        ("POST", "/auth/confirm"): Role.VIEWER,
        ("PUT", "/auth/password"): Role.VIEWER,
        ("POST", "/api/auth/login"): EVERYBODY,
        ("POST", "/api/auth/logout"): Role.VIEWER,
        ("GET", "/api/auth/me"): Role.VIEWER,
        ("POST", "/api/auth/confirm"): Role.VIEWER,
        ("PUT", "/api/auth/password"): Role.VIEWER,
        ("GET", "/api/auth/second-factor"): Role.VIEWER,
        ("POST", "/api/auth/second-factor"): Role.VIEWER,
        ("PUT", "/api/auth/second-factor"): Role.VIEWER,
        ("DELETE", "/api/auth/second-factor"): Role.VIEWER,
        ("GET", "/api/sessions"): Role.VIEWER,
        ("DELETE", "/api/sessions/{id}"): Role.VIEWER,
        ("GET", "/api/tokens"): Role.VIEWER,
        ("POST", "/api/tokens"): Role.VIEWER,
        ("DELETE", "/api/tokens/{id}"): Role.VIEWER,
        ("GET", "/api/status"): Role.VIEWER,
        ("GET", "/api/candles"): Role.VIEWER,
        ("GET", "/api/gates"): Role.VIEWER,
        ("GET", "/api/gates/{pair}/{time}"): Role.VIEWER,
        ("GET", "/api/positions"): Role.VIEWER,
        ("GET", "/api/trades"): Role.VIEWER,
        ("GET", "/api/equity"): Role.VIEWER,
        ("GET", "/api/daily-stats"): Role.VIEWER,
        ("GET", "/api/events"): Role.VIEWER,
        ("GET", "/api/commands"): Role.VIEWER,
        ("GET", "/api/commands/{command_id}"): Role.VIEWER,
        ("POST", "/api/commands"): Role.OPERATOR,
        ("POST", "/commands"): Role.OPERATOR,
        ("GET", "/api/exports/trades.csv"): Role.VIEWER,
        ("GET", "/api/exports/trades.xlsx"): Role.VIEWER,
        ("GET", "/api/exports/gates.csv"): Role.VIEWER,
        ("GET", "/api/exports/gates.xlsx"): Role.VIEWER,
        ("GET", "/api/exports/audit.csv"): Role.OPERATOR,
        ("GET", "/api/exports/audit.xlsx"): Role.OPERATOR,
        ("GET", "/api/audit"): Role.OPERATOR,
        ("GET", "/api/audit/verify"): Role.OPERATOR,
        ("GET", "/api/settings"): Role.OPERATOR,
        ("PUT", "/api/settings"): Role.ADMIN,
        ("GET", "/api/settings/versions"): Role.OPERATOR,
        ("GET", "/api/strategy-params/{strategy}"): Role.VIEWER,
        ("PUT", "/api/strategy-params/{strategy}"): Role.OPERATOR,
        ("GET", "/api/strategy-params/{strategy}/versions"): Role.OPERATOR,
        ("GET", "/api/users"): Role.ADMIN,
        ("POST", "/api/users"): Role.ADMIN,
        ("PUT", "/api/users/{name}/password"): Role.ADMIN,
        ("PUT", "/api/users/{name}/role"): Role.ADMIN,
        ("POST", "/api/users/{name}/disable"): Role.ADMIN,
        ("POST", "/api/users/{name}/enable"): Role.ADMIN,
        ("POST", "/api/users/{name}/unlock"): Role.ADMIN,
        ("DELETE", "/api/users/{name}/second-factor"): Role.ADMIN,
        ("GET", "/api/openapi.json"): Role.ADMIN,
    }
)


# What a session that was left open must not be enough for: the password was given within the last minutes.
CONFIRMED: Final[frozenset[Route]] = frozenset(
    {
        ("POST", "/api/users"),
        ("PUT", "/api/users/{name}/password"),
        ("PUT", "/api/users/{name}/role"),
        ("POST", "/api/users/{name}/disable"),
        ("POST", "/api/users/{name}/enable"),
        ("POST", "/api/users/{name}/unlock"),
        ("DELETE", "/api/users/{name}/second-factor"),
        ("POST", "/api/auth/second-factor"),
        ("PUT", "/api/auth/second-factor"),
        ("DELETE", "/api/auth/second-factor"),
        ("PUT", "/api/settings"),
        ("POST", "/api/tokens"),
    }
)
# What only a person does: a program's token that got into wrong hands must make no other way in, nor close one.
BY_PEOPLE: Final[frozenset[Route]] = CONFIRMED | frozenset(
    {
        ("POST", "/auth/logout"),
        ("POST", "/auth/confirm"),
        ("PUT", "/auth/password"),
        ("POST", "/api/auth/logout"),
        ("POST", "/api/auth/confirm"),
        ("PUT", "/api/auth/password"),
        ("GET", "/api/sessions"),
        ("DELETE", "/api/sessions/{id}"),
        ("GET", "/api/tokens"),
        ("DELETE", "/api/tokens/{id}"),
    }
)
# What operators and admins may do beside reading where a second factor is required and they have none.
TOWARDS_A_FACTOR: Final[frozenset[Route]] = frozenset(
    {
        ("POST", "/api/auth/second-factor"),
        ("PUT", "/api/auth/second-factor"),
        ("DELETE", "/api/auth/second-factor"),
        ("POST", "/auth/confirm"),
        ("POST", "/auth/logout"),
        ("POST", "/api/auth/confirm"),
        ("POST", "/api/auth/logout"),
    }
)
CONFIRMED_COMMANDS: Final = frozenset({CommandType.KILL_SWITCH_OFF})

# What has to be answered whatever else is: places and threads are kept for it.
URGENT: Final[frozenset[Route]] = frozenset(
    {("POST", "/api/commands"), ("POST", "/commands"), ("POST", "/auth/confirm"), ("POST", "/api/auth/confirm")}
)
WATCHED: Final[frozenset[Route]] = frozenset(
    {("GET", "/healthz"), ("HEAD", "/healthz"), ("GET", "/readyz"), ("HEAD", "/readyz")}
)
STREAMED: Final[frozenset[Route]] = frozenset({("GET", "/api/events")})


class Principal(NamedTuple):
    """Who asks: a signed-in user, the session by its id and the hash of its token, and whether it is confirmed.

    Or a program on behalf of the user, by the token of that name, which may change something or only look on.
    """

    user_id: int
    name: str
    role: Role
    session_id: str
    token_hash: str
    csrf_token: str
    confirmed: bool
    token: str | None
    may_change: bool

    @property
    def actor(self) -> str:
        """Return who acts, as the audit log tells it."""
        return self.name if self.token is None else f"{self.name}/{self.token}"
