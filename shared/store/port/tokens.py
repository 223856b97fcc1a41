"""The port of the store for programs: the tokens by which they ask on behalf of a user."""

from typing import Protocol

from shared.store.rows.tokens import NewToken, TokenRow, UsedToken


class TokenReads(Protocol):
    """Read tokens."""

    def token(self, token_hash: str) -> UsedToken | None:
        """Return a token by its hash, None for one that is unknown, revoked, over, or of a disabled user."""
        ...

    def tokens(self) -> list[TokenRow]:
        """Return the tokens of all users that are alive, by user and name."""
        ...


class TokenWrites(Protocol):
    """Write tokens."""

    def add_token(self, token: NewToken, seconds: float) -> int:
        """Add a token that lasts for so long, and return its id."""
        ...

    def touch_token(self, token_id: int) -> None:
        """Note that a token is used."""
        ...

    def revoke_token(self, token_id: int) -> None:
        """End a token."""
        ...

    def revoke_tokens(self, user_id: int) -> int:
        """End all tokens of a user that were not ended and return their number."""
        ...

    def revoke_all_tokens(self) -> int:
        """End the tokens of all users that were not ended and return their number."""
        ...
