"""The routes to see who is signed in from where, and to end a session."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from services.api.context import ApiContext
from services.api.problems import ProblemError
from services.api.security.access import Principal
from services.api.security.accounts import LONGEST_NAME, NAME
from services.api.security.guard import asking
from shared.contracts.times import format_time
from shared.contracts.vocabulary import Role
from shared.store.rows.users import OpenSession

_ID: Final = "[A-Za-z0-9_-]{22}"
_TIME: Final = "2026-01-05T09:00:00Z"

Asking = Annotated[Principal, Depends(asking)]
SessionId = Annotated[str, Path(alias="id", pattern=f"^{_ID}$", examples=["Zx8yqT2hJm0Rk5Vb1Lw9Qa"])]


class UserSession(BaseModel):
    """A session that is open; its id names it and opens nothing."""

    id: str = Field(examples=["Zx8yqT2hJm0Rk5Vb1Lw9Qa"])
    address: str = Field(examples=["192.0.2.7"], description="The address it was opened from.")
    opened: str = Field(examples=[_TIME])
    ends_unless_used: str = Field(examples=["2026-01-05T09:30:00Z"])
    ends: str = Field(examples=["2026-01-05T21:00:00Z"])
    current: bool = Field(description="Whether it is the session of this request.")


class UserSessions(BaseModel):
    """The open sessions of a user, newest first."""

    items: list[UserSession]


class SessionsQuery(BaseModel):
    """Whose sessions."""

    model_config = ConfigDict(extra="forbid")

    user: str | None = Field(
        default=None,
        max_length=LONGEST_NAME,
        pattern=f"^{NAME}$",
        description="Sessions of this user; only admins may see other users'.",
        examples=["ann"],
    )


def register_sessions(app: FastAPI, context: ApiContext) -> None:
    """Add the routes under /api/sessions."""

    @app.get("/api/sessions", tags=["session"], summary="Open sessions: your own, or for admins those of any user")
    def sessions(query: Annotated[SessionsQuery, Query()], principal: Asking) -> UserSessions:
        name = query.user or principal.name
        if name != principal.name and not principal.role.includes(Role.ADMIN):
            raise ProblemError(HTTPStatus.FORBIDDEN, "only admins may see the sessions of other users")
        with context.store.reading() as reader:
            user = reader.user(name)
            if user is None:
                raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no user {name}")
            rows = [] if user.disabled else reader.sessions_of(user.id)
        return UserSessions(items=[_shown(row, principal) for row in rows])

    @app.delete("/api/sessions/{id}", tags=["session"], summary="End a session", status_code=HTTPStatus.NO_CONTENT)
    def end(session_id: SessionId, principal: Asking) -> None:
        """End one of your own sessions, or as an admin any user's."""
        with context.store.transaction() as transaction:
            owner = transaction.session_owner(session_id)
            if owner is None or (owner != principal.name and not principal.role.includes(Role.ADMIN)):
                raise ProblemError(HTTPStatus.NOT_FOUND, "there is no such session")
            transaction.end_session(session_id)
            detail = {"user": owner, "session": session_id}
            transaction.append_audit([context.audit_entry(principal.name, "session.ended", detail)])


def _shown(row: OpenSession, principal: Principal) -> UserSession:
    return UserSession(
        id=row.id,
        address=row.address,
        opened=format_time(int(row.created_at)),
        ends_unless_used=format_time(int(min(row.idle_at, row.expires_at))),
        ends=format_time(int(row.expires_at)),
        current=row.id == principal.session_id,
    )
