"""Programs that ask on behalf of a user, by a token in the header `Authorization`."""

from typing import Final

from services.api.context import ApiContext
from services.api.security.access import Principal
from services.api.security.tokens import PREFIX, Scope, hash_of
from shared.contracts.vocabulary import Role
from shared.store.port import Reader
from shared.store.rows.tokens import UsedToken

_SCHEME: Final = "bearer"
_LONGEST: Final = 128
# Writing down every request would be a write for each read.
_TOUCH_SECONDS: Final = 60.0


def by_token(context: ApiContext, header: str) -> Principal | None:
    """Return on whose behalf a program asks, None for a token that is unknown, over or revoked, or none at all."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != _SCHEME or not token.startswith(PREFIX) or len(token) > _LONGEST:
        return None
    token_hash = hash_of(token)
    with context.store.reading() as reader:
        used = reader.token(token_hash)
    if used is None:
        return None
    if used.used_seconds_ago is None or used.used_seconds_ago > _TOUCH_SECONDS:
        with context.store.transaction() as transaction:
            transaction.touch_token(used.id)
    return Principal(
        user_id=used.user_id,
        name=used.user,
        role=_role(used),
        session_id=f"token-{used.id}",
        token_hash=token_hash,
        csrf_token="",
        confirmed=False,
        token=used.name,
        may_change=used.scope == Scope.COMMAND,
    )


def is_alive(reader: Reader, principal: Principal) -> bool:
    """Tell whether what somebody asked by is still good, for as much as it was then."""
    if principal.token is None:
        session = reader.session(principal.token_hash)
        return session is not None and session.role == principal.role
    used = reader.token(principal.token_hash)
    return used is not None and _role(used) is principal.role


def _role(used: UsedToken) -> Role:
    """Return what a token may do: no more than its user may by now."""
    own, of_user = Role(used.role), Role(used.user_role)
    return own if of_user.includes(own) else of_user
