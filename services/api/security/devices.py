"""Devices that a user signed in from before: a cookie that says so, and is worth a count of wrong passwords of its own.

It opens nothing. Whoever tries the user's name from elsewhere cannot use up the attempts of a device that has it. It is
signed with what is kept of the user's password, so that nothing has to be kept of it, and a new password ends it.
"""

import hmac
from hashlib import sha256
from typing import Final

from fastapi import Request, Response

from services.api.context import ApiContext
from services.api.security.cookies import give_cookie, named_cookie
from shared.store.rows.users import UserRow

LASTS_SECONDS: Final = 180 * 86_400
_DEVICE: Final = "device"
_LONGEST: Final = 256
_PARTS: Final = 3


def known_device(context: ApiContext, request: Request, user: UserRow | None) -> str | None:
    """Return what a device of a user is counted as, None for one that the user never signed in from."""
    cookie = request.cookies.get(named_cookie(context, _DEVICE), "")
    parts = cookie.split(".")
    if user is None or len(cookie) > _LONGEST or len(parts) != _PARTS:
        return None
    ends, nonce, signature = parts
    if not hmac.compare_digest(signature.encode(), _signature(user, ends, nonce).encode()):
        return None
    return f"device:{sha256(nonce.encode()).hexdigest()}" if context.clock() < int(ends) else None


def remember_device(context: ApiContext, response: Response, user: UserRow) -> None:
    """Have the browser remember that a user signed in there, with the password that the user has now."""
    ends, nonce = str(int(context.clock()) + LASTS_SECONDS), context.token()
    value = f"{ends}.{nonce}.{_signature(user, ends, nonce)}"
    give_cookie(context, response, _DEVICE, value, LASTS_SECONDS)


def _signature(user: UserRow, ends: str, nonce: str) -> str:
    said = f"{_DEVICE}|{user.name}|{ends}|{nonce}"
    return hmac.new(user.password_hash.encode(), said.encode(), sha256).hexdigest()
