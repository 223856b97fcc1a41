"""What a user has beside the password, as the rest of the program sees it."""

from typing import NamedTuple


class SecondFactor(NamedTuple):
    """What a user's device makes codes from, the step of the last code that counted, and whether it was confirmed."""

    secret: str
    last_step: int
    confirmed: bool
