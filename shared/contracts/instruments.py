"""What is known of OANDA's instruments: how their prices are counted, and the smallest order in each."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from shared.contracts.errors import InputError
from shared.core.types import Instrument

# Decimals of a price, by instrument. A price step (point) is the last of them, and a pip is ten points.
# fmt: off
_FIVE_DECIMALS: Final = (
    "AUD_CAD", "AUD_CHF", "AUD_HKD", "AUD_NZD", "AUD_SGD", "AUD_USD", "CAD_CHF", "CAD_HKD", "CAD_SGD", "CHF_HKD",
    "CHF_ZAR", "EUR_AUD", "EUR_CAD", "EUR_CHF", "EUR_CZK", "EUR_DKK", "EUR_GBP", "EUR_HKD", "EUR_NOK", "EUR_NZD",
    "EUR_PLN", "EUR_SEK", "EUR_SGD", "EUR_TRY", "EUR_USD", "EUR_ZAR", "GBP_AUD", "GBP_CAD", "GBP_CHF", "GBP_HKD",
    "GBP_NZD", "GBP_PLN", "GBP_SGD", "GBP_USD", "GBP_ZAR", "HKD_JPY", "NZD_CAD", "NZD_CHF", "NZD_HKD", "NZD_SGD",
    "NZD_USD", "SGD_CHF", "SGD_HKD", "USD_CAD", "USD_CHF", "USD_CNH", "USD_CZK", "USD_DKK", "USD_HKD", "USD_MXN",
    "USD_NOK", "USD_PLN", "USD_SAR", "USD_SEK", "USD_SGD", "USD_TRY", "USD_ZAR",
    "XAG_AUD", "XAG_CAD", "XAG_CHF", "XAG_EUR", "XAG_GBP", "XAG_HKD", "XAG_JPY", "XAG_NZD", "XAG_SGD", "XAG_USD",
)
_THREE_DECIMALS: Final = (
    "AUD_JPY", "CAD_JPY", "CHF_JPY", "EUR_HUF", "EUR_JPY", "GBP_JPY", "NZD_JPY", "SGD_JPY", "TRY_JPY", "USD_HUF",
    "USD_JPY", "USD_THB", "ZAR_JPY",
    "XAU_AUD", "XAU_CAD", "XAU_CHF", "XAU_EUR", "XAU_GBP", "XAU_HKD", "XAU_JPY", "XAU_NZD", "XAU_SGD", "XAU_USD",
    "XAU_XAG",
)
# fmt: on


def counted(pair: str, digits: int, minimum_units: int = 1) -> Instrument:
    """Return the instrument of a pair written BASE_QUOTE whose prices have so many decimals."""
    base, _, quote = pair.partition("_")
    return Instrument(
        name=pair, base=base, quote=quote, digits=digits, points_per_price=10**digits, minimum_units=minimum_units
    )


LISTED: Final[Mapping[str, Instrument]] = MappingProxyType(
    {**{pair: counted(pair, 5) for pair in _FIVE_DECIMALS}, **{pair: counted(pair, 3) for pair in _THREE_DECIMALS}}
)


def instrument(pair: str) -> Instrument:
    """Return a listed instrument; raise InputError, which says how to add it, for one whose price grid is not known."""
    found = LISTED.get(pair)
    if found is None:
        raise InputError(
            f"the price grid of {pair} is not known: add its pip to the settings, such as "
            f'[instruments.{pair}] pip = "0.0001"'
        )
    return found


def pip_setting(pair: str, digits: int) -> str:
    """Return the line of the settings that says with how many decimals the prices of a pair are counted."""
    return f'[instruments.{pair}] pip = "{Decimal(1).scaleb(1 - digits):f}"'


def require_grid(each: Instrument, digits: int) -> None:
    """Raise InputError where candles have their prices in other points than the instrument."""
    if each.digits != digits:
        raise InputError(
            f"this database holds {each.name} with prices of {digits} decimals, but here they have {each.digits}: go "
            f"on with {pip_setting(each.name, digits)} in the settings, or use another database with --db"
        )
