"""The routes to sign in and out, to confirm with the password, and to change one's own."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response

from services.api.context import ApiContext
from services.api.security.access import Principal
from services.api.security.cookies import take_cookie
from services.api.security.guard import SESSION, CurrentPrincipal, cookie_name
from services.api.security.passwords import require_strong
from services.api.security.proving import OpenedSession, Proved, Proving, open_session, require_code, require_unchanged
from services.api.security.tokens import hash_of
from services.api.shapes.users import Confirmation, Login, Me, NewPassword

_PREFIXES: Final = ("", "/api")


def register_signing(app: FastAPI, context: ApiContext, proving: Proving) -> None:
    """Add the routes under /api and, as the first version had them, at the root."""

    async def login(request: Request, response: Response, body: Login) -> Me:
        """Open a session; its cookie stands for the user from then on."""
        proved = await proving.by_name(request, body.username, body.password)
        renewed = None
        if context.passwords.is_outdated(proved.user.password_hash):
            renewed = await proving.hashing(proved.line, context.passwords.hashed, body.password)
        before = request.cookies.get(cookie_name(context))
        opened = await proving.working(_signed_in, context, proved, body.code, renewed=renewed, before=before)
        proving.accepted(proved)
        proving.hand_over(response, opened)
        return opened.me

    def logout(response: Response, principal: CurrentPrincipal) -> None:
        """End the session."""
        with context.store.transaction() as transaction:
            transaction.revoke_session(principal.token_hash)
            transaction.append_audit([context.audit_entry(principal.name, "session.closed", {})])
        take_cookie(context, response, SESSION)
        # The cookies of other programs on this host are none of ours.
        response.headers["Clear-Site-Data"] = '"cache", "storage"'

    def me(principal: CurrentPrincipal) -> Me:
        """Tell who is signed in."""
        return Me(name=principal.name, role=principal.role, csrf_token=principal.csrf_token)

    async def confirm(request: Request, response: Response, body: Confirmation, principal: CurrentPrincipal) -> Me:
        """Confirm the password, for requests that need that; the session gets a new cookie and CSRF token."""
        proved = await proving.once_more(request, principal, body.password)
        opened = await proving.working(_confirmed, context, proved, principal, body.code)
        proving.hand_over(response, opened)
        return opened.me

    async def password(request: Request, response: Response, body: NewPassword, principal: CurrentPrincipal) -> Me:
        """Change the password: all other sessions end, and this one gets a new cookie and CSRF token."""
        require_strong(body.new_password, principal.name)
        proved = await proving.once_more(request, principal, body.password)
        hashed = await proving.hashing(proved.line, context.passwords.hashed, body.new_password)
        opened = await proving.working(_with_password, context, proved, hashed, body.code)
        proving.hand_over(response, opened)
        return opened.me

    for prefix in _PREFIXES:
        # Described once: both paths are the same.
        about: dict[str, Any] = {"tags": ["session"], "include_in_schema": bool(prefix)}
        app.post(f"{prefix}/auth/login", summary="Sign in", **about)(login)
        app.post(f"{prefix}/auth/logout", summary="Sign out", status_code=HTTPStatus.NO_CONTENT, **about)(logout)
        app.get(f"{prefix}/auth/me", summary="Who is signed in", **about)(me)
        app.post(f"{prefix}/auth/confirm", summary="Confirm your password", **about)(confirm)
        app.put(f"{prefix}/auth/password", summary="Change your password", **about)(password)


def _signed_in(
    context: ApiContext, proved: Proved, code: str | None, *, renewed: str | None, before: str | None
) -> OpenedSession:
    user = proved.user
    with context.store.transaction() as transaction:
        require_unchanged(transaction, user)
        by = require_code(context, transaction, user, code)
        if renewed is not None:
            transaction.set_password(user.id, renewed)
        if before is not None:
            # Whoever signs in anew leaves nothing open behind.
            transaction.revoke_session(hash_of(before))
        opened = open_session(context, transaction, proved)
        transaction.append_audit([context.audit_entry(user.name, "session.opened", by)])
    return opened


def _confirmed(context: ApiContext, proved: Proved, principal: Principal, code: str | None) -> OpenedSession:
    with context.store.transaction() as transaction:
        require_unchanged(transaction, proved.user)
        by = require_code(context, transaction, proved.user, code)
        transaction.revoke_session(principal.token_hash)
        opened = open_session(context, transaction, proved)
        transaction.append_audit([context.audit_entry(principal.name, "session.confirmed", by)])
    return opened


def _with_password(context: ApiContext, proved: Proved, hashed: str, code: str | None) -> OpenedSession:
    user = proved.user
    with context.store.transaction() as transaction:
        require_unchanged(transaction, user)
        by = require_code(context, transaction, user, code)
        transaction.set_password(user.id, hashed)
        ended = transaction.revoke_sessions(user.id)
        opened = open_session(context, transaction, proved)
        detail = {"user": user.name, "sessions_ended": ended, **by}
        transaction.append_audit([context.audit_entry(user.name, "user.password_set", detail)])
    return opened
