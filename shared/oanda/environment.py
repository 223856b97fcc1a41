"""Where OANDA's two environments are, and whether token and account id can belong to them."""

import re
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from shared.contracts.errors import InputError

_V20_ACCOUNT: Final = re.compile(r"\d{3}-\d{3}-\d+-\d{3}", re.ASCII)
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_OANDA_DOMAIN: Final = "oanda.com"


class Environment(StrEnum):
    """OANDA's two worlds; a token and an account belong to one of them."""

    PRACTICE = "practice"
    LIVE = "live"


class OandaAddress(NamedTuple):
    """The base addresses of the REST interface and of the streams, without /v3."""

    rest_url: str
    stream_url: str


PRACTICE_ADDRESS: Final = OandaAddress("https://api-fxpractice.oanda.com", "https://stream-fxpractice.oanda.com")
LIVE_ADDRESS: Final = OandaAddress("https://api-fxtrade.oanda.com", "https://stream-fxtrade.oanda.com")
_ACCOUNT_PREFIXES: Final = ((Environment.PRACTICE, "101-"), (Environment.LIVE, "001-"))


class AccessToken:
    """The token of an account; it shows itself to nobody who does not ask for it by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Take the token; raise InputError unless it can stand in a header, without showing it."""
        if not text:
            raise InputError("no OANDA token is given: set the token of the account's environment")
        if not _TOKEN.fullmatch(text):
            raise InputError(
                "the OANDA token has characters that no token has, such as blanks or line ends: copy it once more"
            )
        self._text = text

    def __repr__(self) -> str:
        return "AccessToken(hidden)"

    def reveal(self) -> str:
        """Return the token itself."""
        return self._text

    def hidden_in(self, content: bytes) -> bytes:
        """Return content with the token blotted out, should a server repeat it."""
        return content.replace(self._text.encode("ascii"), b"[token]")


def address_of(environment: Environment, rest_url: str | None = None, stream_url: str | None = None) -> OandaAddress:
    """Return an environment's address, with one or both parts replaced; InputError where a part is no base address."""
    usual = PRACTICE_ADDRESS if environment is Environment.PRACTICE else LIVE_ADDRESS
    return OandaAddress(_base_url(rest_url or usual.rest_url), _base_url(stream_url or usual.stream_url))


def check_account_id(account_id: str, environment: Environment) -> None:
    """Raise InputError where an account id cannot belong to the environment; the sentence does not show the id."""
    if not account_id:
        raise InputError("no OANDA account id is given: set the id of a v20 account, such as 101-004-1234567-001")
    if account_id.isdecimal():
        raise InputError(
            "the OANDA account id is a bare number, as MT4 logins are: use the id of a v20 account, which looks like "
            "101-004-1234567-001"
        )
    if not _V20_ACCOUNT.fullmatch(account_id):
        raise InputError("the OANDA account id does not look like 101-004-1234567-001: copy it from OANDA once more")
    for owner, prefix in _ACCOUNT_PREFIXES:
        if account_id.startswith(prefix) and owner is not environment:
            raise InputError(
                f"the OANDA account id begins with {prefix}, so it is a {owner} account, but the environment is "
                f"{environment}: use an account of the {environment} environment, or choose {owner}"
            )


def _base_url(text: str) -> str:
    wanted = "give scheme and host only, such as https://api-fxpractice.oanda.com"
    try:
        parts = urlsplit(text.rstrip("/").removesuffix("/v3"))
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InputError(f"the OANDA address is not a URL: {wanted}") from None
    if parts.username is not None or parts.password is not None:
        raise InputError(f"the OANDA address holds a user or a password: {wanted}")
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise InputError(f"'{text}' is not a base address of OANDA: {wanted}")
    if parts.scheme == "http" and f".{host}".endswith(f".{_OANDA_DOMAIN}"):
        raise InputError(f"'{text}' would send the token unprotected: write https")
    return parts.geturl()
