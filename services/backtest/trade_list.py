"""The trade list: closed trades as CSV, in the order in which they are hashed."""

from collections.abc import Iterable, Iterator

from shared.contracts.shown import TRADE_COLUMNS, trade_texts
from shared.contracts.trades import ClosedTrade


def in_order(trades: Iterable[ClosedTrade]) -> list[ClosedTrade]:
    """Return trades in order of (entry time, pair)."""
    return sorted(trades, key=lambda trade: (trade.entry.entry_time, trade.entry.pair))


def trade_lines(trades: Iterable[ClosedTrade]) -> Iterator[str]:
    """Yield the header and a line for every trade, each ending in a newline."""
    yield ",".join(TRADE_COLUMNS) + "\n"
    for trade in in_order(trades):
        yield ",".join(trade_texts(trade).values()) + "\n"
