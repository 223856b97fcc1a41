"""`scalpbot data check`: what candle files hold, and what is wrong with them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.cli.configuration import read_settings
from services.cli.documents.candles import CandleFile, CheckedFiles
from services.cli.inputs import candle_files
from services.cli.terminal.output import DID_NOT_HOLD, say, say_figures, say_json
from services.cli.terminal.progress import busy
from services.cli.terminal.tables import Column, say_table, time_cell
from services.ingest.files.summary import CandleFileSummary, check_candle_file
from shared.contracts.granularity import parse_granularity
from shared.contracts.times import format_time

_SHOWN: Final = 10


def check(csv: Sequence[str], pair: str | None, *, granularity: str | None, config: Path | None, as_json: bool) -> int:
    """Print what the files hold, and return the exit code that says whether a row is bad."""
    settings = read_settings(config)
    seconds = None if granularity is None else parse_granularity(granularity)
    with busy("reading candles"):
        found = [
            (
                str(file.path),
                check_candle_file(
                    file,
                    model_spread_points=settings.pair(file.instrument.name).model_spread_points,
                    granularity_seconds=seconds,
                    trading_day_zone=settings.calendar.trading_day_zone,
                    trading_day_hour=settings.calendar.trading_day_hour,
                ),
            )
            for file in candle_files(csv, pair, settings)
        ]
    bad = any(summary.rejected for _, summary in found)
    if as_json:
        checked: CheckedFiles = {"ok": not bad, "files": [_document(path, summary) for path, summary in found]}
        say_json(checked)
    else:
        for path, summary in found:
            _say_summary(path, summary)
    return DID_NOT_HOLD if bad else 0


def _document(path: str, summary: CandleFileSummary) -> CandleFile:
    return {
        "file": path,
        "pair": summary.instrument.name,
        "header": summary.header_kind,
        "granularity": summary.granularity,
        "rows": summary.rows,
        "candles": summary.candles,
        "first_open_time": format_time(summary.first_time),
        "last_open_time": format_time(summary.last_time),
        "median_spread_pips": round(summary.median_spread_pips, 2),
        "p95_spread_pips": round(summary.p95_spread_pips, 2),
        "gaps_by_kind": {kind.value: count for kind, count in summary.gaps_by_kind.items()},
        "missing_candles": summary.missing_candles,
        "gaps": [
            {
                "from_time": format_time(gap.from_time),
                "to_time": format_time(gap.to_time),
                "missing_candles": gap.missing_candles,
                "kind": gap.kind.value,
            }
            for gap in summary.gaps
        ],
        "candles_without_volume": summary.candles_without_volume,
        "notes": [] if summary.volume_note is None else [summary.volume_note],
        "bad_rows": [{"line": row.line, "reason": row.reason, "text": row.text} for row in summary.rejected],
    }


def _say_summary(path: str, summary: CandleFileSummary) -> None:
    kinds = ", ".join(f"{count} {kind.value.replace('_', ' ')}" for kind, count in summary.gaps_by_kind.items())
    spread = f"median {summary.median_spread_pips:.2f} pips, 95 % within {summary.p95_spread_pips:.2f} pips"
    say_figures(
        f"{path}: {summary.instrument.name} {summary.granularity}, {summary.header_kind} prices",
        [
            ("rows", f"{summary.rows:,}, of which {len(summary.rejected):,} bad"),
            ("open times", f"{format_time(summary.first_time)} to {format_time(summary.last_time)}"),
            ("spread at close", f"{spread}{' (the model spread)' if summary.header_kind == 'mid' else ''}"),
            ("volume", f"0 in {summary.candles_without_volume:,} candles"),
            ("gaps", f"{kinds}; {summary.missing_candles:,} candles missing while the market was open"),
        ],
    )
    longest = sorted(summary.gaps, key=lambda gap: -gap.missing_candles)[:_SHOWN]
    real = [gap for gap in longest if gap.missing_candles]
    if real:
        say_table(
            f"Longest {len(real)} gaps",
            [Column("from"), Column("to"), Column("missing", right=True), Column("kind")],
            [
                [
                    time_cell(format_time(gap.from_time)),
                    time_cell(format_time(gap.to_time)),
                    str(gap.missing_candles),
                    gap.kind.value,
                ]
                for gap in real
            ],
        )
    if summary.rejected:
        say_table(
            f"First {min(_SHOWN, len(summary.rejected))} bad rows",
            [Column("line", right=True), Column("why", flow=True), Column("row", cut=True)],
            [[str(row.line), row.reason, row.text] for row in summary.rejected[:_SHOWN]],
        )
    if summary.volume_note is not None:
        say(f"Note: {summary.volume_note}.")
    say("bad rows found" if summary.rejected else "ok")
    say()
