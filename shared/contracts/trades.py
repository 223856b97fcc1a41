"""A closed trade as every part of the program shows it, and the hash by which two runs are compared."""

import hashlib
from collections.abc import Iterable
from typing import Final, NamedTuple

from shared.contracts.decimals import format_money, format_pips, format_points
from shared.contracts.times import format_time
from shared.core.types import EXIT_NAMES, SIDE_NAMES, ExitReason, Side, instrument

TRADE_COLUMNS: Final = (
    "pair",
    "strategy",
    "side",
    "units",
    "entry_time",
    "entry_price",
    "sl",
    "tp",
    "exit_time",
    "exit_price",
    "exit_reason",
    "pnl_pips",
    "pnl",
    "ambiguous",
)


_NOT_HASHED: Final = frozenset({"pnl_pips", "ambiguous"})


class ClosedTrade(NamedTuple):
    """A trade from entry to exit; prices in points, `profit` and costs in quanta, times in seconds."""

    pair: str
    strategy: str
    side: Side
    units: int
    entry_time: int
    entry_price: int
    stop_loss: int
    take_profit: int
    exit_time: int
    exit_price: int
    exit_reason: ExitReason
    profit: int
    ambiguous: bool
    spread_cost: int
    slippage_cost: int

    @property
    def profit_points(self) -> int:
        """Return the signed move of the price between entry and exit, in points."""
        return self.side * (self.exit_price - self.entry_price)


def trade_texts(trade: ClosedTrade) -> dict[str, str]:
    """Return a trade's columns as text, in the order and the form of the trade list."""
    digits = instrument(trade.pair).digits
    values = (
        trade.pair,
        trade.strategy,
        SIDE_NAMES[trade.side],
        str(trade.units),
        format_time(trade.entry_time),
        format_points(trade.entry_price, digits),
        format_points(trade.stop_loss, digits),
        format_points(trade.take_profit, digits),
        format_time(trade.exit_time),
        format_points(trade.exit_price, digits),
        EXIT_NAMES[trade.exit_reason],
        format_pips(trade.profit_points),
        format_money(trade.profit),
        str(int(trade.ambiguous)),
    )
    return dict(zip(TRADE_COLUMNS, values, strict=True))


def trade_hash(trades: Iterable[ClosedTrade]) -> str:
    """Return the sha256 over the lines of closed trades in order of (entry time, pair)."""
    lines = (
        "|".join(text for column, text in trade_texts(trade).items() if column not in _NOT_HASHED)
        for trade in sorted(trades, key=lambda trade: (trade.entry_time, trade.pair))
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
