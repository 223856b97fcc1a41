"""Tokens of programs, as the API takes and answers them."""

from typing import Annotated, Final, TypeAlias

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from services.api.security.accounts import LONGEST_NAME, NAME
from services.api.security.tokens import LONGEST_DAYS, PREFIX, USUAL_DAYS, Scope
from services.api.shapes.bodies import Body
from shared.contracts.times import format_time
from shared.contracts.vocabulary import Role
from shared.store.rows.tokens import TokenRow

_LARGEST_ID: Final = 2**62
_TIME: Final = "2026-01-05T09:00:00Z"

TokenId: TypeAlias = Annotated[int, Path(alias="id", ge=1, le=_LARGEST_ID, examples=[3])]
_UserName = Annotated[str, Field(max_length=LONGEST_NAME, pattern=f"^{NAME}$", examples=["ann"])]


class NewProgramToken(Body):
    """A token that a program shall have."""

    name: str = Field(max_length=LONGEST_NAME, pattern=f"^{NAME}$", examples=["grafana"])
    user: _UserName | None = Field(default=None, description="For whom it asks: yourself, or as an admin any user.")
    role: Role = Field(
        default=Role.VIEWER, strict=False, examples=["viewer"], description="Not above that of its user, nor yours."
    )
    scope: Scope = Field(
        default=Scope.READ, strict=False, examples=["read"], description="To look on, or to send commands as well."
    )
    days: int = Field(default=USUAL_DAYS, ge=1, le=LONGEST_DAYS, description="How long it lasts.")


class ProgramToken(BaseModel):
    """A token that is alive, without what a program needs to use it."""

    id: int = Field(examples=[3])
    user: str = Field(examples=["ann"])
    name: str = Field(examples=["grafana"])
    role: str = Field(examples=["viewer"])
    scope: str = Field(examples=["read"])
    created: str = Field(examples=[_TIME])
    expires: str = Field(examples=["2026-04-05T09:00:00Z"])
    last_used: str | None = Field(examples=[_TIME], description="To within a minute.")


class MadeToken(ProgramToken):
    """A token that was just made; what a program shows is told now and never again."""

    token: str = Field(examples=[f"{PREFIX}tpJ8cGmCPF1i0pYQd3cLhw2hB4i4d0C7xg6xE3mJH6k"])


class ProgramTokens(BaseModel):
    """The tokens that are alive, by user and name."""

    items: list[ProgramToken]


class TokensQuery(BaseModel):
    """Whose tokens."""

    model_config = ConfigDict(extra="forbid")

    user: _UserName | None = Field(
        default=None, description="Tokens of this user alone; only admins see those of others."
    )


def shown_token(row: TokenRow) -> ProgramToken:
    """Return a token as people look at it."""
    return ProgramToken(
        id=row.id,
        user=row.user,
        name=row.name,
        role=row.role,
        scope=row.scope,
        created=format_time(int(row.created_at)),
        expires=format_time(int(row.expires_at)),
        last_used=None if row.used_at is None else format_time(int(row.used_at)),
    )
