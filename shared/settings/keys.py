"""The keys of audit anchors: an Ed25519 pair as two texts, each saying which half it is.

The private half signs anchors, the public one only tells whose they are.
"""

import re
from typing import Final

from shared.contracts.errors import InputError

KEY_BYTES: Final = 32
_PRIVATE: Final = "audit-anchor-private-"
_PUBLIC: Final = "audit-anchor-public-"
_HEX: Final = re.compile(r"[0-9a-f]{64}")
# 32 bytes of chance have about 30 different ones; so few were typed by somebody.
_FEWEST_DIFFERENT: Final = 16
_MAKE: Final = "make one with `scalpbot audit keys FILE`"


def private_text(key: bytes) -> str:
    """Return a private key of 32 bytes as it is kept."""
    return f"{_PRIVATE}{key.hex()}"


def public_text(key: bytes) -> str:
    """Return a public key of 32 bytes as it is handed round."""
    return f"{_PUBLIC}{key.hex()}"


def private_bytes(text: str, where: str) -> bytes:
    """Return the 32 bytes of a private key; raises InputError saying where a text was found that is none."""
    if text.startswith(_PUBLIC):
        raise InputError(f"{where} holds the public half of an anchor key, but anchors are signed with the private one")
    key = _bytes(text, _PRIVATE)
    if key is None:
        raise InputError(f"{where} does not hold a private anchor key ({_PRIVATE} and 64 hexadecimal digits); {_MAKE}")
    if len(set(key)) < _FEWEST_DIFFERENT:
        raise InputError(f"{where} holds an anchor key that can be guessed; {_MAKE}")
    return key


def public_bytes(text: str, where: str) -> bytes:
    """Return the 32 bytes of a public key; raises InputError saying where a text was found that is none."""
    if text.startswith(_PRIVATE):
        raise InputError(
            f"{where} holds the private half of an anchor key, which must stay secret; give the public half, which "
            "`scalpbot audit keys FILE` prints"
        )
    key = _bytes(text, _PUBLIC)
    if key is None:
        raise InputError(
            f"{where} does not hold a public anchor key ({_PUBLIC} and 64 hexadecimal digits); `scalpbot audit keys "
            "FILE` prints it"
        )
    return key


def _bytes(text: str, prefix: str) -> bytes | None:
    digits = text.removeprefix(prefix)
    return bytes.fromhex(digits) if text.startswith(prefix) and _HEX.fullmatch(digits) else None
