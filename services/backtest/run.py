"""Run the compiled engine over candles: the market once, the account as often as it is asked."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.backtest.result import BacktestResult, FillRules, OpenPosition, PendingEntry
from services.backtest.stages import AccountStage, CalendarStage, MarketStage
from services.backtest.timeline import Timeline
from shared.calendar.economic import EconomicCalendar
from shared.calendar.trading_day import fx_day_numbers
from shared.contracts.trades import ClosedTrade, entry_in_books, trade_in_log
from shared.core.books import Books, PairTable, TradeLog
from shared.core.columns import Bytes, CandleColumns, FactColumns
from shared.core.engine import AssessmentColumns
from shared.core.types import BUY, NO_CONVERSION_RATE, NO_SIDE, Instrument, Side
from shared.core.venue import unrealised_quanta
from shared.settings.settings import Settings

_CANDLES_AT_ONCE: Final = 65_536


@dataclass(frozen=True)
class JudgedMarket:
    """Candles, what the calendar says of them and what the market alone says of them, row by row.

    `most_entries` counts the candles that passed the market's gates: the account cannot enter more often.
    """

    timeline: Timeline
    facts: FactColumns
    assessed: AssessmentColumns
    most_entries: int


def judge_and_settle(
    timeline: Timeline,
    settings: Settings,
    calendar: EconomicCalendar | None,
    rules: FillRules,
    candles_at_once: int = _CANDLES_AT_ONCE,
) -> tuple[JudgedMarket, BacktestResult]:
    """Do what `judge_market` and `settle` do over all candles, part by part on two threads, and tell the calendar.

    While one thread judges the market, the other tells the calendar of later parts and settles the account of earlier
    ones. Each stage still sees every candle once and in order, so the outcome is the same to the last digit.
    """
    calendar_stage = CalendarStage(timeline, settings, calendar)
    facts = calendar_stage.facts
    market_stage = MarketStage(timeline, facts, settings)
    assessed = market_stage.assessed
    account_stage = AccountStage(
        timeline=timeline, trading_day=facts.trading_day, assessed=assessed, settings=settings, rules=rules
    )
    parts = timeline.parts(candles_at_once)
    most_entries = 0
    with ThreadPoolExecutor(max_workers=1) as beside:
        told = [beside.submit(calendar_stage.tell, part) for part in parts]
        settled = []
        for part, known in zip(parts, told, strict=True):
            known.result()
            entries = market_stage.judge(part)
            settled.append(beside.submit(account_stage.settle, part.last, entries))
            most_entries += entries
        for each in settled:
            each.result()
    market = JudgedMarket(timeline=timeline, facts=facts, assessed=assessed, most_entries=most_entries)
    return market, _result(market, settings, account_stage, rules, 0, timeline.length)


def judge_market(timeline: Timeline, facts: FactColumns, settings: Settings) -> JudgedMarket:
    """Run each pair's market machine over its candles."""
    stage = MarketStage(timeline, facts, settings)
    most_entries = stage.judge(timeline.whole())
    return JudgedMarket(timeline=timeline, facts=facts, assessed=stage.assessed, most_entries=most_entries)


def settle(
    market: JudgedMarket, settings: Settings, rules: FillRules, first: int = 0, last: int | None = None
) -> BacktestResult:
    """Run a fresh account over the candles from one place of the sequence to before another.

    Indicators and last prices are those that the candles before left; the account itself starts anew.
    """
    end = market.timeline.length if last is None else last
    stage = _settled(market, settings, rules, first, end)
    return _result(market, settings, stage, rules, first, end)


def _settled(market: JudgedMarket, settings: Settings, rules: FillRules, first: int, last: int) -> AccountStage:
    trading_day = market.facts.trading_day
    stage = AccountStage(
        timeline=market.timeline,
        trading_day=trading_day,
        assessed=market.assessed,
        settings=settings,
        rules=rules,
        first=first,
        last=last,
    )
    stage.settle(last, market.most_entries)
    return stage


def _result(
    market: JudgedMarket, settings: Settings, stage: AccountStage, rules: FillRules, first: int, last: int
) -> BacktestResult:
    timeline = market.timeline
    strategies = [settings.pair(pair).strategy for pair in timeline.pairs]
    return BacktestResult(
        rules=rules,
        trades=_closed_trades(stage.log, stage.state.closed_trades, timeline.instruments, strategies),
        open_positions=_open_positions(stage.books, stage.table, timeline.instruments, strategies),
        pending_entries=_pending_entries(stage.books, timeline.pairs),
        start_balance=stage.params.start_balance,
        balance=stage.state.balance,
        equity=stage.state.equity,
        start_time=int(timeline.candles.time[timeline.sequence[first]]),
        decision_times=timeline.in_sequence(timeline.decision_time, first, last),
        fx_days=fx_day_numbers(timeline.in_sequence(timeline.candles.time, first, last)),
        outcomes=stage.outcomes,
        unconverted=_unconverted(timeline, stage.outcomes.refusal, first, last),
    )


def warm_engine(instruments: Sequence[Instrument], settings: Settings) -> None:
    """Load the engine that is compiled for some pairs' strategies, or compile it, by running it on no candles."""
    nothing = np.empty(0, np.int64)
    timeline = Timeline(
        instruments=tuple(instruments),
        granularity_seconds=np.zeros(len(instruments), np.int64),
        starts=(0,) * (len(instruments) + 1),
        candles=CandleColumns._make((*[nothing] * 9, np.empty(0))),
        decision_time=nothing,
        pair_of_row=np.empty(0, np.uint8),
        sequence=nothing,
    )
    market = judge_market(timeline, CalendarStage(timeline, settings, None).facts, settings)
    _settled(market, settings, FillRules(), 0, 0)


def _closed_trades(
    log: TradeLog, count: int, instruments: Sequence[Instrument], strategies: Sequence[str]
) -> tuple[ClosedTrade, ...]:
    return tuple(trade_in_log(log, row, instruments[log.pair[row]], strategies[log.pair[row]]) for row in range(count))


def _unconverted(timeline: Timeline, refusal: Bytes, first: int, last: int) -> dict[str, int]:
    places = timeline.pair_of_row[timeline.sequence[first:last]][refusal == NO_CONVERSION_RATE]
    counts = np.bincount(places, minlength=len(timeline.pairs)).tolist()
    return {pair: count for pair, count in zip(timeline.pairs, counts, strict=True) if count}


def _open_positions(
    books: Books, table: PairTable, instruments: Sequence[Instrument], strategies: Sequence[str]
) -> tuple[OpenPosition, ...]:
    return tuple(
        OpenPosition(
            entry=entry_in_books(books, place, each, strategies[place]),
            last_price=int(books.bid_close[place] if books.side[place] == BUY else books.ask_close[place]),
            unrealised=int(unrealised_quanta(books, table, place)),
        )
        for place, each in enumerate(instruments)
        if books.side[place] != NO_SIDE
    )


def _pending_entries(books: Books, pairs: Sequence[str]) -> tuple[PendingEntry, ...]:
    return tuple(
        PendingEntry(pair, Side(int(books.pending_side[place])))
        for place, pair in enumerate(pairs)
        if books.pending_side[place] != NO_SIDE
    )
