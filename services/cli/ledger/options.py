"""The verbs `gates`, `trades`, `positions` and `status`: what the database holds, newest first."""

import time
from typing import TYPE_CHECKING, Any

import typer

from services.cli.options import AsJson, ConfigFile
from services.cli.output import Column, say, say_figures, say_json, say_table
from services.cli.stored import Database, Limit, OfPair, known_pair, reading
from shared.contracts.granularity import granularity_name

if TYPE_CHECKING:
    from shared.store.port import Reader

_RIGHT = True


def register(program: typer.Typer) -> None:
    """Add the verbs."""
    program.command("gates")(gates)
    program.command("trades")(trades)
    program.command("positions")(positions)
    program.command("status")(status)


def gates(
    pair: OfPair = None,
    limit: Limit = 20,
    database: Database = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the latest judged candles: time of the decision, signal, reason and the gates that failed."""
    import msgspec

    from shared.contracts.times import format_time
    from shared.core.types import REASON_NAMES, SIDE_NAMES

    with reading(database, config) as reader:
        found = reader.gate_snapshots(limit, known_pair(pair))
    rows = [
        {
            "ts_utc": format_time(row.time),
            "pair": row.pair,
            "granularity": granularity_name(row.granularity_seconds),
            "candle_time": format_time(row.candle_time),
            "strategy": row.strategy,
            "final_signal": SIDE_NAMES[row.final_signal],
            "reason": REASON_NAMES[row.reason],
            "gates": msgspec.json.decode(row.verdicts_json),
            "indicators": msgspec.json.decode(row.indicators_json),
        }
        for row in found
    ]
    if as_json:
        say_json(rows)
        return
    headings = ("decided", "pair", "strategy", "signal", "reason", "failed gates")
    say_table(
        "Judged candles (time of the decision, which is the candle's close)",
        [Column(heading) for heading in headings],
        [
            (
                row["ts_utc"],
                row["pair"],
                row["strategy"],
                row["final_signal"],
                row["reason"],
                ", ".join(verdict["gate"] for verdict in row["gates"] if not verdict["passed"]) or "-",
            )
            for row in rows
        ],
    )


def trades(
    pair: OfPair = None,
    limit: Limit = 20,
    database: Database = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the latest trades, open ones included."""
    with reading(database, config) as reader:
        rows = [trade_fields(row) for row in reader.trades(limit, known_pair(pair))]
    if as_json:
        say_json(rows)
    else:
        say_trades("Trades", rows)


def positions(
    pair: OfPair = None, database: Database = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Show the open positions at their latest marks."""
    with reading(database, config) as reader:
        rows = position_fields(reader, known_pair(pair))
    if as_json:
        say_json(rows)
    else:
        say_positions(rows)


def status(database: Database = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show how the account stands: balance, equity, today, open positions and the newest candle of each pair."""
    with reading(database, config) as reader:
        report = _status(reader)
    if as_json:
        say_json(report)
        return
    day = report["trading_day"]
    figures = [
        (name.replace("_", " "), str(report[name])) for name in ("balance", "equity", "open_positions", "trades")
    ]
    figures.append(("candles", str(report["candles"])))
    figures += [("entries held", f"{each['scope']}: {each['kind']} by {each['actor']}") for each in report["holds"]]
    waiting = report["pending_commands"]
    if waiting["count"]:
        figures.append(("commands waiting", f"{waiting['count']}, the oldest for {waiting['oldest_age_seconds']:g} s"))
    if day is not None:
        halted = "halted until the next trading day" if day["halted"] else "not halted"
        figures.append(("trading day", f"{day['date']}: P/L {day['realised_pnl']}, {day['trades']} trades, {halted}"))
    say_figures("Account", figures)
    say_figures("Newest candle (open time)", [(name, time) for name, time in report["newest_candles"].items()])
    if report["candles_not_traded"]:
        waiting = report["candles_not_traded"]
        say(f"{waiting} stored candles are not traded yet: start the services, or run `scalpbot paper` again.")


def _status(reader: "Reader") -> dict[str, Any]:
    from services.executor.work import SERVICE
    from shared.calendar.trading_day import trading_day_date
    from shared.contracts.decimals import format_money
    from shared.contracts.times import format_time
    from shared.runtime.commands import age_seconds
    from shared.runtime.streams import ALL_ASSESSED

    points, days, newest = reader.equity(1), reader.daily_stats(1), reader.trades(1)
    events = reader.account_events(1)
    last = reader.last_candle()
    day = days[0] if days else None
    waiting, oldest = reader.backlog()
    current = points[0] if points else events[0] if events else None
    return {
        "balance": None if current is None else format_money(current.balance),
        "equity": None if current is None else format_money(current.equity),
        "open_positions": len(reader.positions()),
        "trades": newest[0].number if newest else 0,
        "candles": reader.candle_count(),
        "candles_not_traded": 0 if last is None else last.seq - reader.cursor(SERVICE, ALL_ASSESSED),
        "holds": [
            {
                "scope": row.scope,
                "kind": row.kind,
                "actor": row.actor,
                "since": format_time(row.since_time),
                "command_id": row.command_id,
            }
            for row in reader.holds()
        ],
        "pending_commands": {
            "count": waiting,
            "oldest_age_seconds": None if oldest is None else age_seconds(oldest, time.time()),
        },
        "trading_day": None
        if day is None
        else {
            "date": trading_day_date(day.trading_day).isoformat(),
            "realised_pnl": format_money(day.realised_pnl),
            "trades": day.trades,
            "max_drawdown_percent": round(100 * day.max_drawdown_ratio, 4),
            "halted": day.halted,
        },
        "newest_candles": {
            row.key: format_time(max(seen.candle_time for seen in reader.gate_snapshots(1, row.key)))
            for row in reader.snapshots("strategy")
        },
    }


def trade_fields(row: Any) -> dict[str, Any]:
    """Return a stored trade as named texts; what an open one does not have yet is None."""
    from shared.contracts.decimals import format_money, format_pips, format_points
    from shared.contracts.times import format_time
    from shared.core.types import EXIT_NAMES, SIDE_NAMES, instrument

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


def position_fields(reader: "Reader", pair: str | None = None) -> list[dict[str, Any]]:
    """Return the open positions as named texts."""
    from shared.contracts.decimals import format_money, format_points
    from shared.contracts.times import format_time
    from shared.core.types import SIDE_NAMES, instrument

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
