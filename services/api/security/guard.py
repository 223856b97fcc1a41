"""Before every route: is the request our own page's or a program's, who asks, and may they ask this."""

import hmac
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import urlsplit

from anyio import CapacityLimiter
from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection

from services.api.context import ApiContext
from services.api.problems import CONFIRM, SECOND_FACTOR, ProblemError
from services.api.reading import Reading
from services.api.security.access import (
    ACCESS,
    BY_PEOPLE,
    CONFIRMED,
    EVERYBODY,
    STREAMED,
    TOWARDS_A_FACTOR,
    URGENT,
    Principal,
    Route,
)
from services.api.security.bearer import by_token
from services.api.security.cookies import named_cookie
from services.api.security.known_sessions import KnownSessions
from services.api.security.second_factors import is_asked_for
from services.api.security.tokens import csrf_of, hash_of
from services.api.strict_json import StrictRequest
from services.api.threads import Threads, run_in
from shared.contracts.vocabulary import Role
from shared.store.rows.users import SessionTimes

CSRF_HEADER: Final = "X-CSRF-Token"
SESSION: Final = "sid"
SESSION_SECONDS: Final = SessionTimes(idle=30 * 60.0, longest=12 * 3_600.0, confirmed=5 * 60.0)
# Writing down every request of a session would be a write for each read.
_TOUCH_SECONDS: Final = 60.0
_LONGEST_TOKEN: Final = 128
SCHEME: Final[Mapping[str, str]] = MappingProxyType(
    {"WWW-Authenticate": 'Session realm="scalpbot", Bearer realm="scalpbot"'}
)
_READS: Final = ("GET", "HEAD", "OPTIONS")
# Only browsers send these, and all of them send one with a request that changes something.
_MARKS_OF_BROWSERS: Final = ("sec-fetch-site", "origin", "referer")


class GuardedRoute(APIRoute):
    """A route that looks at who asks before it looks at what was sent."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler behind the guard."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            request = StrictRequest(request.scope, request.receive)
            principal = request.state.principal = await _admit(request, self.path)
            if self.body_field is not None and await request.body():
                # Before the handler does, for which every fault of a reader is the same.
                await request.json()
            if principal is None or request.method not in _READS or (request.method, self.path) in STREAMED:
                return await handle(request)
            reading: Reading = request.app.state.reading
            async with reading.turn(principal.user_id):
                return await handle(request)

        return guarded


def cookie_name(context: ApiContext) -> str:
    """Return the name of the session's cookie."""
    return named_cookie(context, SESSION)


async def current_principal(request: Request) -> Principal:
    """Return who asks; for routes that are open to nobody else. No thread is waited for."""
    principal = request.state.principal
    if not isinstance(principal, Principal):
        raise _unknown()
    return principal


CurrentPrincipal: TypeAlias = Annotated[Principal, Depends(current_principal)]


async def _admit(request: Request, path: str) -> Principal | None:
    """Return who asks, None where nobody has to be signed in; raise ProblemError for what is refused."""
    method = request.method
    if (method, path) not in ACCESS:
        raise ProblemError(HTTPStatus.FORBIDDEN, "this route is not available")
    if method not in _READS:
        await _require_json(request)
        _require_own_page(request)
    least = ACCESS[method, path]
    if least is EVERYBODY:
        return None
    principal = await _signed_in(request, (method, path))
    if principal.token is not None:
        _require_for_programs(request, principal, path)
    if method not in _READS:
        _require_csrf_token(request, principal)
    _require_role(request, principal, least)
    await _require_second_factor(request, principal, (method, path))
    if (method, path) in CONFIRMED:
        require_confirmed(request, principal)
    _require_single_parameters(request)
    return principal


def _require_for_programs(request: Request, principal: Principal, path: str) -> None:
    """Raise ProblemError for what only people do, and for a change by a token that is made for looking on."""
    if (request.method, path) in BY_PEOPLE:
        _log_refusal(request, "not for tokens", principal.actor)
        raise ProblemError(HTTPStatus.FORBIDDEN, "a token does not allow this: sign in with a name and a password")
    if request.method not in _READS and not principal.may_change:
        _log_refusal(request, "token may only read", principal.actor)
        raise ProblemError(HTTPStatus.FORBIDDEN, "the token may only read: this needs one of the scope command")


def _require_role(request: Request, principal: Principal, least: Role) -> None:
    """Raise ProblemError for a user whose role does not allow what is asked."""
    if not principal.role.includes(least):
        _log_refusal(request, "role too low", principal.name)
        detail = f"not allowed for your role: this needs the role {least}, yours is {principal.role}"
        raise ProblemError(HTTPStatus.FORBIDDEN, detail)


async def _require_second_factor(request: Request, principal: Principal, route: Route) -> None:
    """Raise ProblemError, of a kind of its own, for a change by who lacks the second factor that is required."""
    context: ApiContext = request.app.state.context
    exempt = request.method in _READS or route in TOWARDS_A_FACTOR or not principal.role.includes(Role.OPERATOR)
    if exempt or not context.second_factor_required:
        return
    if not await run_in(_threads_for(request, route), _has_factor, context, principal.user_id):
        _log_refusal(request, "no second factor", principal.actor)
        detail = "set up a second factor first: POST /api/auth/second-factor; until you have one you may only read"
        raise ProblemError(HTTPStatus.FORBIDDEN, detail, kind=SECOND_FACTOR)


def _has_factor(context: ApiContext, user_id: int) -> bool:
    with context.store.reading() as reader:
        return is_asked_for(reader, user_id)


def require_confirmed(request: Request, principal: Principal) -> None:
    """Raise ProblemError, of a kind of its own, unless the session's password was given within the last minutes."""
    if principal.token is not None:
        _log_refusal(request, "not for tokens", principal.actor)
        raise ProblemError(HTTPStatus.FORBIDDEN, "a token does not allow this: sign in with a name and a password")
    if not principal.confirmed:
        _log_refusal(request, "not confirmed", principal.name)
        raise ProblemError(
            HTTPStatus.FORBIDDEN, "confirm your password first: POST /auth/confirm, then send this again", kind=CONFIRM
        )


def hash_of_shown(connection: HTTPConnection, cookie: str) -> str | None:
    """Return what is kept of the token that a request shows, in a header or else in the cookie of that name."""
    token = _shown(connection, cookie)
    return hash_of(token) if token else None


def _shown(connection: HTTPConnection, cookie: str) -> str:
    authorization = connection.headers.get("authorization")
    token = connection.cookies.get(cookie, "") if authorization is None else authorization.partition(" ")[2]
    return token if len(token) <= _LONGEST_TOKEN else ""


async def _signed_in(request: Request, route: Route) -> Principal:
    """Return whose token or session's cookie a request has; raise ProblemError for one that is unknown or over."""
    context: ApiContext = request.app.state.context
    known: KnownSessions = request.app.state.known
    token = _shown(request, cookie_name(context))
    if not token:
        raise _unknown()
    authorization, threads = request.headers.get("authorization"), _threads_for(request, route)
    if authorization is not None:
        principal = await run_in(threads, by_token, context, authorization)
    else:
        principal = await run_in(threads, _whose, context, token)
    if principal is None:
        known.lost(hash_of(token))
        raise _unknown()
    known.saw(principal.token_hash, principal.name, principal.role)
    return principal


def _threads_for(request: Request, route: Route) -> CapacityLimiter | None:
    threads: Threads = request.app.state.threads
    if route in URGENT:
        return threads.commanding
    return threads.streaming if route in STREAMED else None


def _whose(context: ApiContext, token: str) -> Principal | None:
    token_hash = hash_of(token)
    with context.store.reading() as reader:
        session = reader.session(token_hash)
    if session is None or session.role not in tuple(Role):
        return None
    if session.idle_seconds_left < SESSION_SECONDS.idle - _TOUCH_SECONDS:
        with context.store.transaction() as transaction:
            transaction.touch_session(token_hash, SESSION_SECONDS.idle)
    return Principal(
        user_id=session.user_id,
        name=session.name,
        role=Role(session.role),
        session_id=session.id,
        token_hash=token_hash,
        csrf_token=csrf_of(token),
        confirmed=session.confirmed_seconds_left > 0,
        token=None,
        may_change=True,
    )


def _require_single_parameters(request: Request) -> None:
    """Refuse a parameter that is given twice: of two values, who looks at them may not mean the same one."""
    if len(request.query_params.multi_items()) != len(request.query_params):
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "query: a parameter is given more than once")


async def _require_json(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and (kind or await request.body()):
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json")


def _require_own_page(request: Request) -> None:
    """Refuse what a page of another site had a browser send."""
    headers = request.headers
    site = headers.get("sec-fetch-site")
    if site is not None:
        own = site in ("same-origin", "none")
    else:
        sender = headers.get("origin", headers.get("referer"))
        scheme = "https" if request.app.state.context.behind_tls else "http"
        own = sender is None or urlsplit(sender)[:2] == (scheme, headers.get("host"))
    if not own:
        _log_refusal(request, "cross-site request")
        raise ProblemError(HTTPStatus.FORBIDDEN, "requests from pages of other sites are not allowed")


def _require_csrf_token(request: Request, principal: Principal) -> None:
    """Have browsers show the session's CSRF token; of other programs no page of another site can make use."""
    if principal.token is not None:
        # No browser sends a program's token by itself.
        return
    token = request.headers.get(CSRF_HEADER)
    if token is None and not any(mark in request.headers for mark in _MARKS_OF_BROWSERS):
        return
    if not hmac.compare_digest((token or "").encode(), principal.csrf_token.encode()):
        _log_refusal(request, "wrong CSRF token", principal.name)
        raise ProblemError(HTTPStatus.FORBIDDEN, f"the header {CSRF_HEADER} must hold the session's CSRF token")


def _unknown() -> ProblemError:
    return ProblemError(HTTPStatus.UNAUTHORIZED, "sign in first: POST /auth/login", SCHEME)


def _log_refusal(request: Request, why: str, user: str | None = None) -> None:
    context: ApiContext = request.app.state.context
    context.log.warning("refused", why=why, user=user, method=request.method, path=request.url.path)
