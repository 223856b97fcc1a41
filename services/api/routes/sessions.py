"""The routes to see who is signed in from where, and to end a session."""

from http import HTTPStatus
from typing import Annotated

from fastapi import FastAPI, Query

from services.api.context import ApiContext
from services.api.problems import ProblemError
from services.api.security.guard import CurrentPrincipal
from services.api.shapes.users import SessionId, SessionsQuery, UserSessions, shown_session
from shared.contracts.vocabulary import Role


def register_sessions(app: FastAPI, context: ApiContext) -> None:
    """Add the routes under /api/sessions."""

    @app.get("/api/sessions", tags=["session"], summary="Open sessions: your own, or for admins those of any user")
    def sessions(query: Annotated[SessionsQuery, Query()], principal: CurrentPrincipal) -> UserSessions:
        name = query.user or principal.name
        if name != principal.name and not principal.role.includes(Role.ADMIN):
            raise ProblemError(HTTPStatus.FORBIDDEN, "only admins may see the sessions of other users")
        with context.store.reading() as reader:
            user = reader.user(name)
            if user is None:
                raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no user {name}")
            rows = [] if user.disabled else reader.sessions_of(user.id)
        return UserSessions(items=[shown_session(row, principal) for row in rows])

    @app.delete("/api/sessions/{id}", tags=["session"], summary="End a session", status_code=HTTPStatus.NO_CONTENT)
    def end(session_id: SessionId, principal: CurrentPrincipal) -> None:
        """End one of your own sessions, or as an admin any user's."""
        with context.store.transaction() as transaction:
            owner = transaction.session_owner(session_id)
            if owner is None or (owner != principal.name and not principal.role.includes(Role.ADMIN)):
                raise ProblemError(HTTPStatus.NOT_FOUND, "there is no such session")
            transaction.end_session(session_id)
            detail = {"user": owner, "session": session_id}
            transaction.append_audit([context.audit_entry(principal.name, "session.ended", detail)])
