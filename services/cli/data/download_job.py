"""`scalpbot data download`: candles of OANDA as a file."""

import time
from pathlib import Path
from typing import Final

from services.cli.configuration import read_settings
from services.cli.documents.candles import DownloadedCandles
from services.cli.terminal.output import note, say_figures, say_json
from services.cli.terminal.progress import bar
from services.ingest.files.download import Download, DownloadRequest, download_candles
from services.ingest.gaps import KINDS_IN_FILES
from shared.calendar.market_hours import open_seconds_between
from shared.contracts.errors import InfrastructureError, InputError
from shared.contracts.granularity import granularity_name, parse_granularity
from shared.contracts.pairs import parse_pair
from shared.contracts.times import format_time, parse_moment
from shared.runtime.oanda_access import connect

_NOTED_PAUSE_SECONDS: Final = 1.0


def download(
    pair: str, granularity: str, *, span: tuple[str, str | None], out: Path, config: Path | None, as_json: bool
) -> None:
    """Download the candles from the first time to the second, now by default; raise InputError for wrong input."""
    from_, to = span
    settings = read_settings(config)
    now = int(time.time())
    step, start = parse_granularity(granularity), parse_moment(from_)
    end = now if to is None else parse_moment(to)
    if start >= now:
        raise InputError(f"--from {from_} is in the future, where there are no candles yet; give an earlier time")
    wanted = DownloadRequest(
        instrument=settings.instrument(parse_pair(pair)),
        granularity_seconds=step,
        from_time=start,
        to_time=end,
        path=out,
    )

    def slots(until: int) -> int:
        return open_seconds_between(start, max(start, until)) // step

    total = slots(min(end, now))
    try:
        with (
            connect(settings, time.time, retrying=_note_pause) as connection,
            bar(f"{pair} {granularity}", total) as progress,
        ):
            done = download_candles(connection, wanted, lambda newest: progress(min(total, slots(newest))))
    except (InfrastructureError, KeyboardInterrupt):
        if out.exists():
            note(f"{out} holds complete rows so far; run the same command again to continue")
        raise
    if as_json:
        say_json(_document(wanted, done))
    else:
        _say(wanted, done)


def _note_pause(reason: str, pause_seconds: float) -> None:
    if pause_seconds >= _NOTED_PAUSE_SECONDS:
        note(f"OANDA gave no usable answer ({reason}); trying again in {pause_seconds:.0f} s")


def _document(wanted: DownloadRequest, done: Download) -> DownloadedCandles:
    return {
        "ok": True,
        "file": str(wanted.path),
        "pair": wanted.instrument.name,
        "granularity": granularity_name(wanted.granularity_seconds),
        "rows_before": done.rows_before,
        "rows_written": done.rows_written,
        "cut_bytes": done.cut_bytes,
        "first_open_time": None if done.first_time is None else format_time(done.first_time),
        "last_open_time": None if done.last_time is None else format_time(done.last_time),
        "gaps_by_kind": {kind.value: sum(gap.kind is kind for gap in done.gaps) for kind in KINDS_IN_FILES},
        "missing_candles": sum(gap.missing_candles for gap in done.gaps),
        "left_out": [
            {"time": None if each.time is None else format_time(each.time), "reason": each.reason}
            for each in done.left_out
        ],
    }


def _say(wanted: DownloadRequest, done: Download) -> None:
    if done.first_time is None or done.last_time is None:
        note("OANDA has no complete candle in that time; no file was made")
        return
    counts = ((sum(gap.kind is kind for gap in done.gaps), kind.value.replace("_", " ")) for kind in KINDS_IN_FILES)
    kinds = ", ".join(f"{count} {name}" for count, name in counts)
    missing = sum(gap.missing_candles for gap in done.gaps)
    figures = [
        ("rows written", f"{done.rows_written:,}, after {done.rows_before:,} that were there"),
        ("open times", f"{format_time(done.first_time)} to {format_time(done.last_time)}"),
        ("gaps", f"{kinds}; {missing:,} candles missing while the market was open"),
    ]
    if done.cut_bytes:
        figures.append(("incomplete last line", f"{done.cut_bytes} bytes were cut off"))
    if done.left_out:
        figures.append(("left out", f"{len(done.left_out):,} candles; the first: {done.left_out[0].reason}"))
    say_figures(f"{wanted.path}: {wanted.instrument.name} {granularity_name(wanted.granularity_seconds)}", figures)
