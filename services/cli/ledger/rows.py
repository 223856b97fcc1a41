"""Trades and positions as named texts, and as the tables that show them."""

from typing import Any, Final

from services.cli.output import Column, say, say_table
from shared.contracts.decimals import format_money, format_pips, format_points
from shared.contracts.times import format_time
from shared.core.types import EXIT_NAMES, SIDE_NAMES, instrument
from shared.store.port import Reader
from shared.store.rows.ledger import TradeRow

_RIGHT: Final = True


def trade_fields(row: TradeRow) -> dict[str, Any]:
    """Return a stored trade as named texts; what an open one does not have yet is None."""
    opening, closing = row.opening, row.closing
    digits = instrument(opening.pair).digits
    fields: dict[str, Any] = {
        "number": row.number,
        "pair": opening.pair,
        "strategy": opening.strategy,
        "side": SIDE_NAMES[opening.side],
        "units": opening.units,
        "entry_time": format_time(opening.entry_time),
        "entry_price": format_points(opening.entry_price, digits),
        "sl": format_points(opening.stop_loss, digits),
        "tp": format_points(opening.take_profit, digits),
        "exit_time": None,
        "exit_price": None,
        "exit_reason": None,
        "pnl_pips": None,
        "pnl": None,
        "ambiguous": None,
    }
    if closing is not None:
        fields |= {
            "exit_time": format_time(closing.exit_time),
            "exit_price": format_points(closing.exit_price, digits),
            "exit_reason": EXIT_NAMES[closing.exit_reason],
            "pnl_pips": format_pips(closing.pnl_points),
            "pnl": format_money(closing.pnl),
            "ambiguous": closing.ambiguous,
        }
    return fields


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
            "pair": row.pair,
            "strategy": row.strategy,
            "side": SIDE_NAMES[row.side],
            "units": row.units,
            "entry_time": format_time(row.entry_time),
            **{
                name: format_points(points, instrument(row.pair).digits)
                for name, points in (
                    ("entry_price", row.entry_price),
                    ("sl", row.stop_loss),
                    ("tp", row.take_profit),
                    ("mark_price", row.mark_price),
                )
            },
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
