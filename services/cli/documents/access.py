"""Documents of who may sign in: `users` and `tokens`."""

from typing import TypedDict

from services.cli.documents.kinds import Count, Time


class User(TypedDict):
    """Somebody who may sign in to the API."""

    name: str
    role: str
    disabled: bool
    created_time: Time


class Token(TypedDict):
    """A token that is alive, without what a program needs to use it."""

    id: Count
    user: str
    name: str
    role: str
    scope: str
    created_time: Time
    expires_time: Time
    last_used_time: Time | None


class MadeToken(Token):
    """A token that was just made; what a program shows is told now and never again."""

    ok: bool
    token: str


class ChangedUser(TypedDict):
    """A user who was changed, and what that did, in a sentence."""

    ok: bool
    name: str
    done: str


class SecondFactor(TypedDict):
    """A user who has a second factor now, with codes of which each stands for the device once."""

    ok: bool
    name: str
    recovery_codes: list[str]


class RevokedToken(TypedDict):
    """A token that opens nothing any more."""

    ok: bool
    id: Count
