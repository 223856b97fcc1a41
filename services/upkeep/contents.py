"""What a database holds, as somebody compares two of them: its newest candle, its trades, the head of its log."""

from typing import NamedTuple

from shared.contracts.shown import trade_hash
from shared.contracts.trades import ClosedTrade
from shared.store.port import Reader
from shared.store.rows.commands import CommandFilter
from shared.store.rows.listing import Span
from shared.store.sql.audit import GENESIS_HASH


class Contents(NamedTuple):
    """What a database holds; times are None where there is nothing of which they could be."""

    candles: int
    newest_candle_time: int | None
    trades: int
    open_trades: int
    trade_hash: str
    newest_command: int
    audit_records: int
    audit_head: str
    newest_audit_time: str | None


def contents_of(reader: Reader) -> Contents:
    """Return what a database holds; it reads all trades."""
    last = reader.last_candle()
    head = next(iter(reader.audit(1)), None)
    trades, closed = 0, []
    for row in reader.trades_in_order():
        trades += 1
        if row.closing is not None:
            closed.append(ClosedTrade(row.opening.entry, row.closing, row.costs))
    commands = reader.list_commands(Span(1), CommandFilter())
    return Contents(
        candles=reader.candle_count(),
        newest_candle_time=None if last is None else last.decision_time,
        trades=trades,
        open_trades=trades - len(closed),
        trade_hash=trade_hash(closed),
        newest_command=commands[0].row.id if commands else 0,
        audit_records=0 if head is None else head.id,
        audit_head=GENESIS_HASH if head is None else head.hash,
        newest_audit_time=None if head is None else head.ts_utc,
    )
