"""Users, their passwords and their sessions, as the API takes and answers them."""

from typing import Annotated, Final, TypeAlias

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from services.api.security.access import Principal
from services.api.security.accounts import LONGEST_NAME, NAME
from services.api.security.passwords import LONGEST
from services.api.security.second_factors import LONGEST_CODE
from services.api.shapes.bodies import Body
from shared.contracts.times import format_time
from shared.contracts.vocabulary import Role
from shared.store.rows.users import OpenSession, UserRow

_ID: Final = "[A-Za-z0-9_-]{22}"
_TIME: Final = "2026-01-05T09:00:00Z"
_PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - an example
_NEW_PASSWORD: Final = "moor kettle violin 88"  # noqa: S105 - an example

UserName: TypeAlias = Annotated[str, Path(max_length=LONGEST_NAME, pattern=f"^{NAME}$", examples=["ann"])]
SessionId: TypeAlias = Annotated[str, Path(alias="id", pattern=f"^{_ID}$", examples=["Zx8yqT2hJm0Rk5Vb1Lw9Qa"])]

Code: TypeAlias = Annotated[
    str | None,
    Field(
        max_length=LONGEST_CODE,
        examples=["287082"],
        description="What the second factor shows, or a recovery code; for users who have one.",
    ),
]


class User(BaseModel):
    """Somebody who may sign in."""

    name: str = Field(examples=["ann"])
    role: str = Field(examples=["operator"])
    disabled: bool
    created: str = Field(examples=["2026-01-05T09:00:00Z"])


class Users(BaseModel):
    """All users by name."""

    items: list[User]


class Me(BaseModel):
    """Who is signed in; the token goes into the header X-CSRF-Token of whatever changes something."""

    name: str = Field(examples=["ann"])
    role: str = Field(examples=["operator"])
    csrf_token: str = Field(examples=["tpJ8cGmCPF1i0pYQd3cLhw2hB4i4d0C7xg6xE3mJH6k"])


def shown_user(row: UserRow) -> User:
    """Return a user, without what is kept of the password."""
    return User(name=row.name, role=row.role, disabled=row.disabled, created=format_time(int(row.created_at)))


class Login(Body):
    """Who wants to sign in."""

    username: str = Field(min_length=1, max_length=64, examples=["ann"])
    password: str = Field(min_length=1, max_length=LONGEST, examples=[_PASSWORD])
    code: Code = None


class Confirmation(Body):
    """The password of whoever is signed in."""

    password: str = Field(min_length=1, max_length=LONGEST, examples=[_PASSWORD])
    code: Code = None


class NewPassword(Confirmation):
    """The present password of whoever is signed in, and the one that is to be."""

    new_password: str = Field(min_length=1, max_length=LONGEST, examples=[_NEW_PASSWORD])


class FactorState(BaseModel):
    """Whether a code of a second factor is asked for beside the password."""

    asked_for: bool


class FactorSecret(BaseModel):
    """What a device makes codes from; it counts once a code of it was given."""

    secret: str = Field(examples=["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"])
    link: str = Field(examples=["otpauth://totp/Scalp%20Bot%3Aann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"])


class FactorCode(Body):
    """A code that the device shows."""

    code: str = Field(min_length=1, max_length=LONGEST_CODE, examples=["287082"])


class RecoveryCodes(BaseModel):
    """Codes that each stand for the device once; they are told now and never again."""

    recovery_codes: list[str] = Field(examples=[["gezd-gnbv-gy3t-qojq-gezd-gnbv"]])


class AddedUser(Body):
    """Somebody who shall be able to sign in."""

    name: str = Field(max_length=LONGEST_NAME, pattern=f"^{NAME}$", examples=["ann"])
    role: Role = Field(strict=False, examples=["viewer"])
    password: str = Field(min_length=1, max_length=LONGEST, examples=[_NEW_PASSWORD])


class SetPassword(Body):
    """The password that a user shall have."""

    password: str = Field(min_length=1, max_length=LONGEST, examples=[_NEW_PASSWORD])


class SetRole(Body):
    """What a user shall be able to do."""

    role: Role = Field(strict=False, examples=["operator"])


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


def shown_session(row: OpenSession, principal: Principal) -> UserSession:
    """Return a session, as whoever asks sees it."""
    return UserSession(
        id=row.id,
        address=row.address,
        opened=format_time(int(row.created_at)),
        ends_unless_used=format_time(int(min(row.idle_at, row.expires_at))),
        ends=format_time(int(row.expires_at)),
        current=row.id == principal.session_id,
    )
