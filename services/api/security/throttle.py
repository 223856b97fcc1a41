"""Attempts to give a password: after ten wrong ones for a name from an address, the next has to wait.

Attempts are counted in the store, before the password is looked at: neither a restart, nor another process, nor many
attempts at once give more of them. Nobody is locked out for good, and no stranger keeps a user out: a name is counted
strictly together with the address that it is tried from, and by itself only so far that many addresses get no further
than a guess every ten seconds. A device that the user signed in from before has a count of its own, which nobody else
can use up. An hour without attempts makes it as if there had been none. Who is signed in and confirms is counted apart.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from services.api.context import ApiContext
from services.api.security.subjects import of_address, of_name, of_name_at
from shared.store.port import Transaction

TRIES_PER_NAME: Final = 10
TRIES_PER_ADDRESS: Final = 100
_FORGOTTEN_SECONDS: Final = 3_600.0


class Waits(NamedTuple):
    """How many seconds the first attempt too many has to wait, doubled by each further one up to the longest."""

    shortest: float
    longest: float


_STRICT: Final = Waits(30, 900)
# Strangers who try a name from everywhere make its owner wait as long, at a device that is new.
_LENIENT: Final = Waits(10, 10)


class Counted(NamedTuple):
    """For whom attempts are counted, how many are free, how long the next waits; `shared`: others are counted too."""

    subject: str
    tries: int
    waits: Waits = _STRICT
    shared: bool = False


def at_login(name: str, address: str, device: str | None) -> tuple[Counted, ...]:
    """Return who is counted where somebody signs in, the strictest first: what waits there counts for nobody else."""
    if device is not None:
        return (Counted(device, TRIES_PER_NAME),)
    return (
        Counted(of_address(address), TRIES_PER_ADDRESS, shared=True),
        Counted(of_name_at(name, address), TRIES_PER_NAME),
        Counted(of_name(name), TRIES_PER_ADDRESS, _LENIENT, shared=True),
    )


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
                transaction.delay_login(each.subject, _wait_seconds(each.waits, tries - each.tries))
    return 0


def forgive(transaction: Transaction, counted: Sequence[Counted]) -> None:
    """Take back what was counted of an attempt that turned out right."""
    for each in counted:
        if each.shared:
            transaction.uncount_login(each.subject)
        else:
            transaction.forgive_logins(each.subject)


def _wait_seconds(waits: Waits, further: int) -> float:
    return min(waits.shortest * 2.0 ** min(further, 10), waits.longest)
