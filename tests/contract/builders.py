"""Rows and messages with sensible values, of which a test names only those that matter to it."""

from math import nan
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from shared.contracts.envelope import Message, WireMessage, message_id
from shared.contracts.facts import AccountEvent, CandleAssessed, CandleClosed, NewsEvent
from shared.contracts.trades import Entry, Exit, TradeCosts
from shared.core.types import (
    BUY,
    GATE_NAMES,
    NEWS_WINDOW,
    NO_SIDE,
    NO_SIGNAL,
    PASSED,
    RANGING,
    STOP_LOSS,
    Assessment,
    Candle,
    Readings,
)
from shared.store.rows.ledger import PositionRow, TradeOpening
from shared.store.rows.market import CandleGapRow, GateSnapshotRow, Verdicts

STREAM = "candles.0"
MIDNIGHT = 1_399_507_200  # 2014-05-08T00:00:00Z
M5 = 300
FREE = TradeCosts(spread=0, slippage=0)


def a_candle(seq: int = 1, **changes: Any) -> CandleClosed:
    """Return the `seq`-th M5 candle after midnight."""
    candle = Candle(
        MIDNIGHT + (seq - 1) * M5, 138_686, 138_690, 138_680, 138_685, 138_696, 138_700, 138_690, 138_695, 12.0
    )
    return CandleClosed(STREAM, seq, seq - 1, "EUR_USD", 300, 5, candle)._replace(**changes)


def an_assessment(seq: int = 1, **changes: Any) -> CandleAssessed:
    """Return the assessment of the `seq`-th candle, whose indicators are those of `a_gate_snapshot`."""
    assessment = Assessment(
        session=PASSED,
        spread=PASSED,
        news=NEWS_WINDOW,
        market_state_verdict=PASSED,
        signal=NO_SIDE,
        market_state=RANGING,
        spread_points=10,
        atr=0.00020999999999999998,
        atr_median=nan,
        adx=17.0,
        readings=Readings(-1.5e-9, *(nan,) * 5),
    )
    fact = CandleAssessed(
        closed=a_candle(seq),
        strategy="ema_vwap",
        params_hash="abc123",
        trading_day=16_198,
        assessment=assessment,
        news=NewsEvent("Non-Farm", "USD", 7.25),
    )
    return fact._replace(**changes)


def a_gate_snapshot(seq: int = 1, **changes: Any) -> GateSnapshotRow:
    """Return what was judged of the `seq`-th candle."""
    time = MIDNIGHT + (seq - 1) * M5
    row = GateSnapshotRow(
        time=time + M5,
        pair="EUR_USD",
        strategy="ema_vwap",
        final_signal=NO_SIDE,
        reason=NO_SIGNAL,
        failed_gates=0b1000000,
        stream=STREAM,
        seq=seq,
        granularity_seconds=M5,
        candle_time=time,
        verdicts=Verdicts(
            reasons=(*[PASSED] * 6, NO_SIGNAL),
            values=tuple(f"{gate} is" for gate in GATE_NAMES),
            limits=tuple(f"{gate} may be" for gate in GATE_NAMES),
        ),
        indicators={"atr": 0.00020999999999999998, "atr_median": None, "adx": 17.0, "ema_fast": -1.5e-9},
        params_hash="abc123",
    )
    return row._replace(**changes)


def an_opening(name: str = "first", **changes: Any) -> TradeOpening:
    """Return a long position in EUR_USD with its stops."""
    entry = Entry(
        pair="EUR_USD",
        strategy="ema_vwap",
        side=BUY,
        units=10_000,
        entry_time=MIDNIGHT + M5,
        entry_price=138_700,
        stop_loss=138_600,
        take_profit=138_900,
        digits=5,
    )
    of_entry = {name: value for name, value in changes.items() if name in Entry._fields}
    opening = TradeOpening(str(uuid5(NAMESPACE_OID, name)), entry._replace(**of_entry), MIDNIGHT)
    return opening._replace(**{name: value for name, value in changes.items() if name not in of_entry})


def a_closing(opening: TradeOpening, **changes: Any) -> Exit:
    """Return the exit of a position at its stop."""
    closing = Exit(
        exit_time=opening.entry.entry_time + M5,
        exit_price=138_600,
        exit_reason=STOP_LOSS,
        pnl_points=-100,
        pnl=-100_000,
        ambiguous=False,
    )
    return closing._replace(**changes)


def a_position(opening: TradeOpening, **changes: Any) -> PositionRow:
    """Return the open position of a trade, marked at the close of the next candle."""
    row = PositionRow(
        trade_id=opening.id,
        entry=opening.entry,
        mark_time=opening.entry.entry_time + M5,
        mark_price=opening.entry.entry_price - 7,
        unrealised_pnl=-7_000,
    )
    return row._replace(**changes)


def an_event(seq: int = 1, **changes: Any) -> AccountEvent:
    """Return an event of the account."""
    row = AccountEvent(
        "executor.0", seq, STREAM, seq, MIDNIGHT, "trade.opened", "EUR_USD", 100_000_000, 99_999_999, {"n": str(seq)}
    )
    return row._replace(**changes)


def a_message(seq: int = 1, fact: str = "candle.closed", **changes: Any) -> Message:
    """Return the `seq`-th fact of the stream."""
    id_ = message_id(fact, STREAM, seq)
    message = Message(id_, fact, 1, MIDNIGHT + seq * M5, id_, None, "ingest", STREAM, seq, "EUR_USD", {"seq": seq})
    return message._replace(**changes)


def an_outgoing(seq: int = 1, **changes: Any) -> WireMessage:
    """Return the `seq`-th fact of the stream as it is staged for sending."""
    return WireMessage.of(a_message(seq), f'{{"seq":{seq}}}')._replace(**changes)


def a_gap(from_time: int, pair: str = "EUR_USD") -> CandleGapRow:
    """Return a gap of two M5 candles."""
    to_time = from_time + 2 * M5
    return CandleGapRow(pair, 300, from_time, to_time, 2, "no_ticks")
