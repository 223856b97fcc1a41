"""Trades and positions as named texts, and as the tables that show them."""

from typing import Any, Final

from services.cli.terminal.output import say
from services.cli.terminal.tables import LATE, AnyCell, Column, money_cell, say_table, time_cell, word_cell
from shared.contracts.decimals import format_money, format_points
from shared.contracts.shown import TRADE_COLUMNS, shown_entry, shown_exit
from shared.contracts.times import format_time
from shared.store.port import Reader
from shared.store.rows.ledger import TradeRow

_RIGHT: Final = True
_OPEN: Final = "open"
_WHOLE: Final = "`scalpbot trades show N` has the whole trade."
_EXIT_STYLES: Final = {"daily halt": LATE, "kill switch": LATE, "open": "bold"}


def trade_fields(row: TradeRow) -> dict[str, Any]:
    """Return a stored trade as named texts; what an open one does not have yet is None."""
    entry = row.opening.entry
    shown = shown_entry(entry) if row.closing is None else shown_entry(entry) | shown_exit(entry, row.closing)
    return {"number": row.number, **{name: shown.get(name) for name in TRADE_COLUMNS}}


def whole_trade(row: TradeRow) -> dict[str, Any]:
    """Return everything that is stored of a trade, as named texts."""
    return {
        **trade_fields(row),
        "signal_time": format_time(row.opening.signal_time),
        "spread_paid": format_money(row.costs.spread),
        "slippage_paid": format_money(row.costs.slippage),
        "id": row.opening.id,
    }


def say_trades(title: str, rows: list[dict[str, Any]], whole: str = _WHOLE) -> None:
    """Write trades as a table; `whole` tells where the rest of them is to be seen."""
    columns = [
        Column("#", _RIGHT),
        Column("pair"),
        Column("side"),
        Column("units", _RIGHT, leave=3),
        Column("entered"),
        Column("in at", _RIGHT, leave=1),
        Column("exited"),
        Column("out at", _RIGHT, leave=2),
        Column("exit"),
        Column("pips", _RIGHT),
        Column("P/L", _RIGHT),
    ]
    say_table(title, columns, [_trade_cells(row) for row in rows], whole)


def _trade_cells(row: dict[str, Any]) -> list[AnyCell]:
    def text(name: str) -> str:
        return _OPEN if row[name] is None else str(row[name])

    left = _OPEN if row["exit_time"] is None else time_cell(row["exit_time"])
    return [
        *(text(name) for name in ("number", "pair", "side", "units")),
        time_cell(row["entry_time"]),
        text("entry_price"),
        left,
        text("exit_price"),
        word_cell(text("exit_reason").replace("_", " "), _EXIT_STYLES),
        money_cell(text("pnl_pips")),
        money_cell(text("pnl")),
    ]


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
    columns = [
        Column("pair"),
        Column("side"),
        Column("units", _RIGHT, leave=1),
        Column("entered", leave=2),
        Column("at", _RIGHT),
        Column("sl", _RIGHT),
        Column("tp", _RIGHT),
        Column("now", _RIGHT),
        Column("P/L", _RIGHT),
    ]
    prices = ("entry_price", "sl", "tp", "mark_price")
    say_table(
        "Open positions (times UTC)",
        columns,
        [
            [
                *(str(row[name]) for name in ("pair", "side", "units")),
                time_cell(row["entry_time"]),
                *(str(row[name]) for name in prices),
                money_cell(row["unrealised_pnl"]),
            ]
            for row in rows
        ],
    )
