"""The granularities of OANDA candles: their names and their seconds."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.contracts.errors import InputError

SECONDS_BY_NAME: Final[Mapping[str, int]] = MappingProxyType(
    {
        "S5": 5,
        "S10": 10,
        "S15": 15,
        "S30": 30,
        "M1": 60,
        "M2": 120,
        "M4": 240,
        "M5": 300,
        "M10": 600,
        "M15": 900,
        "M30": 1800,
        "H1": 3600,
        "H2": 7200,
        "H3": 10_800,
        "H4": 14_400,
        "H6": 21_600,
        "H8": 28_800,
        "H12": 43_200,
        "D": 86_400,
    }
)
NAME_BY_SECONDS: Final[Mapping[int, str]] = MappingProxyType(
    {seconds: name for name, seconds in SECONDS_BY_NAME.items()}
)
_HOURS_OF_WEEK: Final = 7 * 24
# Candles that OANDA and other programs know and that are too long to trade.
_LONG_NAMES: Final = {"W": "weekly", "W1": "weekly", "M": "monthly", "MN": "monthly", "MN1": "monthly"}


def parse_granularity(text: str) -> int:
    """Return the seconds of a granularity's name, e.g. `M5`; raise `InputError` listing the names otherwise."""
    name = text.strip().upper()
    seconds = SECONDS_BY_NAME.get(name)
    if seconds is None:
        wrong = f"{_LONG_NAMES[name]} candles are not traded" if name in _LONG_NAMES else "is unknown"
        raise InputError(
            f"granularity {text!r}{':' if name in _LONG_NAMES else ''} {wrong}; use one of {', '.join(SECONDS_BY_NAME)}"
        )
    return seconds


def not_traded(step_seconds: int) -> str | None:
    """Return what candles that lie so far apart are called, where they are too long to trade, else None.

    Both are aligned to a local hour, so that a step across a change of clocks is an hour longer or shorter.
    """
    hours = round(step_seconds / 3600)
    if abs(hours - _HOURS_OF_WEEK) <= 1:
        return "weekly"
    return "monthly" if 28 * 24 - 1 <= hours <= 31 * 24 + 1 else None


def granularity_name(seconds: int) -> str:
    """Return the name of a granularity in seconds; raise `InputError` where no granularity has that length."""
    name = NAME_BY_SECONDS.get(seconds)
    if name is None:
        raise InputError(f"no granularity has {seconds} seconds; use one of {', '.join(SECONDS_BY_NAME)}")
    return name
