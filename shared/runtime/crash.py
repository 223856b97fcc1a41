"""Places where a process can be made to die on purpose, around every commit, publish, confirm and ack.

`CRASH_AT=strategy.before_commit` dies at the first such moment, `CRASH_AT=strategy.before_commit:3` at the third. Only
tests may ask for that: they say so with `CRASH_IS_A_TEST=1`.
"""

import os
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from shared.contracts.errors import InputError

CrashPoint: TypeAlias = Callable[[str], None]

CRASH_VARIABLE: Final = "CRASH_AT"
CONSENT_VARIABLE: Final = "CRASH_IS_A_TEST"
_KILLED: Final = 137


def no_crash(_place: str) -> None:
    """Go on, as every process does that nobody tests."""


def wanted_crash(environ: Mapping[str, str]) -> str | None:
    """Return where an environment wants the process to die; raise InputError where no test asks for it."""
    wanted = environ.get(CRASH_VARIABLE)
    if wanted and environ.get(CONSENT_VARIABLE) != "1":
        raise InputError(f"environment: {CRASH_VARIABLE} ends the process on purpose, for tests alone; unset it")
    return wanted


def crash_at(wanted: str | None) -> CrashPoint:
    """Return a crash point that ends the process, without any clean-up, at the wanted place and repetition."""
    if not wanted:
        return no_crash
    place, _, number = wanted.partition(":")
    left = [int(number or 1)]

    def crash(here: str) -> None:
        if here == place:
            left[0] -= 1
            if left[0] == 0:
                os._exit(_KILLED)

    return crash
