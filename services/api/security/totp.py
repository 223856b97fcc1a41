"""Codes that a device shows for half a minute each (RFC 6238), and recovery codes for when it is lost."""

import hmac
from base64 import b32decode, b32encode
from collections.abc import Callable
from hashlib import sha1, sha256
from struct import pack
from typing import Final
from urllib.parse import quote, urlencode

STEP_SECONDS: Final = 30
DIGITS: Final = 6
RECOVERY_CODES: Final = 10
_ISSUER: Final = "Scalp Bot"
_SECRET_BYTES: Final = 20
# 120 bits: so much that a plain hash of it is enough.
_BYTES_OF_A_RECOVERY_CODE: Final = 15
_GROUP: Final = 4
# A device's clock may be half a minute off, and people take their time.
_STEPS_AROUND: Final = (0, -1, 1)


def new_secret(random: Callable[[], str]) -> str:
    """Return a new secret of 160 bits, in base 32 as devices take it; `random` returns an unguessable text."""
    return b32encode(sha256(random().encode()).digest()[:_SECRET_BYTES]).decode()


def code_at(secret: str, step: int) -> str:
    """Return the code of a step of half a minute since 1970."""
    digest = hmac.new(b32decode(secret), pack(">Q", step), sha1).digest()
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_of(secret: str, code: str, now: float, last_step: int) -> int | None:
    """Return the step whose code it is, now or just before or after, None for none and for one that was used."""
    at = int(now) // STEP_SECONDS
    for step in (at + around for around in _STEPS_AROUND):
        if step > last_step and hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            return step
    return None


def link_of(secret: str, user: str) -> str:
    """Return the address by which devices take a secret in, often as a QR code."""
    label = quote(f"{_ISSUER}:{user}", safe="")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': _ISSUER}, quote_via=quote)}"


def new_recovery_codes(random: Callable[[], str]) -> list[str]:
    """Return new recovery codes of 120 bits each, in groups that can be typed."""
    digests = [sha256(random().encode()).digest() for _ in range(RECOVERY_CODES)]
    texts = [b32encode(digest[:_BYTES_OF_A_RECOVERY_CODE]).decode() for digest in digests]
    return ["-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP)).lower() for text in texts]


def recovery_hash(code: str) -> str:
    """Return what is kept of a recovery code, however it was typed."""
    return sha256("".join(each for each in code.lower() if each.isalnum()).encode()).hexdigest()
