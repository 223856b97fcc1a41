"""The account's desk: candles, and what happens between two of them."""

from fractions import Fraction

import pytest

from services.executor.desk import AccountDesk
from services.executor.settlement import Given
from services.strategy.desk import PairDesk
from shared.contracts.errors import InvariantError
from shared.contracts.facts import CandleClosed, Quote
from shared.contracts.runs import RunMode
from shared.core.account import Conditions
from shared.core.types import BUY, OPERATOR_CLOSE, PASSED, SELL, Side
from shared.runtime.streams import EXECUTOR_STREAM
from shared.settings.settings import Settings, load_settings
from tests.fixtures.market import M5, TUESDAY, assessment, candle
from tests.unit.executor.judged import PAIR, judged

DECIDED = TUESDAY + M5


@pytest.fixture(name="desk")
def desk_() -> AccountDesk:
    """Return a desk that knows a pair and holds nothing in it."""
    settings = Settings()
    desk = AccountDesk(settings, EXECUTOR_STREAM)
    closed = CandleClosed("candles.0", 1, 0, PAIR, M5, 5, candle(1_700_000_100, 110_000))
    desk.settle(PairDesk(PAIR, settings, RunMode.OFFLINE, None).assess(closed))
    return desk


def test_nothing_is_closed_where_no_quote_reached_anything(desk: AccountDesk) -> None:
    quote = Quote(PAIR, 1_700_000_500, 5, 110_000, 110_010)
    assert not desk.reached(quote)
    with pytest.raises(InvariantError, match="no position in EUR_USD was closed"):
        desk.leave(quote, 1)


def test_nothing_is_closed_for_a_command_where_no_position_is_open(desk: AccountDesk) -> None:
    with pytest.raises(InvariantError, match="no position in EUR_USD was closed"):
        desk.close(Quote(PAIR, 1_700_000_500, 5, 110_000, 110_010), 1, OPERATOR_CLOSE, 7)


def entered(side: Side = BUY, environ: dict[str, str] | None = None) -> AccountDesk:
    """Return a desk whose first candle, at 110,000, has opened a position."""
    desk = AccountDesk(load_settings(None, environ or {}), EXECUTOR_STREAM)
    assert desk.settle(judged(1, assessment(side))).opened is not None
    return desk


def test_events_are_numbered_from_one_without_a_gap_and_again_after_a_start_from_nothing() -> None:
    desk = AccountDesk(Settings(), EXECUTOR_STREAM)
    for _ in range(2):
        first = desk.settle(judged(1, assessment(BUY)))
        assert [(event.seq, event.type) for event in first.events] == [(1, "account.day_started"), (2, "trade.opened")]
        assert (first.closed, desk.events) == ([], 2)
        left = desk.leave(Quote(PAIR, DECIDED + 1, 5, 90_000, 90_010), 1)
        assert (left.event.seq, left.event.cause_stream, left.event.cause_seq, desk.events) == (3, "quotes", 1, 3)
        assert "command_id" not in left.event.detail
        desk.restore(None)
        assert (desk.events, desk.positions()) == (0, [])


def test_entry_has_paid_half_its_spread_at_the_rate_of_its_candle() -> None:
    desk = AccountDesk(Settings(), EXECUTOR_STREAM)
    opened = desk.settle(
        judged(1, assessment(BUY, atr=0.1), candle(TUESDAY, 150_000, spread=10), pair="USD_JPY")
    ).opened
    assert opened is not None
    yen = Fraction(10 * opened.opening.entry.units, 2 * 1_000)
    assert opened.costs.spread == round(yen / Fraction(150_005, 1_000) * 10_000)
    assert opened.costs.slippage == 0


@pytest.mark.parametrize(("side", "mark"), [(BUY, 110_000), (SELL, 110_010)])
def test_position_is_marked_at_the_side_at_which_it_would_leave(side: Side, mark: int) -> None:
    (position,) = entered(side).positions()
    assert (position.mark_price, position.mark_time) == (mark, DECIDED)
    assert position.unrealised_pnl == -position.entry.units * 10 // 10


def test_only_quotes_after_the_entry_reach_its_stops() -> None:
    desk = entered()
    assert not desk.reached(Quote(PAIR, DECIDED, 5, 90_000, 90_010))
    assert desk.reached(Quote(PAIR, DECIDED + 1, 5, 90_000, 90_010))
    assert not desk.reached(Quote(PAIR, DECIDED + 1, 5, 110_000, 110_010))
    assert not desk.reached(Quote("GBP_USD", DECIDED + 1, 5, 90_000, 90_010))


def test_current_price_is_a_quote_since_the_last_close_else_that_close_now() -> None:
    desk = entered()
    desk.settle(judged(2, each=candle(TUESDAY + M5, 130_000), pair="GBP_USD"))
    assert desk.open_pairs() == [PAIR]
    since, before = Quote(PAIR, DECIDED, 5, 110_002, 110_003), Quote(PAIR, DECIDED - 1, 5, 110_002, 110_003)
    assert desk.current_price(PAIR, since) == since
    assert desk.current_price(PAIR, before) == Quote(PAIR, DECIDED + M5, 5, 110_000, 110_010)
    assert desk.current_price(PAIR, None) == Quote(PAIR, DECIDED + M5, 5, 110_000, 110_010)


def test_close_for_a_command_names_it_and_comes_of_it() -> None:
    desk = entered()
    left = desk.close(Quote(PAIR, DECIDED + 1, 5, 110_050, 110_060), 1, OPERATOR_CLOSE, 7)
    assert (left.event.cause_stream, left.event.detail["command_id"], left.event.seq) == ("commands", "7", 3)
    assert left.closed.trade.profit == left.closed.trade.entry.units * 40 // 10
    assert (left.day.realised_pnl, left.day.trades, left.day.wins) == (left.closed.trade.profit, 1, 1)
    assert (left.applied.purpose, left.applied.command_id) == ("operator_close", 7)
    assert desk.positions() == []


def test_halt_tells_what_it_has_closed_and_a_held_signal_is_shown_as_none() -> None:
    desk = entered(environ={"SCALP_BOT_GATES__DAILY_LOSS_PERCENT": "0.5"})
    fallen = candle(TUESDAY + M5, 110_000, 110_000, 109_910, 109_910)
    settled = desk.settle(judged(2, assessment(BUY), fallen))
    assert [event.type for event in settled.events] == ["trade.closed", "account.halted"]
    assert settled.events[1].detail["positions_closed"] == "1"
    assert (settled.snapshot.final_signal, settled.day.halted, settled.day.losses) == (0, True, 1)
    assert desk.settle(judged(3, assessment(BUY))).events == []


def test_refused_order_is_told_with_its_side_and_reason() -> None:
    desk = AccountDesk(Settings(), EXECUTOR_STREAM)
    settled = desk.settle(judged(1, assessment(SELL, atr=0.000_01)))
    assert [event.type for event in settled.events] == ["account.day_started", "order.refused"]
    assert settled.events[1].detail == {"side": "SELL", "reason": "stop_inside_spread"}
    assert (settled.snapshot.final_signal, settled.opened, settled.entry_quote) == (0, None, None)


def test_restored_desk_goes_on_with_its_positions_and_takes_in_new_pairs() -> None:
    desk = entered()
    again = AccountDesk(Settings(), EXECUTOR_STREAM)
    again.restore(desk.snapshot())
    assert (again.events, again.positions(), again.snapshot()) == (2, desk.positions(), desk.snapshot())
    for each in (desk, again):
        each.settle(judged(2, assessment(SELL), candle(TUESDAY + M5, 130_000), pair="AUD_USD"))
    assert again.open_pairs() == ["AUD_USD", PAIR]
    assert again.snapshot() == desk.snapshot()


def test_quote_is_kept_with_the_entry_that_it_priced_and_with_nothing_else() -> None:
    desk = AccountDesk(Settings(), EXECUTOR_STREAM)
    quote = Quote(PAIR, DECIDED, 5, 110_020, 110_026)
    given = Given(Conditions(PASSED, quote.bid, quote.ask), quote)
    assert desk.settle(judged(1), given).entry_quote is None
    settled = desk.settle(judged(2, assessment(BUY)), given)
    assert settled.opened is not None
    assert (settled.entry_quote, settled.opened.opening.entry.entry_price) == (quote, 110_026)
