"""Tokens of programs, as the rest of the program sees them; times are seconds since the epoch, by the database."""

from typing import NamedTuple


class NewToken(NamedTuple):
    """A token to be made for a user; of the token itself only the sha256 is kept. The scope is `read` or `command`."""

    token_hash: str
    user_id: int
    name: str
    role: str
    scope: str


class TokenRow(NamedTuple):
    """A token that is alive, as people look at it; `user` is who it asks for."""

    id: int
    user: str
    name: str
    role: str
    scope: str
    created_at: float
    expires_at: float
    used_at: float | None


class UsedToken(NamedTuple):
    """A token that is alive, with what its user is now; the seconds are those since it was noted as used, if it was."""

    id: int
    user_id: int
    user: str
    user_role: str
    name: str
    role: str
    scope: str
    used_seconds_ago: float | None
