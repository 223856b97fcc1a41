"""`scalpbot gates`, `trades`, `positions` and `status`: rows of the database as tables or JSON."""

import time
from typing import Any

import msgspec

from services.cli.database import reading
from services.cli.ledger.rows import position_fields, say_positions, say_trades, trade_fields
from services.cli.options import AtDatabase
from services.cli.output import Column, say, say_figures, say_json, say_table
from shared.calendar.trading_day import trading_day_date
from shared.contracts.decimals import format_money
from shared.contracts.granularity import granularity_name
from shared.contracts.pairs import known_pair
from shared.contracts.times import format_time
from shared.core.types import REASON_NAMES, SIDE_NAMES
from shared.runtime.commands import age_seconds
from shared.runtime.heartbeat import standing_of
from shared.runtime.remembered import missing_rates
from shared.runtime.streams import candles_not_traded
from shared.store.port import Reader
from shared.store.rows.leases import HeartbeatRow


def gates(where: AtDatabase, *, pair: str | None, limit: int, as_json: bool) -> None:
    """Print the latest judged candles."""
    with reading(where) as reader:
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


def trades(where: AtDatabase, *, pair: str | None, limit: int, as_json: bool) -> None:
    """Print the latest trades."""
    with reading(where) as reader:
        rows = [trade_fields(row) for row in reader.trades(limit, known_pair(pair))]
    if as_json:
        say_json(rows)
    else:
        say_trades("Trades", rows)


def positions(where: AtDatabase, pair: str | None, as_json: bool) -> None:
    """Print the open positions."""
    with reading(where) as reader:
        rows = position_fields(reader, known_pair(pair))
    if as_json:
        say_json(rows)
    else:
        say_positions(rows)


def status(where: AtDatabase, as_json: bool) -> None:
    """Print how the account stands."""
    with reading(where) as reader:
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
    figures += [
        ("waits for another process", f"{each['instance']}, which would do the work of {each['lease']}")
        for each in report["processes"]
        if each["leads"] is False
    ]
    waiting = report["pending_commands"]
    if waiting["count"]:
        figures.append(("commands waiting", f"{waiting['count']}, the oldest for {waiting['oldest_age_seconds']:g} s"))
    if day is not None:
        halted = "halted until the next trading day" if day["halted"] else "not halted"
        figures.append(("trading day", f"{day['date']}: P/L {day['realised_pnl']}, {day['trades']} trades, {halted}"))
    say_figures("Account", figures)
    for sentence in report["notes"]:
        say(f"Note: {sentence}")
        say()
    say_figures("Newest candle (open time)", [(name, time) for name, time in report["newest_candles"].items()])
    if report["candles_not_traded"]:
        waiting = report["candles_not_traded"]
        say(f"{waiting} stored candles are not traded yet: start the services, or run `scalpbot paper` again.")


def _status(reader: Reader) -> dict[str, Any]:
    points, days, newest = reader.equity(1), reader.daily_stats(1), reader.trades(1)
    events = reader.account_events(1)
    day = days[0] if days else None
    waiting, oldest = reader.backlog()
    current = points[0] if points else events[0] if events else None
    return {
        "balance": None if current is None else format_money(current.balance),
        "equity": None if current is None else format_money(current.equity),
        "open_positions": len(reader.positions()),
        "trades": newest[0].number if newest else 0,
        "candles": reader.candle_count(),
        "candles_not_traded": candles_not_traded(reader),
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
        "processes": [_process(row) for row in reader.heartbeats()],
        "trading_day": None
        if day is None
        else {
            "date": trading_day_date(day.trading_day).isoformat(),
            "realised_pnl": format_money(day.realised_pnl),
            "trades": day.trades,
            "max_drawdown_percent": round(100 * day.max_drawdown_ratio, 4),
            "halted": day.halted,
        },
        "notes": missing_rates(reader),
        "newest_candles": {
            row.key: format_time(max(seen.candle_time for seen in reader.gate_snapshots(1, row.key)))
            for row in reader.snapshots("strategy")
        },
    }


def _process(row: HeartbeatRow) -> dict[str, Any]:
    standing = standing_of(row)
    return {
        "service": row.service,
        "instance": row.instance,
        "age_seconds": round(row.age_seconds, 1),
        "lease": None if standing is None else standing.lease,
        "leads": None if standing is None else standing.leads,
    }
