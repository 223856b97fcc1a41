"""Tokens of programs: made for a user with no more rights than the user has, shown once, and ended at any time."""

import hmac
from collections.abc import Callable
from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple

from services.api.security.accounts import UnknownUserError, is_name
from shared.contracts.errors import InputError
from shared.contracts.vocabulary import Role
from shared.store.port import Store, Transaction
from shared.store.rows.audit import AuditEntry
from shared.store.rows.tokens import NewToken, TokenRow

# Scanners that look for secrets in published files know one by how it begins.
PREFIX: Final = "scalpbot_"
LONGEST_DAYS: Final = 365
USUAL_DAYS: Final = 90
MOST_OF_A_USER: Final = 20
_DAY_SECONDS: Final = 86_400.0


class Scope(StrEnum):
    """What a token is for: to look on, or to change things as well."""

    READ = "read"
    COMMAND = "command"


class UnknownTokenError(InputError):
    """There is no such token; look at the list of tokens."""


class TokenConflictError(InputError):
    """The name is taken, or the user has as many tokens as may be."""


class TokenRightsError(InputError):
    """The token would be allowed more than its user, or than whoever makes it."""


class Maker(NamedTuple):
    """Who makes and ends tokens, as the audit log names them, and what they may do; `user` is None on the machine."""

    actor: str
    user: str | None
    role: Role


class WantedToken(NamedTuple):
    """A token to be made: for whom, what it is called, and what it may do for how many days."""

    user: str
    name: str
    role: Role
    scope: Scope
    days: int


def hash_of(token: str) -> str:
    """Return what is kept of a token, a program's or a session's."""
    return sha256(token.encode()).hexdigest()


def csrf_of(token: str) -> str:
    """Return the CSRF token of a session: it follows from the session's token, not from what is kept of that."""
    return hmac.new(token.encode(), b"csrf", sha256).hexdigest()


class Tokens:
    """Make, list and end tokens; each change has its audit record in the same transaction."""

    def __init__(self, store: Store, clock: Callable[[], float], random: Callable[[], str], maker: Maker) -> None:
        """Work on behalf of a maker; `random` returns a new unguessable text."""
        self._store = store
        self._clock = clock
        self._random = random
        self._maker = maker

    def add(self, wanted: WantedToken) -> tuple[str, TokenRow]:
        """Make a token and return it, which nobody can do again, with what is kept of it; raise InputError."""
        if not is_name(wanted.name):
            raise InputError(
                f"{wanted.name!r} is not a name; use 1 to 32 of a-z, 0-9, '.', '_' and '-', a letter first"
            )
        if not 1 <= wanted.days <= LONGEST_DAYS:
            raise InputError(f"a token lasts 1 to {LONGEST_DAYS} days, not {wanted.days}")
        self._require_allowed(wanted.user)
        token = PREFIX + self._random()
        with self._store.transaction() as transaction:
            transaction.lock_users()
            new = self._new(transaction, wanted, token)
            identity = transaction.add_token(new, wanted.days * _DAY_SECONDS)
            detail = {"user": wanted.user, "token": wanted.name, "id": identity, "role": new.role, "scope": new.scope}
            self._audit(transaction, "token.added", {**detail, "days": wanted.days})
            row = next(row for row in transaction.tokens() if row.id == identity)
        return token, row

    def alive(self, user: str | None) -> list[TokenRow]:
        """Return the tokens of a user that are alive, those of everybody for None."""
        with self._store.reading() as reader:
            return [row for row in reader.tokens() if user in (None, row.user)]

    def revoke(self, token_id: int) -> None:
        """End a token at once; raise UnknownTokenError for one that is not there, or is somebody else's."""
        with self._store.transaction() as transaction:
            row = next((row for row in transaction.tokens() if row.id == token_id), None)
            if row is None or not self._may_see(row.user):
                raise UnknownTokenError(f"there is no token {token_id}; see the list of tokens")
            transaction.revoke_token(token_id)
            self._audit(transaction, "token.revoked", {"user": row.user, "token": row.name, "id": token_id})

    def _new(self, transaction: Transaction, wanted: WantedToken, token: str) -> NewToken:
        user = transaction.user(wanted.user)
        if user is None or user.disabled:
            raise UnknownUserError(f"there is no user {wanted.user!r} who may sign in; see the list of users")
        if not (Role(user.role).includes(wanted.role) and self._maker.role.includes(wanted.role)):
            raise TokenRightsError(
                f"a token cannot have the role {wanted.role}: it may do no more than its user and you"
            )
        theirs = [row.name for row in transaction.tokens() if row.user == user.name]
        if wanted.name in theirs:
            raise TokenConflictError(f"{user.name} has a token {wanted.name!r} already; end it, or choose another name")
        if len(theirs) >= MOST_OF_A_USER:
            raise TokenConflictError(f"{user.name} has {MOST_OF_A_USER} tokens, the most that may be; end one first")
        return NewToken(
            token_hash=hash_of(token),
            user_id=user.id,
            name=wanted.name,
            role=wanted.role.value,
            scope=wanted.scope.value,
        )

    def _require_allowed(self, user: str) -> None:
        if not self._may_see(user):
            raise TokenRightsError("only admins may make tokens for other users")

    def _may_see(self, user: str) -> bool:
        return self._maker.user in (None, user) or self._maker.role.includes(Role.ADMIN)

    def _audit(self, transaction: Transaction, action: str, detail: dict[str, object]) -> None:
        actor = self._maker.actor
        entry = AuditEntry(time=int(self._clock()), actor=actor, action=action, command_id=None, detail=detail)
        transaction.append_audit([entry])
