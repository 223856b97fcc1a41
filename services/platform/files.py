"""Trading candle files from the first candle that is not stored to the last, as fast as possible."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, TypeAlias

from services.executor.build import Outside
from services.ingest.feed import gap_rows, unstored
from services.ingest.files.candle_file import CandleFile, CandleRead
from services.platform.platform import Platform
from services.platform.trading import Run
from shared.calendar.economic import EconomicCalendar
from shared.contracts.runs import RunMode
from shared.runtime.remembered import begin_run
from shared.store.rows.market import CandleGapRow, RejectedCandleRow

# Given how many candles there are; what it enters is told how many were traded so far.
Progress: TypeAlias = Callable[[int], AbstractContextManager[Callable[[int], None]]]


class Traded(NamedTuple):
    """How many candles were new, how many an earlier run had left unfinished, and how long the new ones took."""

    new_candles: int
    recovered_candles: int
    seconds: float


def trade_files(
    run: Run, files: Sequence[tuple[CandleFile, CandleRead]], news: EconomicCalendar | None, progress: Progress
) -> Traded:
    """Trade the candles of files that are not stored yet.

    Raises InputError where the database was traded with something else, or holds other candles.
    """
    store, fence = run.trader
    with store.reading() as reader:
        arrivals = unstored(reader, [read.series for _, read in files])
    begin_run(store, run.settings, news, RunMode.OFFLINE, int(run.process.clock()))
    outside = Outside(run.process.instance, run.process.clock, fence=fence)
    platform = Platform(store, run.settings, RunMode.OFFLINE, news, outside)
    platform.feed.note_quality(*_quality(files))
    started = time.perf_counter()
    with progress(len(arrivals)) as done:
        platform.replay(arrivals, done)
    return Traded(len(arrivals), platform.recovered, round(time.perf_counter() - started, 3))


def _quality(files: Sequence[tuple[CandleFile, CandleRead]]) -> tuple[list[CandleGapRow], list[RejectedCandleRow]]:
    """Return the gaps of the candles in files, and the rows that were set aside."""
    gaps = [gap for _, read in files for gap in gap_rows(read.series)]
    rejected = [
        RejectedCandleRow(
            source=str(file.path), line=row.line, reason=row.reason, raw=row.text, pair=file.instrument.name
        )
        for file, read in files
        for row in read.rejected
    ]
    return gaps, rejected
