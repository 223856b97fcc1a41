"""The account: days, halts, limits, fills and the stops of a position."""

from fractions import Fraction

import pytest

from shared.core.account import Conditions
from shared.core.risk import ENTRY_LEG, EXIT_LEG, slippage_points
from shared.core.types import (
    BUY,
    DAILY_LOSS_HALT,
    GATE_DAILY_LOSS,
    GATE_OPEN_POSITION,
    GATE_SESSION,
    GATE_SIGNAL,
    HOLD,
    HOLD_BIT,
    MAX_OPEN_POSITIONS,
    NO_CONVERSION_RATE,
    NO_SIDE,
    NO_SIGNAL,
    OPERATOR_CLOSE,
    PASSED,
    POSITION_OPEN,
    SECONDS_PER_DAY,
    SELL,
    SESSION_CLOSED,
    SIZE_BELOW_MINIMUM,
    STATE_RANGING,
    STOP_INSIDE_SPREAD,
    Assessment,
    Candle,
    Side,
)
from tests.fixtures.market import M5, TUESDAY, Desk, account_params, assessment, candle, risk_params

EUR = "EUR_USD"
BUYING, SELLING = assessment(BUY), assessment(SELL)
HELD = Conditions(HOLD, 0, 0)
# A halt needs a loss of 300 on 10,000.
TEN_THOUSAND = 100_000_000


def later(index: int, opening: int = 110_000, *prices: int, spread: int = 10) -> Candle:
    """Return the candle `index` places after the first one."""
    return candle(TUESDAY + index * M5, opening, *prices, spread=spread)


def failing(*gates: int) -> int:
    """Return the mask of some failed gates."""
    return sum(1 << (gate - 1) for gate in gates)


def test_entry_fills_at_the_close_of_the_deciding_candle() -> None:
    desk = Desk(EUR)
    outcome = desk.step(EUR, later(0, 109_900, 110_100, 109_800, 110_000), BUYING)
    assert (outcome.reason, outcome.opened, outcome.failed) == (PASSED, True, 0)
    books = desk.books
    assert (books.side[0], books.entry_price[0], books.stop_loss[0], books.take_profit[0]) == (
        BUY,
        110_010,
        109_860,
        110_310,
    )
    assert books.entry_time[0] == TUESDAY + M5
    assert desk.state.open_positions == 1


def test_entry_costs_the_spread_at_once() -> None:
    desk = Desk(EUR)
    outcome = desk.step(EUR, later(0), BUYING)
    assert outcome.equity == TEN_THOUSAND
    assert desk.state.balance == TEN_THOUSAND
    assert desk.state.equity == TEN_THOUSAND - desk.books.units[0] * 10 // 10


def test_entry_candle_cannot_close_its_own_position() -> None:
    desk = Desk(EUR)
    desk.step(EUR, later(0, 110_000, 119_000, 100_000), BUYING)
    assert (desk.trades, desk.state.open_positions) == ([], 1)
    desk.step(EUR, later(1, 110_000, 110_050, 109_860))
    assert [(trade.exit_reason, trade.exit_price) for trade in desk.trades] == [("stop_loss", 109_860)]


def test_pair_can_be_entered_again_by_the_candle_that_closed_it() -> None:
    desk = Desk(EUR)
    desk.step(EUR, later(0), BUYING)
    outcome = desk.step(EUR, later(1, 110_000, 110_310, 110_000, 110_300), SELLING)
    assert outcome.opened
    assert [trade.exit_reason for trade in desk.trades] == ["take_profit"]
    assert desk.open_side(EUR) == SELL


def test_opposite_signal_does_not_close_a_position() -> None:
    desk = Desk(EUR)
    desk.step(EUR, later(0), BUYING)
    outcome = desk.step(EUR, later(1), SELLING)
    assert (outcome.reason, desk.open_side(EUR)) == (POSITION_OPEN, BUY)
    assert outcome.failed == failing(GATE_OPEN_POSITION)


def test_fourth_position_is_one_too_many() -> None:
    pairs = ("AUD_USD", "EUR_USD", "GBP_USD", "NZD_USD")
    desk = Desk(*pairs)
    wide = assessment(BUY, atr=0.01)
    reasons = [desk.step(pair, later(0), wide).reason for pair in pairs]
    assert reasons == [PASSED, PASSED, PASSED, MAX_OPEN_POSITIONS]
    assert desk.step("AUD_USD", later(1), wide).reason == POSITION_OPEN
    assert desk.state.open_positions == 3


@pytest.mark.parametrize(
    ("judged", "reason", "failed"),
    [
        (assessment(), NO_SIGNAL, failing(GATE_SIGNAL)),
        (assessment(BUY, session=SESSION_CLOSED), SESSION_CLOSED, failing(GATE_SESSION)),
        (assessment(session=SESSION_CLOSED), SESSION_CLOSED, failing(GATE_SESSION, GATE_SIGNAL)),
        (assessment(BUY, market_state_verdict=STATE_RANGING), STATE_RANGING, failing(6)),
    ],
)
def test_failed_gates_of_the_market_forbid_an_entry(judged: Assessment, reason: int, failed: int) -> None:
    desk = Desk(EUR)
    outcome = desk.step(EUR, later(0), judged)
    assert (outcome.reason, outcome.failed, outcome.opened) == (reason, failed, False)
    assert desk.open_side(EUR) == NO_SIDE


def test_hold_ranks_before_the_gates_which_are_recorded_all_the_same() -> None:
    desk = Desk(EUR)
    passed = desk.step(EUR, later(0), BUYING, conditions=HELD)
    assert (passed.reason, passed.failed, passed.opened) == (HOLD, HOLD_BIT, False)
    failed = desk.step(EUR, later(1), assessment(BUY, session=SESSION_CLOSED), conditions=HELD)
    assert (failed.reason, failed.failed) == (HOLD, HOLD_BIT | failing(GATE_SESSION))


def test_entry_is_filled_at_the_quote_that_is_given() -> None:
    desk = Desk(EUR)
    desk.step(EUR, later(0), BUYING, conditions=Conditions(PASSED, 110_020, 110_034))
    books = desk.books
    assert (books.entry_price[0], books.stop_loss[0], books.take_profit[0]) == (110_034, 109_884, 110_334)
    assert books.entry_spread[0] == 14


@pytest.mark.parametrize(
    ("judged", "bid", "ask", "reason", "price"),
    [
        (BUYING, 109_860, 109_870, "stop_loss", 109_860),
        (BUYING, 109_000, 109_870, "stop_loss", 109_000),
        (BUYING, 110_400, 110_410, "take_profit", 110_400),
        (BUYING, 109_861, 109_862, None, 0),
        (SELLING, 110_140, 110_150, "stop_loss", 110_150),
        (SELLING, 109_600, 109_650, "take_profit", 109_650),
        (SELLING, 109_650, 109_750, None, 0),
    ],
)
def test_quote_closes_a_position_at_itself(
    judged: Assessment, bid: int, ask: int, reason: str | None, price: int
) -> None:
    desk = Desk(EUR)
    desk.step(EUR, later(0), judged)
    desk.quote(EUR, bid, ask, TUESDAY + M5 + 7)
    found = [(trade.exit_reason, trade.exit_price, trade.exit_time) for trade in desk.trades]
    assert found == ([] if reason is None else [(reason, price, TUESDAY + M5 + 7)])
    assert desk.state.open_positions == len(found) ^ 1
    if found:
        assert desk.state.equity == desk.state.balance == TEN_THOUSAND + desk.trades[0].profit


@pytest.mark.parametrize(("judged", "price"), [(BUYING, 110_020), (SELLING, 110_033)])
def test_operator_closes_inside_the_stops_at_bid_or_ask_with_the_real_profit(judged: Assessment, price: int) -> None:
    desk = Desk(EUR)
    desk.step(EUR, later(0), judged)
    desk.close(EUR, OPERATOR_CLOSE, 110_020, 110_033, TUESDAY + M5 + 7)
    (trade,) = desk.trades
    assert (trade.exit_reason, trade.exit_price, trade.exit_time) == ("operator_close", price, TUESDAY + M5 + 7)
    assert trade.profit == round(Fraction(judged.signal * (price - trade.entry_price) * trade.units, 10))
    assert desk.state.open_positions == 0
    assert desk.state.equity == desk.state.balance == TEN_THOUSAND + trade.profit
    desk.close(EUR, OPERATOR_CLOSE, 110_020, 110_033, TUESDAY + M5 + 8)
    assert len(desk.trades) == 1


def test_operators_close_pays_half_the_spreads_of_entry_and_exit() -> None:
    desk = Desk(EUR)
    desk.step(EUR, later(0), BUYING)
    desk.close(EUR, OPERATOR_CLOSE, 110_000, 110_030, TUESDAY + 2 * M5)
    trade = desk.trades[0]
    assert (desk.log.spread_cost[0], desk.log.slippage_cost[0]) == (trade.units * (10 + 30) // 2 // 10, 0)
    assert not trade.ambiguous


def test_leverage_counts_what_is_open_already() -> None:
    desk = Desk(EUR, "GBP_USD", params=account_params(risk=risk_params(max_leverage=10.0)))
    desk.step(EUR, later(0, spread=0), assessment(BUY, atr=0.001))
    # 66,666 euros at 1.1 are 73,333 of the 100,000 dollars that ten times the equity allows.
    assert desk.books.units[0] == 66_666
    desk.step("GBP_USD", later(0, 130_000, spread=0), assessment(BUY, atr=0.001))
    assert desk.books.units[1] == (100_000 - 66_666 * 11 / 10) // 1.3


def test_account_is_not_halted_before_its_first_candle() -> None:
    assert not Desk(EUR).state.halted


def test_quote_from_before_the_entry_closes_nothing() -> None:
    desk = Desk(EUR)
    desk.step(EUR, later(0), BUYING)
    desk.quote(EUR, 100_000, 100_010, TUESDAY + M5)
    assert desk.trades == []


def test_hold_does_not_keep_a_position_from_its_stop() -> None:
    desk = Desk(EUR)
    desk.step(EUR, later(0), BUYING)
    desk.step(EUR, later(1, 110_000, 110_000, 109_000), conditions=HELD)
    assert [trade.exit_reason for trade in desk.trades] == ["stop_loss"]


@pytest.mark.parametrize(
    ("candle_spread", "balance", "pair", "reason"),
    [
        (150, TEN_THOUSAND, "EUR_USD", STOP_INSIDE_SPREAD),
        (150, TEN_THOUSAND, "EUR_GBP", STOP_INSIDE_SPREAD),
        (10, 1, "EUR_GBP", NO_CONVERSION_RATE),
        (10, 1, "EUR_USD", SIZE_BELOW_MINIMUM),
    ],
)
def test_refusals_come_in_the_written_order(candle_spread: int, balance: int, pair: str, reason: int) -> None:
    desk = Desk(pair, params=account_params(start_balance=balance))
    outcome = desk.step(pair, later(0, spread=candle_spread), BUYING)
    assert (outcome.reason, outcome.refusal, outcome.opened, outcome.failed) == (reason, reason, False, 0)


def test_pending_refusal_leaves_the_pair_free() -> None:
    desk = Desk(EUR)
    desk.step(EUR, later(0, spread=150), BUYING)
    assert desk.step(EUR, later(1), BUYING).opened


def at_halt(desk: Desk, loss_points: int, index: int = 1) -> None:
    """Open 30,000 units and let the close fall, so that one point is worth 0.30."""
    desk.step(EUR, later(0, spread=0), assessment(BUY, atr=0.1))
    desk.books.units[0] = 30_000
    desk.step(EUR, later(index, 110_000, 110_000, 110_000 - loss_points, 110_000 - loss_points, spread=0))


def test_loss_of_three_percent_exactly_halts_and_closes_at_the_last_close() -> None:
    desk = Desk(EUR)
    at_halt(desk, 1_000)
    assert desk.state.halted
    assert [(trade.exit_reason, trade.exit_price, trade.exit_time) for trade in desk.trades] == [
        ("daily_halt", 109_000, TUESDAY + 2 * M5)
    ]
    assert desk.state.equity == desk.state.balance == TEN_THOUSAND - 3_000_000


def test_loss_a_point_short_of_three_percent_does_not_halt() -> None:
    desk = Desk(EUR)
    at_halt(desk, 999)
    assert (desk.state.halted, desk.trades) == (False, [])


def test_halt_says_so_once() -> None:
    desk = Desk(EUR)
    desk.step(EUR, later(0, spread=0), assessment(BUY, atr=0.1))
    desk.books.units[0] = 30_000
    first = desk.step(EUR, later(1, 110_000, 110_000, 109_000, 109_000, spread=0), BUYING)
    second = desk.step(EUR, later(2, 109_000, spread=0), BUYING)
    assert (first.halted_now, second.halted_now) == (True, False)
    assert (first.reason, second.reason) == (DAILY_LOSS_HALT, DAILY_LOSS_HALT)
    assert first.failed == second.failed == failing(GATE_DAILY_LOSS)


def test_halt_closes_every_pair_at_its_own_last_close() -> None:
    desk = Desk("EUR_USD", "GBP_USD")
    wide = assessment(BUY, atr=0.1)
    desk.step("EUR_USD", later(0, spread=0), wide)
    desk.step("GBP_USD", later(0, 130_000, spread=10), assessment(SELL, atr=0.1))
    desk.books.units[0] = 30_000
    desk.step("EUR_USD", later(1, 110_000, 110_000, 108_900, 108_900, spread=0))
    assert [(trade.pair, trade.exit_price, trade.exit_reason) for trade in desk.trades] == [
        ("EUR_USD", 108_900, "daily_halt"),
        ("GBP_USD", 130_010, "daily_halt"),
    ]
    assert {trade.exit_time for trade in desk.trades} == {TUESDAY + 2 * M5}
    assert desk.state.open_positions == 0


def test_loss_of_a_stop_counts_for_the_halt() -> None:
    desk = Desk(EUR, params=account_params(risk=risk_params(risk_fraction=0.04)))
    desk.step(EUR, later(0), BUYING)
    outcome = desk.step(EUR, later(1, 110_000, 110_000, 109_000), BUYING)
    assert [trade.exit_reason for trade in desk.trades] == ["stop_loss"]
    assert (outcome.halted_now, outcome.reason) == (True, DAILY_LOSS_HALT)


def test_halt_lasts_until_the_next_trading_day_which_starts_anew() -> None:
    desk = Desk(EUR)
    at_halt(desk, 1_000)
    last_of_day = (SECONDS_PER_DAY // M5) - 1
    assert desk.step(EUR, later(last_of_day, 109_000), BUYING).reason == DAILY_LOSS_HALT
    next_day = desk.step(EUR, later(last_of_day + 1, 109_000), BUYING)
    assert next_day.opened
    assert next_day.day_start_equity == TEN_THOUSAND - 3_000_000
    assert not desk.state.halted


def test_days_loss_is_measured_from_equity_before_its_first_candle() -> None:
    desk = Desk(EUR)
    desk.step(EUR, later(0, spread=0), assessment(BUY, atr=0.1))
    desk.books.units[0] = 30_000
    desk.step(EUR, later(1, 110_000, 110_000, 109_500, 109_500, spread=0))
    # 150 were lost yesterday; today's candle loses 290 more, which is not 3 % of 9,850 but nearly.
    tomorrow = SECONDS_PER_DAY // M5
    outcome = desk.step(EUR, later(tomorrow, 109_500, 109_500, 108_534, 108_534, spread=0))
    assert outcome.day_start_equity == TEN_THOUSAND - 1_500_000
    assert not outcome.halted_now
    assert desk.step(EUR, later(tomorrow + 1, 108_534, 108_534, 108_515, 108_515, spread=0)).halted_now


def test_gap_over_midnight_counts_for_the_new_day() -> None:
    desk = Desk(EUR)
    desk.step(EUR, later(0, spread=0), assessment(BUY, atr=0.1))
    desk.books.units[0] = 30_000
    tomorrow = SECONDS_PER_DAY // M5
    outcome = desk.step(EUR, later(tomorrow, 109_000, spread=0))
    assert (outcome.day_start_equity, outcome.halted_now) == (TEN_THOUSAND, True)


def test_profit_earlier_in_the_day_does_not_widen_the_limit() -> None:
    desk = Desk(EUR)
    desk.step(EUR, later(0, spread=0), assessment(BUY, atr=0.1))
    desk.books.units[0] = 30_000
    desk.step(EUR, later(1, 110_000, 112_000, 110_000, 112_000, spread=0))
    desk.step(EUR, later(2, 112_000, 112_000, 109_001, 109_001, spread=0))
    assert not desk.state.halted
    desk.step(EUR, later(3, 109_001, 109_001, 109_000, 109_000, spread=0))
    assert desk.state.halted


def test_slippage_worsens_entry_and_stop_but_neither_target_nor_gap() -> None:
    def exits(candle_after: Candle, judged: Side) -> tuple[int, int]:
        desk = Desk(EUR, params=account_params(risk=risk_params(max_slippage_points=40, slippage_seed=3)))
        desk.step(EUR, later(0), assessment(judged))
        entry, level = desk.books.entry_price[0], (desk.books.stop_loss[0], desk.books.take_profit[0])
        desk.step(EUR, candle_after)
        trade = desk.trades[0]
        assert (trade.entry_price, trade.stop_loss, trade.take_profit) == (entry, *level)
        return entry, trade.exit_price

    entry, stopped = exits(later(1, 110_000, 110_000, 109_500), BUY)
    assert 110_010 < entry <= 110_050
    assert entry - 150 - 40 <= stopped < entry - 150
    assert exits(later(1, 110_000, 110_500, 110_000), BUY) == (entry, entry + 300)
    assert exits(later(1, 109_000), BUY) == (entry, 109_000)
    assert exits(later(1, 111_000), BUY) == (entry, 111_000)
    short_entry, short_stopped = exits(later(1, 110_000, 110_500, 110_000), SELL)
    assert 109_960 <= short_entry < 110_000
    assert short_entry + 150 < short_stopped <= short_entry + 150 + 40


def test_entry_and_stop_draw_their_slippage_apart() -> None:
    risk = risk_params(max_slippage_points=9, slippage_seed=3)
    drawn = set()
    for index in range(1, 30):
        desk = Desk(EUR, params=account_params(risk=risk))
        desk.step(EUR, later(index), BUYING)
        desk.step(EUR, later(index + 1, 110_000, 110_000, 109_500))
        trade, key = desk.trades[0], desk.table.key[0]
        entry = trade.entry_price - 110_010
        leave = trade.stop_loss - trade.exit_price
        assert entry == slippage_points(risk, key, TUESDAY + index * M5, ENTRY_LEG)
        assert leave == slippage_points(risk, key, TUESDAY + (index + 1) * M5, EXIT_LEG)
        drawn |= {entry, leave}
    assert drawn == set(range(10))


def test_positions_stay_open_at_the_end_with_unrealised_profit() -> None:
    desk = Desk(EUR)
    desk.step(EUR, later(0), BUYING)
    desk.step(EUR, later(1, 110_000, 110_110, 110_000, 110_110))
    assert desk.trades == []
    assert desk.state.balance == TEN_THOUSAND
    assert desk.state.equity - desk.state.balance == desk.books.units[0] * 100 // 10
