"""The stages of a run: calendar, market and account. Each is asked part by part and takes up where it stopped.

What one stage leaves in its columns the next one reads; apart from that they share nothing that is written.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np

from services.backtest.result import FillRules
from services.backtest.timeline import Part, Timeline
from shared.calendar.economic import EconomicCalendar
from shared.calendar.facts import PairCalendar
from shared.contracts.runs import RunMode
from shared.core.account import account_start
from shared.core.books import Books, TradeLog, empty_books, empty_trade_log
from shared.core.columns import (
    CandleColumns,
    FactColumns,
    Integers,
    array_of_floats,
    array_of_integers,
    integers_in_array,
)
from shared.core.engine import (
    AssessmentColumns,
    OutcomeColumns,
    assess_columns,
    empty_assessments,
    empty_outcomes,
    settle_columns,
)
from shared.core.jit import compiled
from shared.core.market import market_cells, market_start
from shared.core.types import NO_SIDE, PASSED
from shared.settings.machine_params import account_params, conversion_table, market_params
from shared.settings.settings import Settings


class CalendarStage:
    """What the calendar says of the candles, in `facts`, row by row."""

    def __init__(self, timeline: Timeline, settings: Settings, calendar: EconomicCalendar | None) -> None:
        """Begin with columns that are not yet filled."""
        self._timeline = timeline
        self._calendars = [
            PairCalendar(settings.calendar_rules(pair, RunMode.BACKTEST), calendar) for pair in timeline.pairs
        ]
        market_open, session_open, news = (np.empty(timeline.length, np.uint8) for _ in range(3))
        self.facts = FactColumns(
            market_open=market_open,
            session_open=session_open,
            news=news,
            trading_day=np.empty(timeline.length, np.int64),
        )

    def tell(self, part: Part) -> None:
        """Fill in the facts of a part."""
        timeline = self._timeline
        for calendar, rows in zip(self._calendars, part.rows_of_pairs, strict=True):
            told = calendar.facts(timeline.decision_time[rows], timeline.candles.time[rows])
            for column, values in zip(_columns(self.facts), _columns(told), strict=True):
                column[rows] = values


class MarketStage:
    """The market machines of all pairs; what they say of the candles is in `assessed`, row by row."""

    def __init__(self, timeline: Timeline, facts: FactColumns, settings: Settings) -> None:
        """Begin with fresh machines; the facts of a part are read when it is judged."""
        self._timeline, self._facts = timeline, facts
        self._params = [market_params(settings.pair(pair)) for pair in timeline.pairs]
        self._states = [market_start(params) for params in self._params]
        self._cells = [market_cells(params, array_of_integers, array_of_floats) for params in self._params]
        self._assess = compiled(assess_columns)
        self.assessed = empty_assessments(timeline.length)

    def judge(self, part: Part) -> int:
        """Judge a part's candles; return how many passed the market's gates: no account can enter more often."""
        return sum(self._judge_pair(place, rows) for place, rows in enumerate(part.rows_of_pairs))

    def _judge_pair(self, place: int, rows: slice) -> int:
        assessed = AssessmentColumns._make(column[rows] for column in self.assessed)
        self._states[place] = self._assess(
            CandleColumns._make(column[rows] for column in self._timeline.candles),
            FactColumns._make(column[rows] for column in self._facts),
            self._params[place],
            self._states[place],
            self._cells[place],
            assessed,
        )
        stopped = assessed.session | assessed.spread | assessed.news | assessed.market_state_verdict
        return int(np.count_nonzero((stopped == PASSED) & (assessed.signal != NO_SIDE)))


class AccountStage:
    """The account machine from one place of the sequence on: its state, its books, its log of trades.

    What became of the candles is in `outcomes`, in the order in which they were settled.
    """

    def __init__(
        self,
        timeline: Timeline,
        trading_day: Integers,
        assessed: AssessmentColumns,
        settings: Settings,
        rules: FillRules,
        first: int = 0,
        last: int | None = None,
    ) -> None:
        """Begin with a fresh account that knows the prices before it; assessments are read when they are settled."""
        self._timeline, self._trading_day, self._assessed = timeline, trading_day, assessed
        self._first = self._next = first
        self.params = account_params(settings, rules.exit_mode, rules.hold_candles, rules.optimistic)
        self.table = conversion_table(settings, timeline.instruments, integers_in_array)
        self.state = account_start(self.params)
        self.books = _books_before(timeline, first)
        self.log = empty_trade_log(0, array_of_integers)
        self._settle = compiled(settle_columns)
        self._entries = 0
        self.outcomes = empty_outcomes((timeline.length if last is None else last) - first)

    def settle(self, last: int, most_entries: int) -> None:
        """Settle the candles up to before a place of the sequence, which lead to at most so many entries."""
        self._entries += most_entries
        if self._entries > len(self.log.pair):
            self.log = _enlarged(self.log, max(self._entries, 2 * len(self.log.pair)))
        timeline, settled = self._timeline, slice(self._next - self._first, last - self._first)
        self.state = self._settle(
            timeline.sequence[self._next : last],
            timeline.pair_of_row,
            timeline.granularity_seconds,
            timeline.candles,
            self._trading_day,
            self._assessed,
            self.table,
            self.params,
            self.state,
            self.books,
            self.log,
            OutcomeColumns._make(column[settled] for column in self.outcomes),
        )
        self._next = last


def _columns(columns: FactColumns | TradeLog) -> Sequence[Integers]:
    return cast("Sequence[Integers]", columns)


def _enlarged(log: TradeLog, capacity: int) -> TradeLog:
    larger = empty_trade_log(capacity, array_of_integers)
    for column, known in zip(_columns(larger), _columns(log), strict=True):
        column[: len(known)] = known
    return larger


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
