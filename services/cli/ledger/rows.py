"""Trades and positions as named texts, and as the tables that show them."""

from typing import Any, Final

from services.cli.output import Column, say, say_table
from shared.contracts.decimals import format_money, format_points
from shared.contracts.shown import TRADE_COLUMNS, shown_entry, shown_exit
from shared.contracts.times import format_time
from shared.store.port import Reader
from shared.store.rows.ledger import TradeRow

_RIGHT: Final = True


def trade_fields(row: TradeRow) -> dict[str, Any]:
    """Return a stored trade as named texts; what an open one does not have yet is None."""
    entry = row.opening.entry
    shown = shown_entry(entry) if row.closing is None else shown_entry(entry) | shown_exit(entry, row.closing)
    return {"number": row.number, **{name: shown.get(name) for name in TRADE_COLUMNS}}


def say_trades(title: str, rows: list[dict[str, Any]]) -> None:
    """Write trades as a table."""
    columns = [
        Column("#", _RIGHT),
        Column("pair"),
        Column("side"),
        Column("units", _RIGHT),
        Column("entered"),
        Column("at", _RIGHT),
        Column("exited"),
        Column("at", _RIGHT),
        Column("exit"),
        Column("pips", _RIGHT),
        Column("P/L", _RIGHT),
    ]
    sides = ("entry_time", "entry_price", "exit_time", "exit_price", "exit_reason")
    keys = ("number", "pair", "side", "units", *sides, "pnl_pips", "pnl")
    say_table(title, columns, [["open" if row[key] is None else str(row[key]) for key in keys] for row in rows])


def position_fields(reader: Reader, pair: str | None = None) -> list[dict[str, Any]]:
    """Return the open positions as named texts."""
    return [
        {
            **shown_entry(row.entry),
            "mark_price": format_points(row.mark_price, row.entry.digits),
            "mark_time": format_time(row.mark_time),
            "unrealised_pnl": format_money(row.unrealised_pnl),
        }
        for row in reader.positions(pair)
    ]


def say_positions(rows: list[dict[str, Any]]) -> None:
    """Write open positions as a table."""
    if not rows:
        say("No open positions.")
        return
    names = ("pair", "side", "units", "entry_time", "entry_price", "sl", "tp", "mark_price", "unrealised_pnl")
    columns = [Column(name.replace("_", " "), name not in ("pair", "side", "entry_time")) for name in names]
    say_table("Open positions", columns, [[str(row[name]) for name in names] for row in rows])
