"""Passwords: which are strong enough, and how they are kept as argon2id hashes."""

from itertools import pairwise
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from shared.contracts.errors import InputError

SHORTEST: Final = 15
LONGEST: Final = 1_024
_FEWEST_CHARACTERS: Final = 6
# What must be left of a password when everything that anybody would try first is taken out of it.
_SHORTEST_REST: Final = 8
_TRIED_FIRST: Final = (
    *("password", "passwort", "passw0rd", "p@ssw0rd", "changeme", "change-me", "change_me", "default", "letmein"),
    *("welcome", "secret", "scalpbot", "scalp-bot", "scalp", "trading", "trader", "operator", "viewer", "admin"),
    *("administrator", "root", "guest", "test", "demo", "example", "placeholder", "iloveyou", "dragon", "monkey"),
    *("football", "baseball", "sunshine", "princess", "superman", "batman", "master", "shadow", "michael", "abc123"),
    *("qwertyuiop", "qwerty", "qwertz", "asdfghjkl", "asdfgh", "zxcvbnm", "1q2w3e4r", "1qaz2wsx", "123456789", "12345"),
    *("1234", "123", "987654321", "54321", "111", "000", "abcdefgh", "abcdef", "2020", "2021", "2022", "2023"),
    *("2024", "2025", "2026", "2027"),
)

# OWASP asks for at least 19 MiB with two passes; this takes about a tenth of a second.
_MEMORY_KIB: Final = 46 * 1_024
_PASSES: Final = 2


class Passwords:
    """Make and check argon2id hashes; a hash carries what it was made with."""

    def __init__(self, memory_kib: int = _MEMORY_KIB, passes: int = _PASSES) -> None:
        """Make hashes with this much memory and so many passes over it."""
        self._hasher = PasswordHasher(passes, memory_kib, parallelism=1, type=Type.ID)
        # Checked for names that nobody has, so that they take as long as the others.
        self._of_nobody = self._hasher.hash("the password of nobody")

    def hashed(self, password: str) -> str:
        """Return a new hash of a password."""
        return self._hasher.hash(password)

    def fits(self, kept: str | None, password: str) -> bool:
        """Tell whether a password is the one of a hash; without a hash it takes as long, and is none."""
        try:
            self._hasher.verify(self._of_nobody if kept is None else kept, password)
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Tell whether a hash was made with less than is asked for today."""
        return self._hasher.check_needs_rehash(kept)


def require_strong(password: str, name: str) -> None:
    """Raise InputError for a password that is too short, too long, or among those that are tried first."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(
            f"the password has {len(password)} characters; use at least {SHORTEST} and at most {LONGEST}, "
            "such as four or five words that do not belong together"
        )
    if len(set(password)) < _FEWEST_CHARACTERS or _is_a_row(password) or _rest(password, name) < _SHORTEST_REST:
        raise InputError(
            "the password is too easy to guess; use something that nobody would think of, "
            "such as four or five words that do not belong together"
        )


def _rest(password: str, name: str) -> int:
    rest = password.lower()
    for fragment in sorted({*_TRIED_FIRST, name.lower()}, key=len, reverse=True):
        rest = rest.replace(fragment, "")
    return len(rest)


def _is_a_row(password: str) -> bool:
    steps = {ord(later) - ord(earlier) for earlier, later in pairwise(password)}
    return len(steps) == 1
