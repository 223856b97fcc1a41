"""How a candle closes a position on paper, for both sides, and what the close books."""

from typing import NamedTuple

import pytest

from shared.core.account import account_start
from shared.core.books import Books, PairTable, TradeLog, conversion_rate, empty_books, empty_trade_log
from shared.core.risk import Rate, profit_quanta
from shared.core.types import (
    BUY,
    NO_SIDE,
    OPERATOR_CLOSE,
    SELL,
    STILL_OPEN,
    STOP_LOSS,
    TAKE_PROFIT,
    Candle,
    Side,
    list_of_floats,
    list_of_integers,
)
from shared.core.venue import (
    ExitFill,
    close_all,
    close_position,
    open_notional,
    revalued,
    slipped,
    unrealised_quanta,
    venue_exit,
)
from tests.fixtures.market import M5, TUESDAY, account_params, candle, closed_trades, plain_pair_table

DECISION = TUESDAY + M5
SPREAD = 10


class Prices(NamedTuple):
    """Open, high, low and close on the side that is watched."""

    opening: int
    high: int
    low: int
    close: int


def watched(side: Side, prices: Prices) -> Candle:
    """Return a candle with these prices on the side that a position of `side` is watched on."""
    shift = 0 if side == BUY else -SPREAD
    return candle(TUESDAY, *(price + shift for price in prices), spread=SPREAD)


def mirrored(prices: Prices, axis: int) -> Prices:
    """Return the prices mirrored about an axis: what rises falls."""
    opening, high, low, close = (2 * axis - price for price in prices)
    return Prices(opening, low, high, close)


def leave(side: Side, prices: Prices, *, optimistic: bool = False) -> ExitFill:
    """Return the exit of a position with its stop 100 points below 1.10000 and its target 200 above.

    For a short position all is mirrored, so each case is told once, as of a long one.
    """
    if side == BUY:
        return venue_exit(BUY, 109_900, 110_200, watched(BUY, prices), DECISION, optimistic)
    seen = watched(SELL, mirrored(prices, 110_000))
    found = venue_exit(SELL, 110_100, 109_800, seen, DECISION, optimistic)
    return found._replace(price=220_000 - found.price) if found.reason else found


both_sides = pytest.mark.parametrize("side", [BUY, SELL])


@both_sides
@pytest.mark.parametrize("opening", [109_900, 109_899, 109_000])
def test_opening_at_or_beyond_the_stop_exits_at_the_opening(side: Side, opening: int) -> None:
    found = leave(side, Prices(opening, 110_300, 108_000, 110_000))
    assert found == ExitFill(STOP_LOSS, opening, TUESDAY, False, 0, SPREAD)


@both_sides
@pytest.mark.parametrize("opening", [110_200, 110_201, 111_000])
def test_opening_at_or_beyond_the_target_exits_at_the_opening(side: Side, opening: int) -> None:
    found = leave(side, Prices(opening, 112_000, 109_000, 110_000))
    assert found == ExitFill(TAKE_PROFIT, opening, TUESDAY, False, 0, SPREAD)


@both_sides
def test_stop_and_target_in_one_candle_is_ambiguous_and_goes_as_chosen(side: Side) -> None:
    both = Prices(110_000, 110_200, 109_900, 110_000)
    assert leave(side, both) == ExitFill(STOP_LOSS, 109_900, DECISION, True, 0, SPREAD)
    assert leave(side, both, optimistic=True) == ExitFill(TAKE_PROFIT, 110_200, DECISION, True, 0, SPREAD)


@both_sides
@pytest.mark.parametrize("optimistic", [False, True])
def test_gap_through_the_stop_is_not_ambiguous_though_the_target_is_met_later(side: Side, optimistic: bool) -> None:
    found = leave(side, Prices(109_800, 110_500, 109_700, 110_000), optimistic=optimistic)
    assert (found.reason, found.price, found.ambiguous) == (STOP_LOSS, 109_800, False)


@both_sides
@pytest.mark.parametrize("optimistic", [False, True])
@pytest.mark.parametrize("low", [109_900, 109_899, 109_000])
def test_stop_inside_the_candle_exits_at_the_stop(side: Side, low: int, optimistic: bool) -> None:
    found = leave(side, Prices(110_000, 110_199, low, 110_000), optimistic=optimistic)
    assert found == ExitFill(STOP_LOSS, 109_900, DECISION, False, 0, SPREAD)


@both_sides
@pytest.mark.parametrize("optimistic", [False, True])
@pytest.mark.parametrize("high", [110_200, 110_201, 111_000])
def test_target_inside_the_candle_exits_at_the_target(side: Side, high: int, optimistic: bool) -> None:
    found = leave(side, Prices(110_000, high, 109_901, 110_000), optimistic=optimistic)
    assert found == ExitFill(TAKE_PROFIT, 110_200, DECISION, False, 0, SPREAD)


@both_sides
def test_one_point_short_of_both_stays_open(side: Side) -> None:
    assert leave(side, Prices(110_000, 110_199, 109_901, 110_000)).reason == STILL_OPEN


def test_long_is_watched_on_bid_and_short_on_ask() -> None:
    wide = candle(TUESDAY, 110_000, 110_050, 109_950, spread=60)
    # Ask reaches down to 1.10010 and up to 1.10110; bid down to 1.09950 and up to 1.10050.
    assert venue_exit(BUY, 109_900, 110_110, wide, DECISION, False).reason == STILL_OPEN
    assert venue_exit(BUY, 109_950, 110_110, wide, DECISION, False).reason == STOP_LOSS
    assert venue_exit(SELL, 110_111, 110_009, wide, DECISION, False).reason == STILL_OPEN
    assert venue_exit(SELL, 110_111, 110_010, wide, DECISION, False).reason == TAKE_PROFIT
    assert venue_exit(SELL, 110_110, 109_000, wide, DECISION, False).reason == STOP_LOSS


@pytest.mark.parametrize(("side", "price"), [(BUY, 109_897), (SELL, 109_903)])
def test_slippage_moves_an_exit_against_the_position(side: Side, price: int) -> None:
    assert slipped(ExitFill(STOP_LOSS, 109_900, DECISION, True, 0, 10), side, 3) == ExitFill(
        STOP_LOSS, price, DECISION, True, 3, 10
    )


class Ledger(NamedTuple):
    """Books, log and table of a few pairs."""

    books: Books
    log: TradeLog
    table: PairTable
    pairs: tuple[str, ...]


def ledger(*pairs: str, currency: str = "USD", rates: dict[str, tuple[int, int]] | None = None) -> Ledger:
    """Return an empty ledger of these pairs."""
    books = empty_books(len(pairs), list_of_integers, list_of_floats)
    return Ledger(books, empty_trade_log(9, list_of_integers), plain_pair_table(pairs, currency, rates), pairs)


def hold(kept: Ledger, pair: int, side: Side, units: int, entry: int, bid: int, ask: int) -> None:
    """Put an open position and the last closes into the books."""
    books = kept.books
    books.side[pair], books.units[pair], books.entry_price[pair] = side, units, entry
    books.bid_close[pair], books.ask_close[pair] = bid, ask


@pytest.mark.parametrize(("side", "price", "profit"), [(BUY, 110_050, 500_000), (SELL, 110_050, -500_000)])
def test_close_books_the_profit_and_clears_the_pair(side: Side, price: int, profit: int) -> None:
    kept = ledger("EUR_USD")
    hold(kept, 0, side, 100_000, 110_000, 110_000, 110_010)
    state = account_start(account_params())._replace(open_positions=1)
    after = close_position(state, kept.books, kept.log, kept.table, 0, ExitFill(STOP_LOSS, price, 7, True, 0, 10))
    assert after.balance == state.balance + profit
    assert (after.open_positions, after.closed_trades) == (0, 1)
    assert kept.books.side[0] == NO_SIDE
    trade = closed_trades(kept.pairs, kept.log, 1)[0]
    assert (trade.exit_price, trade.exit_time, trade.exit_reason, trade.profit, trade.ambiguous) == (
        price,
        7,
        "stop_loss",
        profit,
        True,
    )


def test_close_pays_half_the_spread_at_each_fill_and_the_slippage_of_both() -> None:
    kept = ledger("EUR_USD")
    hold(kept, 0, BUY, 10_000, 110_010, 110_000, 110_013)
    kept.books.entry_spread[0], kept.books.entry_slippage[0] = 10, 2
    state = account_start(account_params())._replace(open_positions=1)
    close_position(state, kept.books, kept.log, kept.table, 0, ExitFill(STOP_LOSS, 109_990, 7, False, 1, 13))
    # 11.5 points and 3 points on 10,000 units.
    assert kept.log.spread_cost[0] == 11_500
    assert kept.log.slippage_cost[0] == 3_000


def test_profit_in_yen_is_converted_at_the_pairs_own_mid_close() -> None:
    kept = ledger("USD_JPY")
    hold(kept, 0, BUY, 1_000, 110_000, 109_990, 110_010)
    state = account_start(account_params())._replace(open_positions=1)
    after = close_position(state, kept.books, kept.log, kept.table, 0, ExitFill(TAKE_PROFIT, 110_110, 7, False, 0, 20))
    # 0.110 yen on 1,000 units are 110 yen, at 110.000 yen to the dollar 1 dollar.
    assert after.balance - state.balance == 10_000


def test_unrealised_profit_takes_bid_for_long_and_ask_for_short() -> None:
    kept = ledger("EUR_USD", "GBP_USD")
    hold(kept, 0, BUY, 10_000, 110_000, 110_020, 110_030)
    hold(kept, 1, SELL, 10_000, 130_000, 130_020, 130_030)
    assert unrealised_quanta(kept.books, kept.table, 0) == 20_000
    assert unrealised_quanta(kept.books, kept.table, 1) == -30_000
    state = account_start(account_params())._replace(open_positions=2)
    assert revalued(state, kept.books, kept.table).equity == state.balance - 10_000


def test_close_all_takes_the_last_closes() -> None:
    kept = ledger("EUR_USD", "GBP_USD", "NZD_USD")
    hold(kept, 0, BUY, 10_000, 110_000, 110_020, 110_030)
    hold(kept, 2, SELL, 10_000, 86_000, 86_020, 86_030)
    state = account_start(account_params())._replace(open_positions=2)
    expected = revalued(state, kept.books, kept.table).equity
    after = close_all(state, kept.books, kept.log, kept.table, 99, OPERATOR_CLOSE)
    assert (after.balance, after.open_positions) == (expected, 0)
    trades = closed_trades(kept.pairs, kept.log, after.closed_trades)
    assert [(trade.pair, trade.exit_price, trade.exit_time, trade.exit_reason) for trade in trades] == [
        ("EUR_USD", 110_020, 99, "operator_close"),
        ("NZD_USD", 86_030, 99, "operator_close"),
    ]


def test_open_notional_is_units_times_entry_price_at_current_rates() -> None:
    kept = ledger("EUR_USD", "USD_JPY")
    hold(kept, 0, BUY, 10_000, 110_000, 111_000, 111_010)
    hold(kept, 1, SELL, 5_000, 100_000, 125_000, 125_000)
    assert open_notional(kept.books, kept.table) == pytest.approx(11_000.0 + 5_000 * 100.0 / 125.0)


@pytest.mark.parametrize(
    ("pair", "others", "currency", "rates", "expected"),
    [
        ("EUR_USD", (), "USD", {}, Rate(1, 1)),
        ("USD_JPY", (), "USD", {}, Rate(2_000, 220_010)),
        ("EUR_GBP", ("GBP_USD",), "USD", {}, Rate(220_010, 200_000)),
        ("EUR_USD", (), "EUR", {}, Rate(200_000, 220_010)),
        ("GBP_USD", ("EUR_USD",), "EUR", {}, Rate(200_000, 220_010)),
        ("EUR_GBP", (), "USD", {"GBP_USD": (13, 10)}, Rate(13, 10)),
        ("EUR_GBP", (), "USD", {"USD_GBP": (10, 13)}, Rate(13, 10)),
        ("EUR_GBP", ("GBP_USD",), "USD", {"GBP_USD": (13, 10)}, Rate(220_010, 200_000)),
        ("EUR_GBP", (), "USD", {}, Rate(0, 0)),
        ("EUR_GBP", ("EUR_USD",), "USD", {"GBP_CHF": (2, 1)}, Rate(0, 0)),
    ],
)
def test_conversion_takes_a_candle_of_either_direction_before_a_static_rate(
    pair: str, others: tuple[str, ...], currency: str, rates: dict[str, tuple[int, int]], expected: Rate
) -> None:
    kept = ledger(pair, *others, currency=currency, rates=rates)
    for place in range(len(kept.pairs)):
        kept.books.bid_close[place], kept.books.ask_close[place] = 110_000, 110_010
    assert conversion_rate(kept.table, kept.books, 0) == expected


def test_conversion_falls_back_on_the_static_rate_until_a_candle_is_known() -> None:
    kept = ledger("EUR_GBP", "GBP_USD", rates={"GBP_USD": (13, 10)})
    assert conversion_rate(kept.table, kept.books, 0) == Rate(13, 10)
    kept.books.bid_close[1], kept.books.ask_close[1] = 140_000, 140_000
    assert conversion_rate(kept.table, kept.books, 0) == Rate(280_000, 200_000)


def test_profit_on_half_a_quantum_goes_to_the_even_neighbour() -> None:
    halves = [profit_quanta(points, 1, 100_000, Rate(1, 2)) for points in (10, 30, -10, -30)]
    assert halves == [0, 2, 0, -2]
    assert [profit_quanta(points, 1, 100_000, Rate(1, 1)) for points in (5, 15, 25, -5, -15)] == [0, 2, 2, 0, -2]
