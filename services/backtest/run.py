"""Run the compiled engine over candles: the market once, the account as often as it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np

from services.backtest.result import BacktestResult, FillRules, OpenPosition, PendingEntry
from services.backtest.timeline import Timeline, build_timeline
from shared.calendar.economic import EconomicCalendar
from shared.calendar.facts import PairCalendar
from shared.contracts.trades import ClosedTrade
from shared.core.account import AccountParams, account_start
from shared.core.books import AccountState, Books, PairTable, TradeLog, empty_books, empty_trade_log
from shared.core.engine import (
    AssessmentColumns,
    OutcomeColumns,
    assess_columns,
    empty_assessments,
    empty_outcomes,
    settle_columns,
)
from shared.core.jit import compiled
from shared.core.market import MARKET_START, market_cells
from shared.core.types import (
    BUY,
    NO_SIDE,
    PASSED,
    SL_TP,
    CandleColumns,
    CandleSeries,
    FactColumns,
    Integers,
    array_of_floats,
    array_of_integers,
    instrument,
    integers_in_array,
)
from shared.core.venue import unrealised_quanta
from shared.runtime.parameters import account_params, conversion_table, market_params
from shared.runtime.settings import RunMode, Settings, load_settings


@dataclass(frozen=True)
class JudgedMarket:
    """Candles, what the calendar says of them and what the market alone says of them, row by row.

    `most_entries` counts the candles that passed the market's gates: the account cannot enter more often.
    """

    timeline: Timeline
    trading_day: Integers
    assessed: AssessmentColumns
    most_entries: int


def run_backtest(
    series: Sequence[CandleSeries],
    settings: Settings,
    *,
    exit_mode: int = SL_TP,
    hold_candles: int = 5,
    optimistic: bool = False,
    calendar: EconomicCalendar | None = None,
) -> BacktestResult:
    """Trade the candles of one or more pairs by the rules of the settings; raise InputError where there are none."""
    timeline = build_timeline(series)
    market = judge_market(timeline, calendar_facts(timeline, settings, calendar), settings)
    return settle(market, settings, FillRules(exit_mode, hold_candles, optimistic))


def calendar_facts(timeline: Timeline, settings: Settings, calendar: EconomicCalendar | None) -> list[FactColumns]:
    """Return what the calendar says of each pair's candles."""
    facts = []
    for place, pair in enumerate(timeline.pairs):
        rows = timeline.rows_of(place)
        pair_calendar = PairCalendar(settings.calendar_rules(pair, RunMode.BACKTEST), calendar)
        facts.append(pair_calendar.facts(timeline.decision_time[rows], timeline.candles.time[rows]))
    return facts


def judge_market(timeline: Timeline, facts: Sequence[FactColumns], settings: Settings) -> JudgedMarket:
    """Run each pair's market machine over its candles."""
    assessed = empty_assessments(timeline.length)
    assess = compiled(assess_columns)
    for place, pair in enumerate(timeline.pairs):
        rows = timeline.rows_of(place)
        assess(
            CandleColumns._make(column[rows] for column in timeline.candles),
            facts[place],
            market_params(settings.pair(pair)),
            MARKET_START,
            market_cells(array_of_integers, array_of_floats),
            AssessmentColumns._make(column[rows] for column in assessed),
        )
    days = [each.trading_day for each in facts]
    return JudgedMarket(
        timeline, days[0] if len(days) == 1 else np.concatenate(days), assessed, _candles_that_may_enter(assessed)
    )


def _candles_that_may_enter(assessed: AssessmentColumns) -> int:
    stopped = assessed.session | assessed.spread | assessed.news | assessed.market_state_verdict
    return int(np.count_nonzero((stopped == PASSED) & (assessed.signal != NO_SIDE)))


def settle(
    market: JudgedMarket, settings: Settings, rules: FillRules, first: int = 0, last: int | None = None
) -> BacktestResult:
    """Run a fresh account over the candles from one place of the sequence to before another.

    Indicators and last prices are those that the candles before left; the account itself starts anew.
    """
    timeline = market.timeline
    params = account_params(settings, rules.exit_mode, rules.hold_candles, rules.optimistic)
    table = conversion_table(settings, timeline.instruments, integers_in_array)
    ledger = _drive_account(market, params, table, _books_before(timeline, first), timeline.sequence[first:last])
    strategies = [settings.pair(pair).strategy for pair in timeline.pairs]
    return BacktestResult(
        rules=rules,
        trades=_closed_trades(ledger.log, ledger.state.closed_trades, timeline.pairs, strategies),
        open_positions=_open_positions(ledger.books, table, timeline.pairs, strategies),
        pending_entries=_pending_entries(ledger.books, timeline.pairs),
        start_balance=params.start_balance,
        balance=ledger.state.balance,
        equity=ledger.state.equity,
        start_time=int(timeline.candles.time[timeline.sequence[first]]),
        decision_times=timeline.in_sequence(timeline.decision_time, first, last),
        trading_days=timeline.in_sequence(market.trading_day, first, last),
        outcomes=ledger.outcomes,
    )


def warm_engine() -> None:
    """Load the compiled engine, or compile it where this machine has not done so yet, by running it on no candles."""
    nothing = np.empty(0, np.int64)
    timeline = Timeline(
        instruments=(instrument("EUR_USD"),),
        granularity_seconds=np.zeros(1, np.int64),
        starts=(0, 0),
        candles=CandleColumns._make((*[nothing] * 9, np.empty(0))),
        decision_time=nothing,
        pair_of_row=np.empty(0, np.uint8),
        sequence=nothing,
    )
    settings = load_settings(None, {})
    market = judge_market(timeline, calendar_facts(timeline, settings, None), settings)
    table = conversion_table(settings, timeline.instruments, integers_in_array)
    _drive_account(market, account_params(settings), table, _books_before(timeline, 0), nothing)


class _Ledger(NamedTuple):
    state: AccountState
    books: Books
    log: TradeLog
    outcomes: OutcomeColumns


def _drive_account(
    market: JudgedMarket, params: AccountParams, table: PairTable, books: Books, sequence: Integers
) -> _Ledger:
    """Run the account machine over rows in the order of a sequence."""
    log = empty_trade_log(market.most_entries, array_of_integers)
    outcomes = empty_outcomes(len(sequence))
    timeline = market.timeline
    state = compiled(settle_columns)(
        sequence,
        timeline.pair_of_row,
        timeline.granularity_seconds,
        timeline.candles,
        market.trading_day,
        market.assessed,
        table,
        params,
        account_start(params),
        books,
        log,
        outcomes,
    )
    return _Ledger(state, books, log, outcomes)


def _books_before(timeline: Timeline, first: int) -> Books:
    """Return books that know each pair's last prices before a place of the sequence."""
    books = empty_books(len(timeline.instruments), array_of_integers, array_of_floats)
    if first:
        begin = timeline.decision_time[timeline.sequence[first]]
        for place in range(len(timeline.instruments)):
            rows = timeline.rows_of(place)
            row = rows.start + int(np.searchsorted(timeline.decision_time[rows], begin)) - 1
            if row >= rows.start:
                books.bid_close[place] = int(timeline.candles.bid_close[row])
                books.ask_close[place] = int(timeline.candles.ask_close[row])
    return books


def _closed_trades(
    log: TradeLog, count: int, pairs: Sequence[str], strategies: Sequence[str]
) -> tuple[ClosedTrade, ...]:
    columns = [cast("Integers", column)[:count].tolist() for column in log]
    return tuple(
        ClosedTrade._make((pairs[place], strategies[place], *numbers, bool(ambiguous), spread_cost, slippage_cost))
        for place, *numbers, ambiguous, spread_cost, slippage_cost in zip(*columns, strict=True)
    )


def _open_positions(
    books: Books, table: PairTable, pairs: Sequence[str], strategies: Sequence[str]
) -> tuple[OpenPosition, ...]:
    return tuple(
        OpenPosition(
            pair=pair,
            strategy=strategies[place],
            side=int(books.side[place]),
            units=int(books.units[place]),
            entry_time=int(books.entry_time[place]),
            entry_price=int(books.entry_price[place]),
            stop_loss=int(books.stop_loss[place]),
            take_profit=int(books.take_profit[place]),
            last_price=int(books.bid_close[place] if books.side[place] == BUY else books.ask_close[place]),
            unrealised=int(unrealised_quanta(books, table, place)),
        )
        for place, pair in enumerate(pairs)
        if books.side[place] != NO_SIDE
    )


def _pending_entries(books: Books, pairs: Sequence[str]) -> tuple[PendingEntry, ...]:
    return tuple(
        PendingEntry(pair, int(books.pending_side[place]))
        for place, pair in enumerate(pairs)
        if books.pending_side[place] != NO_SIDE
    )
