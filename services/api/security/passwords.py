"""Passwords: which are strong enough, and how they are kept as argon2id hashes."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from services.api.security.common_words import COMMON_WORDS, PRINTED
from shared.contracts.errors import InputError

SHORTEST: Final = 15
LONGEST: Final = 1_024
_FEWEST_CHARACTERS: Final = 6
# What must be left of a password when everything that anybody would try first is taken out of it.
_SHORTEST_REST: Final = 8
_SUCH: Final = "such as four or five words that do not belong together"
# Three common words are fewer guesses than seven random letters.
_FEW_PIECES: Final = 3
_LONGEST_NUMBER: Final = 8
_LONGEST_REPEATED: Final = 12
_WALKED_SHARE: Final = 0.6
_SIGNS_AS_LETTERS: Final = str.maketrans("@$", "as")
_DIGITS_AS_LETTERS: Final = str.maketrans("013457", "oieast")
_KEYBOARDS: Final = tuple(
    {key: (row, column) for row, keys in enumerate(rows) for column, key in enumerate(keys)}
    for rows in (
        ("1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"),
        ("1234567890ß", "qwertzuiopü+", "asdfghjklöä#", "yxcvbnm,.-"),
        ("1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn,;:!"),
    )
)
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
            f"the password has {len(password)} characters; use at least {SHORTEST} and at most {LONGEST}, {_SUCH}"
        )
    why = _weakness(password, name.lower())
    if why is not None:
        raise InputError(f"the password is too easy to guess: {why}; use something that nobody would think of, {_SUCH}")


def _weakness(password: str, name: str) -> str | None:
    """Return what makes a password one of those that are tried first."""
    readings = {_without_signs(password), _without_signs(password.translate(_SIGNS_AS_LETTERS))}
    if {_read(each) for each in readings} & {_read(_without_signs(each)) for each in PRINTED}:
        return "it is printed in a text about passwords"
    if len(set(password)) < _FEWEST_CHARACTERS:
        return "it has few different characters"
    if _is_a_row(password) or (_is_a_row(password[::2]) and _is_a_row(password[1::2])) or _walks(password):
        return "it follows the keys of a keyboard, the alphabet or the numbers"
    if _repeats(password.lower()):
        return "it repeats a short word"
    if _rest(password, name) < _SHORTEST_REST or min(_pieces(each, name) for each in readings) <= _FEW_PIECES:
        return "it is put together from very few common words and numbers"
    return None


def _without_signs(password: str) -> str:
    return "".join(each for each in password.lower() if each.isalnum())


def _read(text: str) -> str:
    """Return a text with the letters that people write as digits."""
    return text.translate(_DIGITS_AS_LETTERS)


def _rest(password: str, name: str) -> int:
    rest = password.lower()
    for fragment in sorted({*_TRIED_FIRST, name}, key=len, reverse=True):
        rest = rest.replace(fragment, "")
    return len(rest)


def _is_a_row(password: str) -> bool:
    steps = {ord(later) - ord(earlier) for earlier, later in pairwise(password)}
    return len(steps) == 1


def _repeats(text: str) -> bool:
    """Tell whether a text is a short one over and over, the last time perhaps cut off."""
    return any(
        all(text[at] == text[at % length] for at in range(len(text)))
        for length in range(1, min(_LONGEST_REPEATED, len(text) // 2) + 1)
    )


def _walks(password: str) -> bool:
    """Tell whether most steps from one character to the next are to a key beside it, on any common keyboard."""
    steps = list(pairwise(password.lower()))
    return any(
        sum(_beside(places, one, next_one) for one, next_one in steps) >= _WALKED_SHARE * len(steps)
        for places in _KEYBOARDS
    )


def _beside(places: Mapping[str, tuple[int, int]], one: str, other: str) -> bool:
    if one not in places or other not in places:
        return False
    (row, column), (other_row, other_column) = places[one], places[other]
    return abs(row - other_row) <= 1 and abs(column - other_column) <= 1


def _pieces(text: str, name: str) -> int:
    """Return of how few pieces a text can be put together; a character that is in none is one by itself.

    Pieces are common words and the user's name, as they are or with digits in place of letters, and numbers of up to
    eight digits.
    """
    words = COMMON_WORDS | {name, _without_signs(name)}
    longest = max(map(len, words))
    fewest = [0, *[len(text)] * len(text)]
    for end in range(1, len(text) + 1):
        for start in range(max(0, end - longest), end):
            piece = text[start:end]
            is_number = piece.isdigit() and len(piece) <= _LONGEST_NUMBER
            if end - start == 1 or is_number or piece in words or _read(piece) in words:
                fewest[end] = min(fewest[end], fewest[start] + 1)
    return fewest[-1]
