"""The currency pairs that can be traded, and how their names are read."""

import re
from typing import Final

from shared.contracts.errors import InputError
from shared.core.types import Instrument, instrument

_PAIR: Final = re.compile(r"[A-Z]{3}_[A-Z]{3}")
# fmt: off
CURRENCIES: Final = frozenset({
    "AUD", "CAD", "CHF", "CNH", "CZK", "DKK", "EUR", "GBP", "HKD",
    "HUF", "INR", "JPY", "MXN", "NOK", "NZD", "PLN", "SAR", "SEK",
    "SGD", "THB", "TRY", "TWD", "USD", "ZAR", "XAG", "XAU",
})
# fmt: on


def parse_currency(text: str) -> str:
    """Return a currency's code as it is written; raise InputError unless OANDA trades it."""
    if text not in CURRENCIES:
        raise InputError(f"'{text}' is not a known currency: use one of {', '.join(sorted(CURRENCIES))}")
    return text


def pair_in_name(name: str) -> str | None:
    """Return what looks like a pair in the name of a file, such as EUR_USD."""
    found = _PAIR.search(name)
    return None if found is None else found[0]


def parse_pair(text: str) -> Instrument:
    """Return the instrument of a pair written BASE_QUOTE, such as EUR_USD; raise InputError for anything else."""
    base, separator, quote = text.partition("_")
    if not separator or not base or not quote:
        raise InputError(f"'{text}' is not a pair: write base and quote joined by an underscore, such as EUR_USD")
    for currency in (base, quote):
        if currency not in CURRENCIES:
            raise InputError(
                f"'{text}' is not a pair: '{currency}' is not one of the currencies {', '.join(sorted(CURRENCIES))}"
            )
    if base == quote:
        raise InputError(f"'{text}' is not a pair: base and quote must be two different currencies")
    return instrument(text)


def known_pair(text: str | None) -> str | None:
    """Return the name of a pair that may be given; raise InputError when it is not a pair."""
    return None if text is None else parse_pair(text).name


def parse_pairs(text: str) -> list[str]:
    """Return the names of pairs written A,B in order, each once; raise InputError when one is not a pair."""
    return sorted({parse_pair(name.strip()).name for name in text.split(",") if name.strip()})
