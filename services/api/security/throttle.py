"""Attempts to give a password: after ten wrong ones for a name, or many from an address, the next has to wait.

Attempts are counted in the store, before the password is looked at: neither a restart, nor another process, nor many
attempts at once give more of them. Nobody is locked out for good: the wait doubles from half a minute to a quarter of
an hour, and an hour without attempts makes it as if there had been none. Who is signed in and confirms is counted
apart, so that strangers who try a name cannot keep its owner from confirming.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from services.api.context import ApiContext
from shared.store.port import Transaction

TRIES_PER_NAME: Final = 10
TRIES_PER_ADDRESS: Final = 100
_SHORTEST_WAIT_SECONDS: Final = 30
_LONGEST_WAIT_SECONDS: Final = 900
_FORGOTTEN_SECONDS: Final = 3_600.0


class Counted(NamedTuple):
    """For whom attempts are counted, and how many are free; `shared` says that others are counted with them."""

    subject: str
    tries: int
    shared: bool = False


def at_login(name: str, address: str) -> tuple[Counted, ...]:
    """Return who is counted where somebody signs in."""
    # Of names that nobody has, nothing but a hash is kept: people type passwords into the wrong field.
    hashed = sha256(name.encode()).hexdigest()
    return Counted(f"address:{address}", TRIES_PER_ADDRESS, shared=True), Counted(f"name:{hashed}", TRIES_PER_NAME)


def at_confirming(user_id: int) -> tuple[Counted, ...]:
    """Return who is counted where a signed-in user gives the password once more."""
    return (Counted(f"user:{user_id}", TRIES_PER_NAME),)


def begin_attempt(context: ApiContext, counted: Sequence[Counted]) -> int:
    """Count an attempt and return 0, or the whole seconds to wait where it may not be made yet."""
    with context.store.transaction() as transaction:
        transaction.forget_logins(_FORGOTTEN_SECONDS)
        for each in counted:
            tries = transaction.count_login(each.subject)
            if tries is None:
                return max(1, round(transaction.login_wait_seconds(each.subject)))
            if tries >= each.tries:
                transaction.delay_login(each.subject, _wait_seconds(tries - each.tries))
    return 0


def forgive(transaction: Transaction, counted: Sequence[Counted]) -> None:
    """Take back what was counted of an attempt that turned out right."""
    for each in counted:
        if each.shared:
            transaction.uncount_login(each.subject)
        else:
            transaction.forgive_logins(each.subject)


def _wait_seconds(further: int) -> float:
    return min(_SHORTEST_WAIT_SECONDS * 2.0 ** min(further, 10), _LONGEST_WAIT_SECONDS)
