"""Indicators against TA-Lib, published tables and the table of first values in the trading rules."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import pytest
import talib

from shared.core.columns import Floats
from shared.core.indicators.momentum import RSI_START, rsi_step
from shared.core.indicators.trend import ADX_START, AVERAGE_START, MACD_START, adx_step, ema_step, macd_step
from shared.core.indicators.volatility import BOLLINGER_START, atr_step, bollinger_step, true_range
from shared.core.indicators.volume import VWAP_START, vwap_step
from tests.fixtures.market import random_candles
from tests.material import shared_material

NAN: Final = float("nan")
Values: TypeAlias = Sequence[float] | Floats


class Prices(NamedTuple):
    """High, low and close of a series, as prices."""

    high: Floats
    low: Floats
    close: Floats


def ema(closes: Values, period: int) -> Floats:
    """Return the EMA of all closes."""
    state, found = AVERAGE_START, []
    for close in closes:
        state = ema_step(state, float(close), period)
        found.append(state.value)
    return np.array(found)


def rsi(closes: Values, period: int) -> Floats:
    """Return the RSI of all closes."""
    state, found = RSI_START, []
    for change in [NAN, *np.diff(np.asarray(closes, dtype=float)).tolist()]:
        state = rsi_step(state, change, period)
        found.append(state.value)
    return np.array(found)


def macd(closes: Values) -> tuple[Floats, Floats]:
    """Return MACD(12, 26, 9) and its signal line for all closes."""
    state, found = MACD_START, []
    for close in closes:
        state = macd_step(state, float(close), 12, 26, 9)
        found.append((state.value, state.signal.value))
    value, signal = np.array(found).T
    return value, signal


def bollinger(closes: Values, period: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return upper, middle and lower band and the width for all closes."""
    state, cells, found = BOLLINGER_START, [0.0] * period, []
    for close in closes:
        state = bollinger_step(state, cells, float(close), 2.0)
        found.append((state.upper, state.middle, state.lower, state.width))
    upper, middle, lower, width = np.array(found).T
    return upper, middle, lower, width


def true_ranges(prices: Prices) -> list[float]:
    """Return the true ranges from index 1 on."""
    high, low, close = (column.tolist() for column in prices)
    return [true_range(high[index], low[index], close[index - 1]) for index in range(1, len(close))]


def atr(prices: Prices, period: int) -> Floats:
    """Return the ATR of all bars."""
    state, found = AVERAGE_START, [NAN]
    for each in true_ranges(prices):
        state = atr_step(state, each, period)
        found.append(state.value)
    return np.array(found)


def adx(prices: Prices, period: int) -> tuple[Floats, Floats, Floats]:
    """Return +DI, -DI and ADX of all bars."""
    state, found = ADX_START, [(NAN, NAN, NAN)]
    high, low, _ = (column.tolist() for column in prices)
    for index, each in enumerate(true_ranges(prices), start=1):
        state = adx_step(state, each, high[index] - high[index - 1], low[index - 1] - low[index], period)
        found.append((state.plus, state.minus, state.value))
    plus, minus, value = np.array(found).T
    return plus, minus, value


def random_prices(seed: int, count: int = 1500) -> Prices:
    """Return the middle prices of a random market."""
    candles = random_candles(Random(seed), count)
    return Prices(
        np.array([(each.bid_high + each.ask_high) / 200_000 for each in candles]),
        np.array([(each.bid_low + each.ask_low) / 200_000 for each in candles]),
        np.array([(each.bid_close + each.ask_close) / 200_000 for each in candles]),
    )


def recorded_prices(name: str) -> Prices:
    """Return the middle prices of a recorded candle file of the reference material."""
    path = shared_material("data", name)
    with path.open(encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    middle = [
        np.array([(float(row[f"bid_{field}"]) + float(row[f"ask_{field}"])) / 2 for row in rows])
        for field in ("high", "low", "close")
    ]
    return Prices(*middle)


SOURCES: Final[dict[str, Callable[[], Prices]]] = {
    "random": lambda: random_prices(1),
    "another random": lambda: random_prices(2),
    "EUR_USD M5": lambda: recorded_prices("EUR_USD_M5_2014-05.csv"),
    "NZD_USD M5": lambda: recorded_prices("NZD_USD_M5_2014-05.csv"),
}


@pytest.fixture(params=SOURCES, scope="module")
def prices(request: pytest.FixtureRequest) -> Prices:
    """Return one of the price series."""
    return SOURCES[request.param]()


def test_averages_and_atr_equal_ta_lib_from_their_first_value(prices: Prices) -> None:
    np.testing.assert_allclose(atr(prices, 14), talib.ATR(*prices, 14), rtol=1e-9, atol=1e-12)
    for period in (9, 21):
        np.testing.assert_allclose(ema(prices.close, period), talib.EMA(prices.close, period), rtol=1e-12)


def test_rsi_equals_ta_lib_from_its_first_value(prices: Prices) -> None:
    # TA-Lib calls a market without any change 0, the trading rules call it 50; before the first change only.
    for period in (3, 14):
        np.testing.assert_allclose(rsi(prices.close, period), talib.RSI(prices.close, period), rtol=0, atol=1e-6)


def test_bollinger_bands_equal_ta_lib_from_their_first_value(prices: Prices) -> None:
    upper, middle, lower, width = bollinger(prices.close, 20)
    expected = talib.BBANDS(prices.close, 20, 2.0, 2.0)
    # TA-Lib takes the deviation from running sums of squares, which costs it digits.
    for found, theirs in zip((upper, middle, lower), expected, strict=True):
        np.testing.assert_allclose(found, theirs, rtol=0, atol=1e-6)
    exact = np.array([np.nan] * 19 + [prices.close[at - 19 : at + 1].std() for at in range(19, len(prices.close))])
    np.testing.assert_allclose(upper, middle + 2 * exact, rtol=1e-12)
    np.testing.assert_allclose(lower, middle - 2 * exact, rtol=1e-12)
    np.testing.assert_allclose(width, 4 * exact / middle, rtol=1e-7, atol=1e-15)


def test_adx_and_macd_meet_ta_lib_once_the_seeds_are_forgotten(prices: Prices) -> None:
    plus, minus, value = adx(prices, 14)
    settled = slice(600, None)
    np.testing.assert_allclose(plus[settled], talib.PLUS_DI(*prices, 14)[settled], rtol=1e-7)
    np.testing.assert_allclose(minus[settled], talib.MINUS_DI(*prices, 14)[settled], rtol=1e-7)
    np.testing.assert_allclose(value[settled], talib.ADX(*prices, 14)[settled], rtol=1e-7)
    theirs = talib.MACD(prices.close, 12, 26, 9)
    for found, expected in zip(macd(prices.close), theirs, strict=False):
        np.testing.assert_allclose(found[settled], expected[settled], rtol=0, atol=1e-11)


def first_valid(values: Floats) -> int:
    """Return the index of the first value; every later one must be valid too."""
    valid = ~np.isnan(values)
    first = int(valid.argmax())
    assert valid[first:].all()
    return first


def test_first_values_stand_where_the_trading_rules_say() -> None:
    prices = random_prices(3, 80)
    plus, minus, value = adx(prices, 14)
    macd_line, signal = macd(prices.close)
    found = {
        "ATR": atr(prices, 14),
        "+DI": plus,
        "-DI": minus,
        "ADX": value,
        "RSI": rsi(prices.close, 3),
        "EMA 9": ema(prices.close, 9),
        "EMA 21": ema(prices.close, 21),
        "MACD": macd_line,
        "MACD signal": signal,
        "bands": bollinger(prices.close, 20)[0],
        "width": bollinger(prices.close, 20)[3],
    }
    assert {name: first_valid(values) for name, values in found.items()} == {
        "ATR": 14,
        "+DI": 14,
        "-DI": 14,
        "ADX": 27,
        "RSI": 3,
        "EMA 9": 8,
        "EMA 21": 20,
        "MACD": 25,
        "MACD signal": 33,
        "bands": 19,
        "width": 19,
    }


def test_seeds_are_plain_means() -> None:
    prices = random_prices(4, 40)
    assert ema(prices.close, 9)[8] == pytest.approx(prices.close[:9].mean(), rel=1e-15)
    assert atr(prices, 14)[14] == pytest.approx(np.mean(true_ranges(prices)[:14]), rel=1e-14)
    macd_line, signal = macd(prices.close)
    assert signal[33] == pytest.approx(macd_line[25:34].mean(), rel=1e-12)


def test_true_range_reaches_over_a_gap() -> None:
    assert true_range(1.5, 1.25, 1.375) == 0.25
    assert true_range(1.5, 1.25, 1.0) == 0.5
    assert true_range(1.5, 1.25, 2.0) == 0.75


def test_rsi_without_losses_is_100_and_without_any_change_50() -> None:
    assert rsi([1.0, 1.1, 1.2, 1.2, 1.3], 3)[3:].tolist() == [100.0, 100.0]
    assert rsi([1.3, 1.2, 1.1, 1.0, 0.9], 3)[3:].tolist() == [0.0, 0.0]
    assert rsi([1.0] * 6, 3)[3:].tolist() == [50.0, 50.0, 50.0]


def test_adx_of_a_market_that_does_not_move_is_0() -> None:
    flat = np.full(40, 1.1)
    plus, minus, value = adx(Prices(flat, flat, flat), 14)
    assert set(plus[14:]) | set(minus[14:]) | set(value[27:]) == {0.0}


def test_adx_of_a_market_that_only_rises_is_100() -> None:
    rising = 1.0 + np.arange(40) / 64
    plus, minus, value = adx(Prices(rising + 0.25, rising - 0.25, rising), 14)
    assert set(minus[14:]) == {0.0}
    assert value[27:] == pytest.approx(100.0)
    assert (plus[14:] > 0.0).all()


def test_inside_bar_moves_in_no_direction_and_an_outside_bar_in_the_wider_one() -> None:
    inside = adx_step(ADX_START, 1.0, -0.25, -0.25, 14)
    outside_up = adx_step(ADX_START, 1.0, 0.5, 0.25, 14)
    even = adx_step(ADX_START, 1.0, 0.5, 0.5, 14)
    assert (inside.plus_movement, inside.minus_movement) == (0.0, 0.0)
    assert (outside_up.plus_movement, outside_up.minus_movement) == (0.5, 0.0)
    assert (even.plus_movement, even.minus_movement) == (0.0, 0.0)


def vwap(rows: Sequence[tuple[float, float, float, float, int]]) -> list[float]:
    """Return VWAP of bars given as high, low, close, volume and trading day."""
    state, found = VWAP_START, []
    for row in rows:
        state = vwap_step(state, *row)
        found.append(state.value)
    return found


def test_vwap_weighs_typical_prices_by_volume_from_the_first_bar_of_each_trading_day() -> None:
    rows = [(3.0, 1.0, 2.0, 1.0, 7), (6.0, 4.0, 5.0, 3.0, 7), (9.0, 7.0, 8.0, 5.0, 8), (9.0, 7.0, 5.0, 5.0, 8)]
    assert vwap(rows) == [2.0, (2.0 + 15.0) / 4.0, 8.0, 7.5]


def test_vwap_is_not_valid_until_the_day_has_volume() -> None:
    found = vwap([(1.0, 1.0, 1.0, 5.0, 1), (2.0, 2.0, 2.0, 0.0, 2), (4.0, 4.0, 4.0, 2.0, 2), (8.0, 8.0, 8.0, 0.0, 2)])
    assert np.isnan(found[1])
    assert [found[0], *found[2:]] == [1.0, 4.0, 4.0]


def table(name: str) -> dict[str, Floats]:
    """Return the columns of a published table; empty cells and text are NaN."""
    with shared_material("indicators", name).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    def number(text: str | None) -> float:
        return float(text) if text and "/" not in text and text.count("-") < 2 else NAN

    return {column: np.array([number(row[column]) for row in rows]) for column in rows[0]}


def spy_prices(columns: dict[str, Floats]) -> Prices:
    """Return the prices of a published table."""
    return Prices(columns["High"], columns["Low"], columns["Close"])


def assert_equals_table(found: Floats, expected: Floats, first: int, error: float) -> None:
    """Compare with a published column from its first figure on, within half of its last digit."""
    assert first_valid(expected) == first
    assert float(np.abs(found - expected)[first:].max()) <= error


def test_directional_movement_equals_the_published_sheet() -> None:
    columns = table("spy_with_adx.txt")
    plus, minus, value = adx(spy_prices(columns), 14)
    assert_equals_table(plus, columns["+DI14"], 14, 5e-5)
    assert_equals_table(minus, columns["-DI14"], 14, 5e-5)
    assert_equals_table(value, columns["ADX 14"], 27, 5e-5)


def test_bollinger_bands_equal_the_published_sheet() -> None:
    columns = table("spy_bollinger_bands.txt")
    _, middle, _, width = bollinger(columns["Close"], 20)
    upper, _, lower, _ = bollinger(columns["Close"], 20)
    names = list(columns)
    assert_equals_table(middle, columns[names[5]], 19, 1e-12)
    # The sheet rounds the deviation to four digits before doubling it.
    assert_equals_table(upper, columns[names[6]], 19, 1.5e-4)
    assert_equals_table(lower, columns[names[7]], 19, 1.5e-4)
    assert_equals_table(width * 100.0, columns[names[8]], 19, 2e-4)


def test_wilder_rsi_equals_the_published_sheet() -> None:
    columns = table("spy_with_indicators.txt")
    assert_equals_table(rsi(columns["Close"], 14), columns["RSI 14 Wilder"], 14, 5.01e-6)


def test_atr_meets_a_published_sheet_that_seeds_itself_otherwise() -> None:
    columns = table("spy_atr_wilder.txt")
    found, expected = atr(spy_prices(columns), 14), columns["Average True Range 14"]
    assert first_valid(expected) == 13
    assert abs(found[14] - expected[14]) > 0.01
    assert float(np.abs(found - expected)[200:].max()) <= 5.01e-6


def test_macd_equals_the_published_sheet_which_starts_after_its_seed_is_forgotten() -> None:
    columns = table("spy_with_macd.txt")
    value, signal = macd(columns["Close"])
    assert_equals_table(value, columns["MACD"], 179, 1e-5)
    assert_equals_table(signal, columns["Signal"], 179, 1e-5)


def published_readings(path: Path) -> tuple[dict[str, Floats], dict[str, dict[str, float]]]:
    """Return the input columns and, by indicator, the expected figure at each place such as `ind[-1].adx`."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    columns = {name: np.array(values) for name, values in content["input_ohlcv"].items()}
    expected = {
        name: {row["at"]: float(row["value"]) for row in entry["expected"]}
        for name, entry in content["indicators"].items()
    }
    return columns, expected


def placed(fields: dict[str, Values], places: Sequence[int] = (-3, -2, -1)) -> dict[str, float]:
    """Return the figures at some places under the names of the published readings; an empty field is the value."""
    return {
        f"ind[{place}]" + (f".{name}" if name else ""): float(values[place])
        for place in places
        for name, values in fields.items()
    }


def test_last_readings_equal_the_published_ones() -> None:
    columns, expected = published_readings(shared_material("indicators", "talipp_expected.json"))
    prices = spy_prices({name.title(): values for name, values in columns.items()})
    _, _, value = adx(prices, 14)
    upper, middle, lower, _ = bollinger(prices.close, 5)
    macd_line, signal = macd(prices.close)
    bars = zip(*(column.tolist() for column in (*prices, columns["volume"])), strict=True)
    found = {
        "ADX": placed({"adx": value}),
        "ATR": placed({"": atr(prices, 5)}),
        "BB": placed({"lb": lower, "cb": middle, "ub": upper}),
        "EMA": placed({"": ema(prices.close, 20)}),
        "MACD": placed({"macd": macd_line, "signal": signal, "histogram": macd_line - signal}),
        "RSI": placed({"": rsi(prices.close, 20)}),
        "VWAP": placed({"": vwap([(*each, 1) for each in bars])}, (0, 1, 2, -3, -2, -1)),
    }
    # The published DI take bar 0 into their true range, so only their quotient, ADX, can be compared.
    published = {name: {at: expected[name][at] for at in readings} for name, readings in found.items()}
    for name, readings in found.items():
        assert readings == pytest.approx(published[name], rel=0, abs=1e-5), name


def test_macd_stands_once_both_of_its_averages_do_whichever_is_longer() -> None:
    for fast, slow in ((2, 4), (4, 2), (3, 3)):
        state, standing = MACD_START, []
        for price in (1.0, 2.0, 3.0, 4.0, 5.0):
            state = macd_step(state, price, fast, slow, 2)
            standing.append(not np.isnan(state.value))
        assert standing.index(True) == max(fast, slow) - 1
