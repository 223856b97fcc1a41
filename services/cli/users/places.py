"""Where users are changed and looked at: the database of a platform, or its API."""

import time
from contextlib import AbstractContextManager
from secrets import token_urlsafe
from typing import Any, Final, Protocol
from urllib.parse import quote

from services.api.security.accounts import Accounts
from services.api.security.passwords import Passwords
from services.api.security.second_factors import SecondFactors
from services.cli.documents.access import User
from services.cli.options import Where
from services.cli.places import opened
from services.cli.remote import Remote
from shared.contracts.errors import InputError
from shared.contracts.times import format_time
from shared.store.port import Store

_ACTOR: Final = "cli"
_OWN_FACTOR: Final = "/api/auth/second-factor"


class UserPlace(Protocol):
    """Users, wherever they are; what cannot be done is an InputError."""

    def add(self, name: str, role: str, password: str) -> None:
        """Add a user."""
        ...

    def set_password(self, name: str, password: str) -> None:
        """Set a user's password and end all their sessions."""
        ...

    def set_role(self, name: str, role: str) -> None:
        """Set what a user may do and end all their sessions."""
        ...

    def disable(self, name: str, disabled: bool = True) -> None:
        """Keep a user from signing in and end all their sessions, or let them in again."""
        ...

    def unlock(self, name: str) -> None:
        """Take back all wrong passwords that were counted for a user, and those of all addresses."""
        ...

    def begin_second_factor(self, name: str) -> dict[str, Any]:
        """Return a new secret of a user for a device, and its address."""
        ...

    def confirm_second_factor(self, name: str, code: str) -> list[str]:
        """Have codes be asked for from now on, and return recovery codes."""
        ...

    def forget_second_factor(self, name: str) -> None:
        """Ask a user for no codes any more and end all their sessions."""
        ...

    def users(self) -> list[User]:
        """Return all users by name."""
        ...


class StoredUsers:
    """Users in a database; the audit log names the command line as who changed them."""

    def __init__(self, store: Store) -> None:
        """Work on a store."""
        self._store = store
        accounts = Accounts(store, Passwords(), clock=time.time, actor=_ACTOR)
        self.add = accounts.add
        self.set_password = accounts.set_password
        self.set_role = accounts.set_role
        self.disable = accounts.disable
        self.unlock = accounts.unlock
        self._factors = SecondFactors(store, time.time, token_urlsafe, _ACTOR)
        self.forget_second_factor = self._factors.forget

    def begin_second_factor(self, name: str) -> dict[str, Any]:
        """Return a new secret of a user for a device, and its address."""
        return self._factors.begin(name)._asdict()

    def confirm_second_factor(self, name: str, code: str) -> list[str]:
        """Have codes be asked for from now on, and return recovery codes; all sessions end."""
        return self._factors.confirm(name, code, kept_session=None)

    def users(self) -> list[User]:
        """Return all users by name."""
        with self._store.reading() as reader:
            rows = reader.users()
        return [_user(row.name, row.role, row.disabled, format_time(int(row.created_at))) for row in rows]


class RemoteUsers:
    """Users behind an API; who signed in must be an admin there."""

    def __init__(self, remote: Remote) -> None:
        """Ask an API."""
        self._remote = remote

    def add(self, name: str, role: str, password: str) -> None:
        """Add a user."""
        self._remote.ask("POST", "/api/users", {"name": name, "role": role, "password": password})

    def set_password(self, name: str, password: str) -> None:
        """Set a user's password and end all their sessions."""
        self._remote.ask("PUT", f"{_path(name)}/password", {"password": password})

    def set_role(self, name: str, role: str) -> None:
        """Set what a user may do and end all their sessions."""
        self._remote.ask("PUT", f"{_path(name)}/role", {"role": role})

    def disable(self, name: str, disabled: bool = True) -> None:
        """Keep a user from signing in and end all their sessions, or let them in again."""
        self._remote.ask("POST", f"{_path(name)}/{'disable' if disabled else 'enable'}")

    def unlock(self, name: str) -> None:
        """Take back all wrong passwords that were counted for a user, and those of all addresses."""
        self._remote.ask("POST", f"{_path(name)}/unlock")

    def begin_second_factor(self, name: str) -> dict[str, Any]:
        """Return a new secret of who signed in for a device, and its address; nobody else may have it."""
        if name != self._remote.user:
            raise InputError(f"{name} has to begin a second factor as --user {name}; nobody else may see its secret")
        begun: dict[str, Any] = self._remote.ask("POST", _OWN_FACTOR).body
        return begun

    def confirm_second_factor(self, name: str, code: str) -> list[str]:  # noqa: ARG002 - who signed in
        """Have codes be asked for from now on, and return recovery codes."""
        codes: list[str] = self._remote.ask("PUT", _OWN_FACTOR, {"code": code}).body["recovery_codes"]
        return codes

    def forget_second_factor(self, name: str) -> None:
        """Ask a user for no codes any more and end all their sessions."""
        own = name == self._remote.user
        self._remote.ask("DELETE", _OWN_FACTOR if own else f"{_path(name)}/second-factor")

    def users(self) -> list[User]:
        """Return all users by name."""
        found = self._remote.get("/api/users")["items"]
        return [_user(row["name"], row["role"], row["disabled"], row["created"]) for row in found]


def opened_users(where: Where) -> AbstractContextManager[UserPlace]:
    """Open the place that the options of a verb name; raise InputError where they contradict each other."""
    return opened(where, RemoteUsers, lambda store, _url: StoredUsers(store))


def _user(name: str, role: str, disabled: bool, created: str) -> User:
    return {"name": name, "role": role, "disabled": disabled, "created_time": created}


def _path(name: str) -> str:
    return f"/api/users/{quote(name, safe='')}"
