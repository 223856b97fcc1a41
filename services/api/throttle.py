"""Attempts to sign in: after ten wrong ones for a name, or many from one address, the next has to wait.

Attempts are counted in the store, before the password is looked at: neither a restart, nor another process, nor many
attempts at once give more of them. Nobody is locked out for good: the wait doubles from half a minute to a quarter of
an hour, and an hour without attempts makes it as if there had been none.
"""

from hashlib import sha256
from typing import Final

from services.api.platform import Platform
from shared.store.port import Transaction

TRIES_PER_NAME: Final = 10
TRIES_PER_ADDRESS: Final = 100
_SHORTEST_WAIT_SECONDS: Final = 30
_LONGEST_WAIT_SECONDS: Final = 900
_FORGOTTEN_SECONDS: Final = 3_600.0


def begin_login(platform: Platform, name: str, address: str) -> int:
    """Count an attempt and return 0, or the whole seconds to wait where it may not be made yet."""
    with platform.store.transaction() as transaction:
        transaction.forget_logins(_FORGOTTEN_SECONDS)
        for subject, limit in _subjects(name, address):
            tries = transaction.count_login(subject)
            if tries is None:
                return max(1, round(transaction.login_wait_seconds(subject)))
            if tries >= limit:
                transaction.delay_login(subject, _wait_seconds(tries - limit))
    return 0


def forgive_login(transaction: Transaction, name: str, address: str) -> None:
    """Take back what was counted of an attempt that turned out right."""
    (by_address, _), (by_name, _) = _subjects(name, address)
    transaction.uncount_login(by_address)
    transaction.forgive_logins(by_name)


def _subjects(name: str, address: str) -> tuple[tuple[str, int], tuple[str, int]]:
    # Of names that nobody has, nothing but a hash is kept: people type passwords into the wrong field.
    hashed = sha256(name.encode()).hexdigest()
    return (f"address:{address}", TRIES_PER_ADDRESS), (f"name:{hashed}", TRIES_PER_NAME)


def _wait_seconds(further: int) -> float:
    return min(_SHORTEST_WAIT_SECONDS * 2.0 ** min(further, 10), _LONGEST_WAIT_SECONDS)
