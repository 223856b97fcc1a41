"""`scalpbot gates`, `trades`, `positions` and `status`: rows of the database as tables or JSON."""

import time
from collections.abc import Iterator
from typing import Final, NamedTuple, cast

from services.cli.database import reading, reading_at, url_read
from services.cli.documents.account import RunningProcess, Status
from services.cli.documents.market import JudgedCandle, Verdict
from services.cli.ledger.rows import position_fields, say_positions, say_trades, trade_fields, whole_trade
from services.cli.options import AtDatabase, Between
from services.cli.terminal.output import NO_VALUE, duration_text, note, say, say_figures, say_json
from services.cli.terminal.tables import GOOD, LATE, Column, say_table, time_cell, word_cell
from services.cli.times import span_of
from shared.calendar.trading_day import trading_day_date
from shared.contracts.decimals import format_money
from shared.contracts.errors import InputError
from shared.contracts.granularity import granularity_name
from shared.contracts.pairs import known_pair
from shared.contracts.times import format_time
from shared.core.types import REASON_NAMES, SIDE_NAMES
from shared.runtime.commands import age_seconds
from shared.runtime.heartbeat import standing_of
from shared.runtime.overview.account import account_overview
from shared.runtime.overview.trading import Trading, trading_now
from shared.runtime.remembered import missing_rates
from shared.store.file_lock import file_is_held
from shared.store.port import Reader
from shared.store.rows.leases import HeartbeatRow
from shared.store.rows.market import GateSnapshotRow

_REASON_STYLES: Final = {"passed": GOOD, "hold": LATE, "daily loss halt": LATE, "stale data": LATE}
_TRADED: Final = {
    Trading.NOW: "now, by a process that runs",
    Trading.SOON: "not this moment: an executor lives, and none leads",
    Trading.NOBODY: "by nobody now",
}


class Rows(NamedTuple):
    """Which rows are asked for: of one pair or of all, at most so many, of a time or whenever they were."""

    pair: str | None
    limit: int
    between: Between


def gates(where: AtDatabase, asked: Rows, as_json: bool) -> None:
    """Print the latest judged candles."""
    pair, span = known_pair(asked.pair), span_of(asked.between, asked.limit, time.time())
    with reading(where) as reader:
        found = (
            reader.gate_snapshots(asked.limit, pair)
            if span is None
            else [each.row for each in reader.list_gates(span, pair)]
        )
    rows = [_judged(row) for row in found]
    if as_json:
        say_json(rows)
        return
    say_table(
        "Judged candles (time of the decision, which is the candle's close, UTC)",
        [
            Column("decided"),
            Column("pair"),
            Column("strategy", leave=1),
            Column("signal"),
            Column("reason"),
            Column("failed gates", cut=True),
        ],
        [
            (
                time_cell(row["decision_time"]),
                row["pair"],
                row["strategy"],
                row["final_signal"],
                word_cell(row["reason"].replace("_", " "), _REASON_STYLES),
                ", ".join(verdict["gate"] for verdict in row["gates"] if not verdict["passed"]) or "-",
            )
            for row in rows
        ],
        "`scalpbot why PAIR TIME` has all of a candle.",
    )


def _judged(row: GateSnapshotRow) -> JudgedCandle:
    return {
        "decision_time": format_time(row.time),
        "pair": row.pair,
        "granularity": granularity_name(row.granularity_seconds),
        "candle_time": format_time(row.candle_time),
        "strategy": row.strategy,
        "final_signal": SIDE_NAMES[row.final_signal],
        "reason": REASON_NAMES[row.reason],
        "gates": cast("list[Verdict]", row.verdicts.in_words()),
        "indicators": dict(row.indicators),
    }


def trades(where: AtDatabase, asked: Rows, as_json: bool) -> None:
    """Print the latest trades."""
    pair, span = known_pair(asked.pair), span_of(asked.between, asked.limit, time.time())
    with reading(where) as reader:
        found = (
            reader.trades(asked.limit, pair) if span is None else [each.row for each in reader.list_trades(span, pair)]
        )
    rows = [trade_fields(row) for row in found]
    if as_json:
        say_json(rows)
    else:
        say_trades("Trades (times UTC)", rows)


def show_trade(where: AtDatabase, number: int, as_json: bool) -> None:
    """Print one trade; raise InputError where there is none of this number."""
    with reading(where) as reader:
        row = reader.trade_of_number(number)
    if row is None:
        raise InputError(f"there is no trade {number}; see `scalpbot trades`")
    fields = whole_trade(row)
    if as_json:
        say_json(fields)
        return
    named = [(name.replace("_", " "), _words(value)) for name, value in fields.items() if name not in ("ok", "number")]
    say_figures(f"Trade {number}", named)
    note(f"`scalpbot why {fields['pair']} {fields['signal_time']}` shows the candle that gave its signal.")


def _words(value: object) -> str:
    match value:
        case None:
            return NO_VALUE
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


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
    url = url_read(where)
    with reading_at(url) as reader:
        report = _status(reader, trading_now(reader, file_is_held(url)))
    if as_json:
        say_json(report)
        return
    say_figures("Account", _figures(report))
    for sentence in report["notes"]:
        say(f"Note: {sentence}")
        say()
    say_figures("Newest candle (open time)", [(name, time) for name, time in report["newest_candles"].items()])
    if report["candles_not_traded"] and report["trading"] == Trading.NOBODY:
        waiting = report["candles_not_traded"]
        say(f"{waiting} stored candles are not traded yet: start the services, or run `scalpbot paper` again.")


def _figures(report: Status) -> Iterator[tuple[str, str]]:
    """Yield how the account stands, in words."""
    yield "balance", report["balance"] or "nothing was traded yet"
    yield "equity", report["equity"] or "nothing was traded yet"
    yield "open positions", str(report["open_positions"])
    yield "trades", str(report["trades"])
    waiting = report["candles_not_traded"]
    yield "candles", f"{report['candles']}, {waiting} of them not traded yet" if waiting else str(report["candles"])
    yield "traded", _TRADED[Trading(report["trading"])]
    for each in report["holds"]:
        yield "entries held", f"{each['scope']}: {each['kind']} by {each['actor']}"
    for process in report["processes"]:
        if process["leads"] is False:
            yield "waits for another process", f"{process['instance']}, which would do the work of {process['lease']}"
    commands = report["pending_commands"]
    if commands["count"]:
        yield "commands waiting", f"{commands['count']}, the oldest for {duration_text(commands['oldest_age_seconds'])}"
    day = report["trading_day"]
    if day is not None:
        halted = "halted until the next trading day" if day["halted"] else "not halted"
        yield "trading day", f"{day['date']}: P/L {day['realised_pnl']}, {day['trades']} trades, {halted}"


def _status(reader: Reader, trading: Trading) -> Status:
    account = account_overview(reader)
    day, oldest = account.day, account.oldest_command
    return {
        "ok": True,
        "balance": None if account.balance is None else format_money(account.balance),
        "equity": None if account.equity is None else format_money(account.equity),
        "open_positions": account.open_positions,
        "trades": account.trades,
        "candles": reader.candle_count(),
        "candles_not_traded": account.candles_waiting,
        "trading": trading.value,
        "holds": [
            {
                "scope": row.scope,
                "kind": row.kind,
                "actor": row.actor,
                "since_time": format_time(row.since_time),
                "command_id": row.command_id,
            }
            for row in account.holds
        ],
        "pending_commands": {
            "count": account.commands_waiting,
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


def _process(row: HeartbeatRow) -> RunningProcess:
    standing = standing_of(row)
    return {
        "service": row.service,
        "instance": row.instance,
        "age_seconds": round(row.age_seconds, 1),
        "lease": None if standing is None else standing.lease,
        "leads": None if standing is None else standing.leads,
    }
