"""Places around every commit, publish, confirm and ack, at which a test may have a process die.

The product calls them and does nothing there: what happens at them is given from outside, by tests alone.
"""

from collections.abc import Callable
from typing import TypeAlias

CrashPoint: TypeAlias = Callable[[str], None]


def no_crash(_place: str) -> None:
    """Go on, as every process does that nobody tests."""
