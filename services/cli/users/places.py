"""Where users are changed and looked at: the database of a platform, or its API."""

import time
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol
from urllib.parse import quote

from services.api.security.accounts import Accounts
from services.api.security.passwords import Passwords
from services.cli.options import Where
from services.cli.places import opened
from services.cli.remote import Remote
from shared.contracts.times import format_time
from shared.store.port import Store

_ACTOR: Final = "cli"


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

    def users(self) -> list[dict[str, Any]]:
        """Return all users by name, as named values."""
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

    def users(self) -> list[dict[str, Any]]:
        """Return all users by name, as named values."""
        with self._store.reading() as reader:
            rows = reader.users()
        return [
            {"name": row.name, "role": row.role, "disabled": row.disabled, "created": format_time(int(row.created_at))}
            for row in rows
        ]


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

    def users(self) -> list[dict[str, Any]]:
        """Return all users by name, as named values."""
        found: list[dict[str, Any]] = self._remote.get("/api/users")["items"]
        return found


def opened_users(where: Where) -> AbstractContextManager[UserPlace]:
    """Open the place that the options of a verb name; raise InputError where they contradict each other."""
    return opened(where, RemoteUsers, lambda store, _url: StoredUsers(store))


def _path(name: str) -> str:
    return f"/api/users/{quote(name, safe='')}"
