"""Changes to those who may sign in, each with its audit record in the same transaction."""

import re
from collections.abc import Callable
from typing import Final

from services.api.security.passwords import Passwords, require_strong
from services.api.security.subjects import EVERY_ADDRESS, of_name
from shared.contracts.errors import InputError
from shared.contracts.vocabulary import Role
from shared.store.port import Store, Transaction
from shared.store.rows.audit import AuditEntry
from shared.store.rows.users import UserRow

LONGEST_NAME: Final = 32
NAME: Final = r"[a-z][a-z0-9._-]{0,31}"
_NAME: Final = re.compile(NAME)
# The audit log names services and people in one column.
_NOT_PEOPLE: Final = frozenset({"ingest", "strategy", "executor", "api", "cli", "sql", "system", "scalpbot"})


class UnknownUserError(InputError):
    """Nobody has the name; look at the list of users."""


class UserConflictError(InputError):
    """The name is taken, or no admin would be left: change another user first."""


def is_name(text: str) -> bool:
    """Tell whether a user may be called so; nobody else is worth looking for."""
    return _NAME.fullmatch(text) is not None


class Accounts:
    """Add users, set their passwords and roles, disable them; the actor is whom the audit log names."""

    def __init__(self, store: Store, passwords: Passwords, clock: Callable[[], float], actor: str) -> None:
        self._store = store
        self._passwords = passwords
        self._clock = clock
        self._actor = actor

    def add(self, name: str, role: str, password: str) -> None:
        """Add a user; raise InputError for a name or password that cannot be taken."""
        if not is_name(name) or name in _NOT_PEOPLE:
            raise InputError(
                f"{name!r} is not a valid user name; use 1 to 32 of a-z, 0-9, '.', '_' and '-', a letter first, and "
                f"none of {', '.join(sorted(_NOT_PEOPLE))}"
            )
        if role not in tuple(Role):
            raise InputError(f"{role!r} is not a role; use one of {', '.join(Role)}")
        require_strong(password, name)
        hashed = self._passwords.hashed(password)
        with self._store.transaction() as transaction:
            transaction.lock_users()
            if transaction.user(name) is not None:
                raise UserConflictError(f"there is a user {name!r} already; choose another name, or set their password")
            transaction.add_user(name, role, hashed)
            self._audit(transaction, "user.added", {"user": name, "role": role})

    def set_password(self, name: str, password: str) -> None:
        """Set a user's password and end all sessions and tokens; raise InputError for one that cannot be taken."""
        require_strong(password, name)
        hashed = self._passwords.hashed(password)
        with self._store.transaction() as transaction:
            user = locked_user(transaction, name)
            transaction.set_password(user.id, hashed)
            self._audit(transaction, "user.password_set", {"user": name, **_all_ended(transaction, user)})

    def set_role(self, name: str, role: str) -> None:
        """Set what a user may do and end all their sessions; the last admin stays one."""
        if role not in tuple(Role):
            raise InputError(f"{role!r} is not a role; use one of {', '.join(Role)}")
        with self._store.transaction() as transaction:
            user = locked_user(transaction, name)
            if role != Role.ADMIN:
                _require_another_admin(transaction, user)
            transaction.set_role(user.id, role)
            ended = transaction.revoke_sessions(user.id)
            detail = {"user": name, "from": user.role, "to": role, "sessions_ended": ended}
            self._audit(transaction, "user.role_set", detail)

    def disable(self, name: str, disabled: bool = True) -> None:
        """Keep a user out and end all their sessions and tokens, or let them in again; the last admin stays."""
        with self._store.transaction() as transaction:
            user = locked_user(transaction, name)
            if disabled:
                _require_another_admin(transaction, user)
            transaction.disable_user(user.id, disabled)
            action = "user.disabled" if disabled else "user.enabled"
            self._audit(transaction, action, {"user": name, **_all_ended(transaction, user)})

    def unlock(self, name: str) -> None:
        """Take back all wrong passwords that were counted for a user, wherever from, and those of all addresses."""
        with self._store.transaction() as transaction:
            user = locked_user(transaction, name)
            for start in (of_name(user.name), EVERY_ADDRESS):
                transaction.forgive_logins_like(start)
            self._audit(transaction, "user.unlocked", {"user": name})

    def _audit(self, transaction: Transaction, action: str, detail: dict[str, object]) -> None:
        entry = AuditEntry(time=int(self._clock()), actor=self._actor, action=action, command_id=None, detail=detail)
        transaction.append_audit([entry])


def locked_user(transaction: Transaction, name: str) -> UserRow:
    """Keep others from changing users and return one; raise UnknownUserError."""
    transaction.lock_users()
    user = transaction.user(name)
    if user is None:
        raise UnknownUserError(f"there is no user {name!r}; see the list of users")
    return user


def _all_ended(transaction: Transaction, user: UserRow) -> dict[str, object]:
    """End whatever a user or a program of theirs asks by, and return how much there was."""
    return {"sessions_ended": transaction.revoke_sessions(user.id), "tokens_ended": transaction.revoke_tokens(user.id)}


def _require_another_admin(transaction: Transaction, user: UserRow) -> None:
    admins = [each.id for each in transaction.users() if each.role == Role.ADMIN and not each.disabled]
    if admins == [user.id]:
        raise UserConflictError(f"{user.name!r} is the last admin; make another user admin first")
