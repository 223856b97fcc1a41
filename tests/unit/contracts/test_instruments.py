"""How the prices of instruments are counted is data: a list, and what the settings say beside it."""

import pytest

from shared.contracts.errors import InputError
from shared.contracts.instruments import LISTED, instrument, require_grid
from shared.oanda.account import OandaInstrument, unlike_listed


@pytest.mark.parametrize(
    ("pair", "digits"),
    [
        ("EUR_USD", 5),
        ("USD_JPY", 3),
        ("EUR_HUF", 3),
        ("USD_THB", 3),
        ("HKD_JPY", 5),
        ("XAU_USD", 3),
        ("XAU_EUR", 3),
        ("XAG_USD", 5),
    ],
)
def test_price_has_the_decimals_of_its_instrument(pair: str, digits: int) -> None:
    assert (instrument(pair).digits, instrument(pair).points_per_price) == (digits, 10**digits)


def test_list_holds_the_currencies_and_metals_that_oanda_trades() -> None:
    assert len(LISTED) == 91
    assert all(name == f"{each.base}_{each.quote}" for name, each in LISTED.items())
    assert {each.minimum_units for each in LISTED.values()} == {1}


def test_instrument_that_is_not_listed_is_refused_with_the_line_that_adds_it() -> None:
    with pytest.raises(InputError, match=r"grid of NOK_SEK is not known: .*\[instruments\.NOK_SEK\] pip = \"0\.0001\""):
        instrument("NOK_SEK")


def test_candles_in_other_points_are_refused_with_the_line_that_reads_them() -> None:
    require_grid(instrument("XAU_USD"), 3)
    with pytest.raises(InputError, match=r"XAU_USD with prices of 5 decimals.* have 3: .*XAU_USD\] pip = \"0\.0001\""):
        require_grid(instrument("XAU_USD"), 5)


def test_oandas_own_list_is_held_against_ours() -> None:
    gold = instrument("XAU_USD")
    assert unlike_listed(gold, OandaInstrument("XAU_USD", -2, 3, "1")) is None
    assert unlike_listed(gold, OandaInstrument("XAU_USD", -2, 3, "0.1")) is None
    other = unlike_listed(gold, OandaInstrument("XAU_USD", -1, 2, "1"))
    assert other is not None
    assert '[instruments.XAU_USD] pip = "0.1"' in other
    larger = unlike_listed(gold, OandaInstrument("XAU_USD", -2, 3, "10"))
    assert larger is not None
    assert "[instruments.XAU_USD] minimum = 10" in larger
