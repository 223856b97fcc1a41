"""Trades and positions as named texts, and as the tables that show them."""

from typing import Final, cast

from services.cli.documents.account import Position, Trade, WholeTrade
from services.cli.terminal.output import say
from services.cli.terminal.tables import LATE, AnyCell, Column, money_cell, say_table, time_cell, word_cell
from shared.contracts.decimals import format_money, format_points
from shared.contracts.shown import TRADE_COLUMNS, shown_entry, shown_exit
from shared.contracts.times import format_time
from shared.contracts.trades import ClosedTrade
from shared.store.port import Reader
from shared.store.rows.ledger import PositionRow, TradeRow

_RIGHT: Final = True
_OPEN: Final = "open"
_WHOLE: Final = "`scalpbot trades show N` has the whole trade."
_EXIT_STYLES: Final = {"daily halt": LATE, "kill switch": LATE, "open": "bold"}


def trade_fields(row: TradeRow) -> Trade:
    """Return a stored trade; what an open one does not have yet is None."""
    entry = row.opening.entry
    shown = shown_entry(entry) if row.closing is None else shown_entry(entry) | shown_exit(entry, row.closing)
    return cast("Trade", {"number": row.number, **{name: shown.get(name) for name in TRADE_COLUMNS}})


def numbered_trade(number: int, trade: ClosedTrade) -> Trade:
    """Return a closed trade that is not stored, under a number of the caller's."""
    return cast("Trade", {"number": number, **shown_entry(trade.entry), **shown_exit(trade.entry, trade.exit)})


def whole_trade(row: TradeRow) -> WholeTrade:
    """Return everything that is stored of a trade."""
    return {
        "ok": True,
        **trade_fields(row),
        "signal_time": format_time(row.opening.signal_time),
        "spread_cost": format_money(row.costs.spread),
        "slippage_cost": format_money(row.costs.slippage),
        "id": row.opening.id,
    }


def say_trades(title: str, rows: list[Trade], whole: str = _WHOLE) -> None:
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


def _trade_cells(row: Trade) -> list[AnyCell]:
    values = cast("dict[str, object]", row)

    def text(name: str) -> str:
        return _OPEN if values[name] is None else str(values[name])

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


def position_fields(reader: Reader, pair: str | None = None) -> list[Position]:
    """Return the open positions."""
    return [_position(row) for row in reader.positions(pair)]


def _position(row: PositionRow) -> Position:
    marked = {
        "mark_price": format_points(row.mark_price, row.entry.digits),
        "mark_time": format_time(row.mark_time),
        "unrealised_pnl": format_money(row.unrealised_pnl),
    }
    return cast("Position", {**shown_entry(row.entry), **marked})


def say_positions(rows: list[Position]) -> None:
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
    say_table(
        "Open positions (times UTC)",
        columns,
        [
            [
                row["pair"],
                row["side"],
                str(row["units"]),
                time_cell(row["entry_time"]),
                row["entry_price"],
                row["sl"],
                row["tp"],
                row["mark_price"],
                money_cell(row["unrealised_pnl"]),
            ]
            for row in rows
        ],
    )
