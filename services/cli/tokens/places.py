"""Where tokens are made and looked at: the database of a platform, or its API."""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from secrets import token_urlsafe
from typing import Any, Final, Protocol

from services.api.security.tokens import Maker, Scope, Tokens, WantedToken
from services.api.shapes.tokens import shown_token
from services.cli.documents.access import Token
from services.cli.options import Where
from services.cli.places import opened
from services.cli.remote import Remote
from shared.contracts.vocabulary import Role
from shared.store.port import Store

_ACTOR: Final = "cli"


class TokenPlace(Protocol):
    """Tokens, wherever they are; what cannot be done is an InputError."""

    def add(self, wanted: Mapping[str, Any]) -> tuple[str, Token]:
        """Make a token, and return what a program shows, and what is kept of it."""
        ...

    def alive(self) -> list[Token]:
        """Return the tokens that are alive."""
        ...

    def revoke(self, token_id: int) -> None:
        """End a token."""
        ...


class StoredTokens:
    """Tokens in a database; the audit log names the command line as who made or ended them."""

    def __init__(self, store: Store) -> None:
        """Work on a store."""
        self._tokens = Tokens(store, time.time, token_urlsafe, Maker(_ACTOR, None, Role.ADMIN))
        self.revoke = self._tokens.revoke

    def add(self, wanted: Mapping[str, Any]) -> tuple[str, Token]:
        """Make a token, and return what a program shows, and what is kept of it."""
        role, scope = Role(wanted["role"]), Scope(wanted["scope"])
        token, row = self._tokens.add(WantedToken(**{**wanted, "role": role, "scope": scope}))
        return token, _kept(shown_token(row).model_dump())

    def alive(self) -> list[Token]:
        """Return the tokens that are alive."""
        return [_kept(shown_token(row).model_dump()) for row in self._tokens.alive(None)]


class RemoteTokens:
    """Tokens behind an API: of whoever signed in, or for an admin those of everybody."""

    def __init__(self, remote: Remote) -> None:
        """Ask an API."""
        self._remote = remote

    def add(self, wanted: Mapping[str, Any]) -> tuple[str, Token]:
        """Make a token, and return what a program shows, and what is kept of it."""
        made = self._remote.ask("POST", "/api/tokens", wanted).body
        return made["token"], _kept(made)

    def alive(self) -> list[Token]:
        """Return the tokens that are alive."""
        return [_kept(row) for row in self._remote.get("/api/tokens")["items"]]

    def revoke(self, token_id: int) -> None:
        """End a token."""
        self._remote.ask("DELETE", f"/api/tokens/{token_id}")


def opened_tokens(where: Where) -> AbstractContextManager[TokenPlace]:
    """Open the place that the options of a verb name; raise InputError where they contradict each other."""
    return opened(where, RemoteTokens, lambda store, _url: StoredTokens(store))


def _kept(token: Mapping[str, Any]) -> Token:
    return {
        "id": token["id"],
        "user": token["user"],
        "name": token["name"],
        "role": token["role"],
        "scope": token["scope"],
        "created_time": token["created"],
        "expires_time": token["expires"],
        "last_used_time": token["last_used"],
    }
