"""Finding out whether somebody knows a password, and opening the session that this is worth."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Final, NamedTuple, ParamSpec, TypeVar

from fastapi import Request, Response

from services.api.context import ApiContext
from services.api.metrics import ApiMetrics
from services.api.problems import CODE, ProblemError
from services.api.security.access import Principal
from services.api.security.accounts import is_name
from services.api.security.cookies import give_cookie
from services.api.security.devices import known_device, remember_device
from services.api.security.guard import SCHEME, SESSION, SESSION_SECONDS
from services.api.security.hash_turns import HashTurns, Line, line_of_address, line_of_user
from services.api.security.known_sessions import KnownSessions
from services.api.security.second_factors import CodeError, use_code
from services.api.security.subjects import known_address
from services.api.security.throttle import Counted, at_confirming, at_login, begin_attempt, forgive
from services.api.security.tokens import csrf_of, hash_of
from services.api.shapes.users import Me
from services.api.threads import Threads, run_in
from shared.contracts.vocabulary import Role
from shared.store.port import Transaction
from shared.store.rows.users import NewSession, UserRow
from shared.web.inbound.addresses import network_of

_KEPT_SECONDS: Final = 24 * 3_600.0
_LONGEST_ID: Final = 22
# The oldest ends where one more is opened.
SESSIONS_OF_A_USER: Final = 20

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class Attempt(NamedTuple):
    """An attempt to give a user's password, None for a name that nobody has; from where, and as whom it counts."""

    user: UserRow | None
    address: str
    counted: Sequence[Counted]
    line: Line


class Proved(NamedTuple):
    """Somebody who knew the password of a user, as the user was then; from where, and as whom the attempt counted."""

    user: UserRow
    address: str
    counted: Sequence[Counted]
    line: Line


class OpenedSession(NamedTuple):
    """A new session: the token for its cookie, who is signed in with it, and the user as of then."""

    token: str
    me: Me
    user: UserRow


class Proving:
    """Check passwords: each attempt is counted before the password is looked at, and few are checked at a time."""

    def __init__(self, context: ApiContext, metrics: ApiMetrics, threads: Threads, known: KnownSessions) -> None:
        """Check the passwords of the users in the store; those with a known session come first."""
        self._context = context
        self._outcomes = metrics.logins
        self._threads = threads
        self._known = known
        self._turns = HashTurns(self._outcomes.labels("crowded"))

    async def by_name(self, request: Request, name: str, password: str) -> Proved:
        """Return who signs in; raise ProblemError for a wrong name or password, and for too many attempts."""
        address = address_of(request)
        user = await self.working(_user, self._context, name)
        device = known_device(self._context, request, user)
        known = device is not None or self._known.are_of(name)
        line = line_of_user(name) if known else line_of_address(network_of(address))
        counted = at_login(name, address, device)
        return await self._proved(Attempt(user=user, address=address, counted=counted, line=line), password)

    async def once_more(self, request: Request, principal: Principal, password: str) -> Proved:
        """Return a signed-in user who gave the password again; raise ProblemError as `by_name` does."""
        user = await self.working(_user, self._context, principal.name)
        counted, line = at_confirming(principal.user_id), line_of_user(principal.name)
        attempt = Attempt(user=user, address=address_of(request), counted=counted, line=line)
        return await self._proved(attempt, password)

    def accepted(self, proved: Proved) -> None:
        """Note that somebody signed in."""
        self._outcomes.labels("accepted").inc()
        self._context.log.info("signed in", user=proved.user.name, address=proved.address)

    def hand_over(self, response: Response, opened: OpenedSession) -> None:
        """Put a session's token into its cookie, and have the browser remember that the user signed in there."""
        context = self._context
        self._known.saw(hash_of(opened.token), opened.me.name, Role(opened.me.role))
        remember_device(context, response, opened.user)
        give_cookie(context, response, SESSION, opened.token, SESSION_SECONDS.longest)

    async def hashing(
        self, line: Line, call: Callable[_Given, _Result], *arguments: _Given.args, **options: _Given.kwargs
    ) -> _Result:
        """Return what a call gives that makes or checks a hash; few go on at a time, and few wait in each line."""
        async with self._turns.turn(line):
            return await self.working(call, *arguments, **options)

    async def working(
        self, call: Callable[_Given, _Result], *arguments: _Given.args, **options: _Given.kwargs
    ) -> _Result:
        """Return what a call gives, in a thread that is kept for signing in."""
        return await run_in(self._threads.signing, call, *arguments, **options)

    async def _proved(self, attempt: Attempt, password: str) -> Proved:
        context, (user, address, counted, line) = self._context, attempt
        async with self._turns.turn(line):
            wait = await self.working(begin_attempt, context, counted)
            if wait:
                self._outcomes.labels("throttled").inc()
                context.log.warning("login throttled", address=address)
                headers = {"Retry-After": str(wait)}
                raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, "too many attempts to sign in; wait", headers)
            fits = await self.working(context.passwords.fits, user and user.password_hash, password)
        if user is None or user.disabled or not fits:
            self._outcomes.labels("refused").inc()
            # A name that nobody has is not written down: people type passwords into the wrong field.
            context.log.warning("login refused", user=None if user is None else user.name, address=address)
            raise wrong()
        return Proved(user=user, address=address, counted=counted, line=line)


def open_session(context: ApiContext, transaction: Transaction, proved: Proved) -> OpenedSession:
    """Open a session in a transaction that began with `require_unchanged`."""
    # With the password that is kept from now on.
    user = transaction.user(proved.user.name) or proved.user
    token = context.token()
    forgive(transaction, proved.counted)
    session = NewSession(
        token_hash=hash_of(token), id=context.token()[:_LONGEST_ID], user_id=user.id, address=proved.address
    )
    transaction.open_session(session, SESSION_SECONDS)
    for older in transaction.sessions_of(user.id)[SESSIONS_OF_A_USER:]:
        transaction.end_session(older.id)
    transaction.forget_sessions(_KEPT_SECONDS)
    return OpenedSession(token, Me(name=user.name, role=user.role, csrf_token=csrf_of(token)), user)


def require_unchanged(transaction: Transaction, user: UserRow) -> None:
    """Keep others from changing users; raise ProblemError for one who was changed since the password was given."""
    transaction.lock_users()
    if transaction.user(user.name) != user:
        raise wrong()


def require_code(
    context: ApiContext, transaction: Transaction, user: UserRow, code: str | None
) -> Mapping[str, object]:
    """Have the code of a user's second factor count, where one is asked for, and return how the audit log tells it.

    Raises ProblemError, of a kind of its own, for a code that is missing, wrong, or was used.
    """
    try:
        by = use_code(transaction, user.id, code, context.clock())
    except CodeError as fault:
        context.log.warning("code refused", user=user.name, given=code is not None)
        raise ProblemError(HTTPStatus.UNAUTHORIZED, str(fault), SCHEME, CODE) from fault
    return {} if by is None else {"second_factor": by}


def wrong() -> ProblemError:
    """Return the one answer to every wrong name and password."""
    return ProblemError(HTTPStatus.UNAUTHORIZED, "the name or the password is wrong", SCHEME)


def address_of(request: Request) -> str:
    """Return the address that a request comes from; raise ProblemError where a proxy names what is no address."""
    address = known_address(request.client.host) if request.client else None
    if address is None:
        detail = "the proxy in front names no address in X-Forwarded-For; have it write the client's there"
        raise ProblemError(HTTPStatus.BAD_REQUEST, detail)
    return address


def _user(context: ApiContext, name: str) -> UserRow | None:
    if not is_name(name):
        return None
    with context.store.reading() as reader:
        return reader.user(name)
