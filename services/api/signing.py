"""The routes to sign in and out."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

from fastapi import Depends, FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from services.api.access import Principal
from services.api.guard import IDLE_SECONDS, LONGEST_SESSION_SECONDS, asking, cookie_name, hash_of
from services.api.models import Me
from services.api.passwords import LONGEST
from services.api.platform import Measures, Platform
from services.api.problems import ProblemError
from services.api.throttle import begin_login, forgive_login
from shared.store.rows import AuditEntry
from shared.store.user_rows import NewSession, UserRow

# Each check takes a core and dozens of megabytes for a tenth of a second.
_CHECKS_AT_ONCE: Final = 2
_KEPT_SECONDS: Final = 24 * 3_600.0
_PREFIXES: Final = ("", "/api")


class Login(BaseModel):
    """Who wants to sign in."""

    model_config = ConfigDict(extra="forbid", strict=True)

    username: str = Field(min_length=1, max_length=64, examples=["ann"])
    password: str = Field(min_length=1, max_length=LONGEST, examples=["correct horse battery staple"])


class _Opened(NamedTuple):
    token: str
    me: Me


def register_signing(app: FastAPI, platform: Platform, measures: Measures) -> None:
    """Add the routes under /api and, as the first version had them, at the root."""
    turns = asyncio.Semaphore(_CHECKS_AT_ONCE)

    async def login(request: Request, response: Response, body: Login) -> Me:
        """Open a session; its cookie stands for the user from then on."""
        address = request.client.host if request.client else "unknown"
        wait = await run_in_threadpool(begin_login, platform, body.username, address)
        if wait:
            measures.logins.labels("throttled").inc()
            platform.log.warning("login throttled", address=address)
            headers = {"Retry-After": str(wait)}
            raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, "too many attempts to sign in; wait", headers)
        user = await run_in_threadpool(_user, platform, body.username)
        async with turns:
            fits = await run_in_threadpool(platform.passwords.fits, user and user.password_hash, body.password)
        if user is None or user.disabled or not fits:
            measures.logins.labels("refused").inc()
            # A name that nobody has is not written down: people type passwords into the wrong field.
            platform.log.warning("login refused", user=None if user is None else user.name, address=address)
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "the name or the password is wrong", _SCHEME)
        opened = await run_in_threadpool(_open, platform, user, body.password, address)
        measures.logins.labels("accepted").inc()
        platform.log.info("signed in", user=user.name, address=address)
        response.set_cookie(
            cookie_name(platform),
            opened.token,
            max_age=int(LONGEST_SESSION_SECONDS),
            path="/",
            secure=platform.behind_tls,
            httponly=True,
            samesite="strict",
        )
        return opened.me

    def logout(response: Response, principal: Annotated[Principal, Depends(asking)]) -> None:
        """End the session."""
        with platform.store.transaction() as transaction:
            transaction.revoke_session(principal.token_hash)
            transaction.append_audit([_entry(platform, principal.name, "session.closed")])
        response.delete_cookie(
            cookie_name(platform), path="/", secure=platform.behind_tls, httponly=True, samesite="strict"
        )

    def me(principal: Annotated[Principal, Depends(asking)]) -> Me:
        """Tell who is signed in."""
        return Me(name=principal.name, role=principal.role.word, csrf_token=principal.csrf_token)

    for prefix in _PREFIXES:
        # Described once: both paths are the same.
        about: dict[str, Any] = {"tags": ["session"], "include_in_schema": bool(prefix)}
        app.post(f"{prefix}/auth/login", summary="Sign in", **about)(login)
        app.post(f"{prefix}/auth/logout", summary="Sign out", status_code=HTTPStatus.NO_CONTENT, **about)(logout)
        app.get(f"{prefix}/auth/me", summary="Who is signed in", **about)(me)


_SCHEME: Final = {"WWW-Authenticate": 'Session realm="scalpbot"'}


def _user(platform: Platform, name: str) -> UserRow | None:
    with platform.store.reading() as reader:
        return reader.user(name)


def _open(platform: Platform, user: UserRow, password: str, address: str) -> _Opened:
    token, csrf_token = platform.token(), platform.token()
    outdated = platform.passwords.is_outdated(user.password_hash)
    renewed = platform.passwords.hashed(password) if outdated else None
    with platform.store.transaction() as transaction:
        forgive_login(transaction, user.name, address)
        if renewed is not None:
            transaction.set_password(user.id, renewed)
        session = NewSession(hash_of(token), user.id, csrf_token)
        transaction.open_session(session, IDLE_SECONDS, LONGEST_SESSION_SECONDS)
        transaction.forget_sessions(_KEPT_SECONDS)
        transaction.append_audit([_entry(platform, user.name, "session.opened")])
    return _Opened(token, Me(name=user.name, role=user.role, csrf_token=csrf_token))


def _entry(platform: Platform, actor: str, action: str) -> AuditEntry:
    return AuditEntry(int(platform.clock()), actor, action, None, {})
