"""The currency pairs that can be traded, and how their names are read."""

import re
from typing import Final

from shared.contracts.errors import InputError

# Within a longer name every place is tried, so that OANDA_EUR_USD is not taken for NDA_EUR.
_PAIRS: Final = re.compile(r"(?=([A-Z]{3}_[A-Z]{3}))")
_LOOSE_PAIRS: Final = re.compile(r"(?=([A-Z]{3})[-_/. ]?([A-Z]{3}))")
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
        if text.upper() in CURRENCIES:
            raise InputError(f"'{text}' is not a known currency: write it in capitals, {text.upper()}")
        raise InputError(f"'{text}' is not a known currency: use one of {', '.join(sorted(CURRENCIES))}")
    return text


def pair_in_name(name: str) -> str | None:
    """Return the first pair in the name of a file, such as EUR_USD, or None without any."""
    for base, quote in (found.split("_") for found in _PAIRS.findall(name)):
        if _are_pair(base, quote):
            return f"{base}_{quote}"
    return None


def pair_meant(text: str) -> str | None:
    """Return the first pair in a text that may be written in another way, such as eurusd or EUR/USD, else None."""
    for base, quote in _LOOSE_PAIRS.findall(text.upper()):
        if _are_pair(base, quote):
            return f"{base}_{quote}"
    return None


def _are_pair(base: str, quote: str) -> bool:
    return base in CURRENCIES and quote in CURRENCIES and base != quote


def parse_pair(text: str) -> str:
    """Return a pair written BASE_QUOTE, such as EUR_USD; raise InputError for anything else."""
    base, separator, quote = text.partition("_")
    if _are_pair(base, quote):
        return text
    meant = pair_meant(text)
    if meant is not None and len(text.strip()) <= len(meant):
        how = f"in capitals, {meant}" if text.upper() == meant else meant
        raise InputError(f"'{text}' is not a pair: write it {how}")
    if not separator or not base or not quote:
        raise InputError(f"'{text}' is not a pair: write base and quote joined by an underscore, such as EUR_USD")
    for currency in (base, quote):
        if currency not in CURRENCIES:
            raise InputError(
                f"'{text}' is not a pair: '{currency}' is not one of the currencies {', '.join(sorted(CURRENCIES))}"
            )
    raise InputError(f"'{text}' is not a pair: base and quote must be two different currencies")


def known_pair(text: str | None) -> str | None:
    """Return the name of a pair that may be given; raise InputError when it is not a pair."""
    return None if text is None else parse_pair(text)


def parse_pairs(text: str) -> list[str]:
    """Return the names of pairs written A,B in order, each once; raise InputError when one is not a pair."""
    return sorted({parse_pair(name.strip()) for name in text.split(",") if name.strip()})
