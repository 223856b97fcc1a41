"""Addresses of servers that may hold a password: read in one way only, and refused without being shown."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl, unquote

from shared.contracts.concealed import conceal
from shared.contracts.errors import InputError

STORE_SCHEMES: Final = ("postgresql", "sqlite")
BROKER_SCHEMES: Final = ("amqp", "amqps")
_AUTHORITY_END: Final = re.compile(r"[/?#]")
_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^\s:@\[\]]*)(?::[0-9]{0,5})?")
_UNWANTED_IN_USER: Final = re.compile(r"[\s\[\]\x00-\x20\x7f]")
_SECRET_NAME: Final = re.compile(r"pass|secret|token|auth|pwd|api_?key|^key$", re.IGNORECASE)
_PORT_OR_PASSWORD: Final = re.compile(r"[^/?#@]*:(?![0-9]*/)[^@]*@")
_ENCODED: Final = "@ as %40, / as %2F, ? as %3F, # as %23, [ as %5B, ] as %5D, % as %25, a blank as %20"
# Those of images, manuals and examples. Masking such words would garble messages and hide nothing.
DELIVERED_PASSWORDS: Final = frozenset(
    {"guest", "postgres", "postgresql", "rabbitmq", "password", "passw0rd", "pass", "admin", "root", "user", "test"}
    | {"secret", "changeme", "change-me", "change_me", "default", "example", "placeholder", "scalpbot", "letmein"}
    | {"mysecretpassword", "123456", "12345678"}
)


def server_address(where: str, text: str, schemes: Sequence[str]) -> str:
    """Return the address of a server, whose password is masked from now on in all that is written.

    `where` names its place in messages. Raises InputError, which does not show it, where the scheme is none of
    `schemes`, or where programs would disagree about which part of it is the password.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.partition("+")[0] not in schemes:
        conceal(*_secrets(rest or text))
        expected = " or ".join(f"{each}://" for each in schemes)
        raise InputError(f"{where} is not an address that can be used; it must begin with {expected}")
    if scheme.partition("+")[0] != "sqlite":
        conceal(*_secrets(rest))
        _require_one_reading(where, rest)
    return text


def web_address(where: str, text: str) -> str:
    """Return an address of the web, whose password is masked from now on; raises InputError as `server_address`."""
    rest = text.partition("://")[2]
    if "@" in rest or "?" in rest:
        conceal(*_secrets(rest))
    if "@" in _AUTHORITY_END.split(rest)[0] or _PORT_OR_PASSWORD.match(rest):
        _require_one_reading(where, rest)
    return text


def is_proxy(text: str) -> bool:
    """Return whether an address names a proxy that can be used."""
    found = re.fullmatch(r"https?://(?:[^/?#]*@)?([^/?#@]+)/?", text)
    return found is not None and bool(_HOST.fullmatch(found[1]))


def conceal_address(text: str) -> None:
    """Have the password of an address be masked, however the address is read."""
    conceal(*_secrets(text.partition("://")[2] or text))


def holds_user(text: str) -> bool:
    """Return whether an address names a user or a password."""
    return "@" in _AUTHORITY_END.split(text.partition("://")[2])[0]


def _require_one_reading(where: str, rest: str) -> None:
    """Refuse an address in which a special character of the user or the password stands as it is."""
    authority = _AUTHORITY_END.split(rest)[0]
    user, at, host = authority.rpartition("@")
    if "@" in user or "@" in rest[len(authority) :] or _UNWANTED_IN_USER.search(user):
        raise InputError(
            f"{where} cannot be read: special characters of its user, password or names must be encoded ({_ENCODED})"
        )
    if not _HOST.fullmatch(host):
        told = "" if at else f", and that its user and password are encoded ({_ENCODED})"
        raise InputError(f"{where} names no host that can be read; check the part between // and the next /{told}")


def _secrets(rest: str) -> set[str]:
    """Return every text of an address that may be its password, or the rest of one, however it is read."""
    before = rest.rpartition("@")[0]
    user, _, password = before.partition(":")
    shown = {unquote(user).lower(), *DELIVERED_PASSWORDS, *re.split(r"[/:?]", rest.rpartition("@")[2].lower())}
    found = {password, *re.split(r"[@/?#]", password)}
    query = rest.partition("?")[2]
    found |= {value for name, value in parse_qsl(query) if _SECRET_NAME.search(name)}
    return {each for each in found if each and unquote(each).lower() not in shown}
