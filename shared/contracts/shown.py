"""A trade as the API, the command line, events and trade lists show it, and the hash by which two runs are compared."""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

from shared.contracts.decimals import format_money, format_pips, format_points
from shared.contracts.times import format_time
from shared.contracts.trades import ClosedTrade, Entry, Exit
from shared.core.types import EXIT_NAMES, SIDE_NAMES

TRADE_COLUMNS: Final = (
    *("pair", "strategy", "side", "units", "entry_time", "entry_price", "sl", "tp"),
    *("exit_time", "exit_price", "exit_reason", "pnl_pips", "pnl", "ambiguous"),
)
_NOT_HASHED: Final = frozenset({"pnl_pips", "ambiguous"})


def shown_entry(entry: Entry) -> dict[str, Any]:
    """Return an entry by name: prices and times as text, units as a number."""
    digits = entry.digits
    return {
        "pair": entry.pair,
        "strategy": entry.strategy,
        "side": SIDE_NAMES[entry.side],
        "units": entry.units,
        "entry_time": format_time(entry.entry_time),
        "entry_price": format_points(entry.entry_price, digits),
        "sl": format_points(entry.stop_loss, digits),
        "tp": format_points(entry.take_profit, digits),
    }


def shown_exit(entry: Entry, left: Exit) -> dict[str, Any]:
    """Return the exit from an entry by name: prices, times and money as text, `ambiguous` as it is."""
    return {
        "exit_time": format_time(left.exit_time),
        "exit_price": format_points(left.exit_price, entry.digits),
        "exit_reason": EXIT_NAMES[left.exit_reason],
        "pnl_pips": format_pips(left.pnl_points),
        "pnl": format_money(left.pnl),
        "ambiguous": left.ambiguous,
    }


def trade_texts(trade: ClosedTrade) -> dict[str, str]:
    """Return a closed trade's columns as text, in the order and the form of the trade list."""
    return trade_list_texts(trade.entry, trade.exit)


def trade_list_texts(entry: Entry, left: Exit | None) -> dict[str, str]:
    """Return a trade's columns in the order and the form of the trade list, wherever it is written; empty if open."""
    shown = shown_entry(entry) | ({} if left is None else shown_exit(entry, left))
    texts = {name: str(shown.get(name, "")) for name in TRADE_COLUMNS}
    return texts if left is None else texts | {"ambiguous": str(int(left.ambiguous))}


def trade_hash(trades: Iterable[ClosedTrade]) -> str:
    """Return the sha256 over the lines of closed trades in order of (entry time, pair)."""
    lines = (
        "|".join(text for column, text in trade_texts(trade).items() if column not in _NOT_HASHED)
        for trade in sorted(trades, key=lambda trade: (trade.entry.entry_time, trade.entry.pair))
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
