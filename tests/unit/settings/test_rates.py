"""A pair whose profit cannot be converted is named, with the rate that is missing and where to give it."""

from decimal import Decimal

import pytest

from shared.settings.rates import rate_notes
from shared.settings.settings import Settings


def settings_with(**rates: str) -> Settings:
    """Return settings with fixed rates."""
    return Settings(rates={pair: Decimal(rate) for pair, rate in rates.items()})


def test_missing_rate_is_named_with_the_settings_that_give_it() -> None:
    (sentence,) = rate_notes(settings_with(), ["EUR_GBP", "EUR_USD"])
    assert sentence == (
        "No rate converts GBP to the account's USD, so every order in EUR_GBP is refused (no_conversion_rate): trade "
        "GBP_USD beside it, or give its price under [rates] in the settings: GBP_USD = ..."
    )


def test_rate_is_called_as_it_is_traded() -> None:
    (sentence,) = rate_notes(settings_with(), ["EUR_JPY"])
    assert sentence.endswith("USD_JPY = ...")


def test_orders_that_were_refused_are_counted() -> None:
    (sentence,) = rate_notes(settings_with(), ["EUR_GBP"], {"EUR_GBP": 1_234})
    assert "so 1,234 orders in EUR_GBP were refused (no_conversion_rate)" in sentence


@pytest.mark.parametrize(
    ("pairs", "rates"),
    [
        (["EUR_GBP", "GBP_USD"], {}),
        (["USD_JPY", "EUR_USD"], {}),
        (["EUR_GBP"], {"GBP_USD": "1.27"}),
        (["EUR_GBP"], {"USD_GBP": "0.79"}),
        (["EUR_JPY", "USD_JPY"], {}),
    ],
)
def test_nothing_is_said_where_a_rate_is_known(pairs: list[str], rates: dict[str, str]) -> None:
    assert rate_notes(settings_with(**rates), pairs) == []


def test_orders_before_the_first_candle_of_the_pair_that_converts_are_explained() -> None:
    (sentence,) = rate_notes(settings_with(), ["EUR_GBP", "GBP_USD"], {"EUR_GBP": 1})
    assert sentence.startswith("1 order in EUR_GBP was refused (no_conversion_rate), because no rate converts GBP to ")
    assert sentence.endswith("under [rates] in the settings: GBP_USD = ...")
