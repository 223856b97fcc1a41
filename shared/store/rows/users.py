"""Users, their sessions, and rows with their place in a list, as the rest of the program sees them.

Times are seconds since the epoch in UTC, by the database's clock.
"""

from typing import NamedTuple


class UserRow(NamedTuple):
    """Somebody who may sign in, unless disabled; of the password only an argon2id hash is kept."""

    id: int
    name: str
    role: str
    password_hash: str
    disabled: bool
    created_at: float


class NewSession(NamedTuple):
    """A session to be opened from an address; of its token only the sha256 is kept, and its id opens nothing."""

    token_hash: str
    id: str
    user_id: int
    address: str


class SessionTimes(NamedTuple):
    """In how many seconds a session ends unless it is used, ends in any case, and stops to count as confirmed."""

    idle: float
    longest: float
    confirmed: float


class SessionRow(NamedTuple):
    """A session that is alive, with what its user is now.

    The seconds are those until it ends unless it is used, and until it stops to count as confirmed (0 or less: it does
    not).
    """

    id: str
    user_id: int
    name: str
    role: str
    idle_seconds_left: float
    confirmed_seconds_left: float


class OpenSession(NamedTuple):
    """A session that is alive, as people look at it: opened when and from where, and when it ends unless used."""

    id: str
    address: str
    created_at: float
    idle_at: float
    expires_at: float
