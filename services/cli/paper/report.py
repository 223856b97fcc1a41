"""What a paper run leaves behind, as a document and for people."""

from typing import NamedTuple

from services.cli.documents.account import Paper, PaperRun, TradedPair, gate_documents
from services.cli.ledger.rows import position_fields, say_positions, say_trades, trade_fields
from services.cli.terminal.output import amount_text, say, say_figures
from services.cli.terminal.tables import Column, say_table
from services.inspection.csv_export import closed_trades
from shared.contracts.decimals import format_money
from shared.contracts.funnel import gate_counts, passed_all
from shared.contracts.shown import trade_hash
from shared.contracts.times import format_time
from shared.core.types import GATE_SIGNAL, NO_CONVERSION_RATE, QUANTA_PER_UNIT, REASON_NAMES, REFUSALS
from shared.settings.rates import rate_notes
from shared.settings.settings import Settings
from shared.store.port import Reader

_SHOWN_TRADES = 10


class RunReport(NamedTuple):
    """What is told of a run: its mode, its pairs, what it added, the rows it refused, and where it stored them."""

    mode: str
    pairs: list[TradedPair]
    run: PaperRun
    rejected_rows: int
    stored_in: str


def paper_report(reader: Reader, settings: Settings, told: RunReport) -> Paper:
    """Return what the database holds of the account, and what was traded."""
    closed, known = closed_trades(reader), [each.pair for each in reader.newest_candles()]
    funnel = reader.gate_funnel()
    by_mask: dict[int, int] = {}
    for row in funnel:
        by_mask[row.failed_gates] = by_mask.get(row.failed_gates, 0) + row.candles
    wins, losses = sum(trade.profit > 0 for trade in closed), sum(trade.profit < 0 for trade in closed)
    net = sum(trade.profit for trade in closed)
    start = int(settings.account.start_balance * QUANTA_PER_UNIT)
    open_positions = position_fields(reader)
    unrealised = sum(row.unrealised_pnl for row in reader.positions())
    return {
        "ok": True,
        "mode": told.mode,
        "pairs": told.pairs,
        "currency": settings.account.currency,
        "candles": reader.candle_count(),
        "trades": len(closed),
        "wins": wins,
        "losses": losses,
        "net": format_money(net),
        "start_balance": format_money(start),
        "balance": format_money(start + net),
        "equity": format_money(start + net + unrealised),
        "costs": {
            "spread": format_money(sum(trade.costs.spread for trade in closed)),
            "slippage": format_money(sum(trade.costs.slippage for trade in closed)),
        },
        "ambiguous": sum(trade.exit.ambiguous for trade in closed),
        "trade_hash": trade_hash(closed),
        "funnel": {"gates": gate_documents(gate_counts(by_mask)), "passed": passed_all(by_mask)},
        "refusals": {
            REASON_NAMES[row.reason]: row.candles
            for row in funnel
            if row.reason in REFUSALS and not row.failed_gates & (1 << (GATE_SIGNAL - 1))
        },
        "halts": sum(day.halted for day in reader.daily_stats(1_000_000)),
        "open_positions": open_positions,
        "notes": rate_notes(settings, known, {pair: _unconverted(reader, pair) for pair in known}),
        "last_trades": [trade_fields(row) for row in reader.trades(_SHOWN_TRADES)],
        "rejected_rows": told.rejected_rows,
        "run": told.run,
        "stored_in": told.stored_in,
        "exported": None,
    }


def _unconverted(reader: Reader, pair: str) -> int:
    return sum(row.candles for row in reader.gate_funnel(pair) if row.reason == NO_CONVERSION_RATE)


def pair_of(pair: str, granularity: str, settings: Settings, span: tuple[int, int] | None = None) -> TradedPair:
    """Return what a report says of a pair; `span` holds the first and the last open time of its candle file."""
    settled = settings.pair(pair)
    return {
        "pair": pair,
        "granularity": granularity,
        "first_open_time": None if span is None else format_time(span[0]),
        "last_open_time": None if span is None else format_time(span[1]),
        "strategy": settled.strategy,
        "profile": settled.profile,
    }


def say_paper_report(report: Paper) -> None:
    """Write the report of a paper run for people."""
    run, currency = report["run"], report["currency"]
    how = "fills at bid and ask, stop loss first where one candle holds both stop and target"
    say(f"Paper run, {report['mode']}: {how}")
    for pair in report["pairs"]:
        span = (
            f", {pair['first_open_time']} to {pair['last_open_time']} (open times)" if pair["first_open_time"] else ""
        )
        say(f"  {pair['pair']} {pair['granularity']}{span}, {pair['strategy']} {pair['profile']}")
    say(f"  news calendar: {run['news'] or 'none given, so the news gate lets every candle pass'}")
    known = report["candles"] - run["new_candles"]
    seconds = run["seconds"] or 0
    rate = f", {run['new_candles'] / seconds:,.0f} a second" if seconds > 0 and run["new_candles"] else ""
    say(f"  {run['new_candles']} candles traded now{rate}; {known} were stored before")
    if report["rejected_rows"]:
        say(f"  {report['rejected_rows']} bad rows skipped, kept in table rejected_candles")
    say()
    _say_results(report, currency)
    columns = [Column("#", True), Column("gate"), Column("stopped first", True), Column("failed in total", True)]
    gates = report["funnel"]["gates"]
    judged = report["funnel"]["passed"] + sum(gate["stopped_first"] for gate in gates)
    say_table(
        f"Gate funnel ({judged} candles)",
        columns,
        [
            (str(gate["gate"]), gate["name"].replace("_", " "), str(gate["stopped_first"]), str(gate["failed"]))
            for gate in gates
        ],
    )
    refused = "".join(f", {count} refused ({reason})" for reason, count in report["refusals"].items())
    say(f"  {report['funnel']['passed']} candles passed all gates{refused}")
    say()
    if report["last_trades"]:
        say_trades(f"Latest trades (of {report['trades'] + len(report['open_positions'])})", report["last_trades"])
    if report["open_positions"]:
        say_positions(report["open_positions"])
    for sentence in report["notes"]:
        say(f"Note: {sentence}")
    say(f"Trade hash  {report['trade_hash']}")
    say(f"Stored in   {report['stored_in']}")
    exported = report["exported"]
    if exported is not None:
        appended = f"{exported['signals']} signals and {exported['trades']} trades"
        say(f"Exported    {appended} appended in {exported['folder']}")


def _say_results(report: Paper, currency: str) -> None:
    win_rate = f"{100 * report['wins'] / report['trades']:.1f} %" if report["trades"] else "-"
    say_figures(
        "Results",
        [
            ("closed trades", f"{report['trades']} ({report['wins']} won, {report['losses']} lost)"),
            ("win rate", win_rate),
            ("net P/L", f"{amount_text(report['net'])} {currency}"),
            ("balance", f"{report['balance']} {currency} (start {report['start_balance']})"),
            ("equity", f"{report['equity']} {currency}, {len(report['open_positions'])} positions open"),
            ("paid", f"spread {report['costs']['spread']}, slippage {report['costs']['slippage']} (in the P/L)"),
            ("ambiguous trades", str(report["ambiguous"])),
            ("days halted", str(report["halts"])),
        ],
    )
