"""Complete candles from OANDA into a candle file, which a later download of the same kind continues."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from services.ingest.files.continuation import NOTHING_YET, CandleFileEnd, FileSoFar, file_so_far
from services.ingest.files.writer import candle_lines
from services.ingest.gaps import Gap, find_gaps
from services.ingest.live.checks import off_grid_reason, on_grid, price_fault
from shared.contracts.decimals import format_points
from shared.contracts.errors import InputError
from shared.contracts.feed import Complete, FedCandle, Incomplete, Refused
from shared.contracts.granularity import granularity_name
from shared.contracts.times import format_time
from shared.core.columns import CandleSeries, Integers
from shared.core.types import Candle, Instrument
from shared.oanda.candles import MOST_CANDLES, CandlePage, candles_between
from shared.oanda.connection import OandaConnection

_OUT_OF_ORDER: Final = "it came out of its order"


class DownloadRequest(NamedTuple):
    """Which candles to fetch into which file: from_time <= open time < to_time, in seconds since the epoch."""

    instrument: Instrument
    granularity_seconds: int
    from_time: int
    to_time: int
    path: Path


class LeftOut(NamedTuple):
    """A candle that OANDA sent and that no candle file may hold, and why."""

    time: int | None
    reason: str


class Download(NamedTuple):
    """What a download did, and the gaps of the whole file; `cut_bytes` were a torn last line."""

    rows_before: int
    rows_written: int
    cut_bytes: int
    first_time: int | None
    last_time: int | None
    gaps: tuple[Gap, ...]
    left_out: tuple[LeftOut, ...]


def download_candles(
    connection: OandaConnection, wanted: DownloadRequest, progress: Callable[[int], None], page_size: int = MOST_CANDLES
) -> Download:
    """Add the missing candles to the file, page by page, each whole; `progress` is told the last open time.

    Interrupted at any moment, the same call goes on after the last whole row. Raises InputError, leaving the file as it
    is, where it cannot be continued: another pair, granularity or header, or a last row that OANDA has otherwise.
    """
    if wanted.from_time >= wanted.to_time:
        raise InputError(
            f"--from {format_time(wanted.from_time)} is not before {format_time(wanted.to_time)}, the end; "
            "give an earlier time"
        )
    so_far = file_so_far(wanted.path, wanted.instrument, wanted.granularity_seconds)
    intake = _Intake(wanted, so_far)
    pages = _following(connection, wanted, so_far, page_size)
    times = [so_far.times]
    with CandleFileEnd(wanted.path, so_far) as end:
        if so_far.torn_bytes:
            end.cut()
        for page in pages:
            candles = intake.fit(page)
            if candles:
                series = _series(wanted, candles)
                end.add(list(candle_lines(series))[1:])
                times.append(series.time)
                progress(candles[-1].time)
            if intake.ended:
                break
    return _result(wanted, so_far, np.concatenate(times), intake.left_out)


def _following(
    connection: OandaConnection, wanted: DownloadRequest, so_far: FileSoFar, page_size: int
) -> Iterator[CandlePage]:
    """Return the pages from the last row on, after making sure that OANDA has this row, and none before the first."""

    def between(start: int, end: int) -> Iterator[CandlePage]:
        return candles_between(
            connection, wanted.instrument, wanted.granularity_seconds, start, end, page_size=page_size
        )

    if so_far.last is None:
        return between(wanted.from_time, wanted.to_time)
    first_time = int(so_far.times[0])
    if wanted.from_time < first_time:
        intake = _Intake(wanted, NOTHING_YET)
        earlier = next(filter(None, map(intake.fit, between(wanted.from_time, first_time))), None)
        if earlier:
            raise InputError(
                f"{wanted.path} begins with {format_time(first_time)}, but OANDA has candles from "
                f"{format_time(earlier[0].time)} on; candles are added at the end only, so name another file with --out"
            )
    pages = between(so_far.last.time, max(wanted.to_time, so_far.last.time + 1))
    page = next(pages, None)
    there = None if page is None else next((one for one in page.candles if one.time == so_far.last.time), None)
    if page is None or not isinstance(there, Complete) or there.candle != so_far.last:
        raise InputError(_overlap_differs(wanted, so_far.last, there))
    return chain([page], pages)


def _overlap_differs(wanted: DownloadRequest, last: Candle, there: FedCandle | None) -> str:
    what = f"{granularity_name(wanted.granularity_seconds)} candle of {wanted.instrument.name}"
    mend = "it may be of another pair or granularity, or was revised: name another file with --out"
    if not isinstance(there, Complete):
        return f"OANDA has no complete {what} at {format_time(last.time)}, the last row of {wanted.path}; {mend}"

    def shown(name: str, value: float) -> str:
        return f"{value:g}" if name == "volume" else format_points(int(value), wanted.instrument.digits)

    name = next(name for name in Candle._fields if getattr(last, name) != getattr(there.candle, name))
    ours, theirs = (shown(name, getattr(each, name)) for each in (last, there.candle))
    return (
        f"the last row of {wanted.path}, {format_time(last.time)}, has {name} {ours}, but OANDA's {what} has {theirs}; "
        f"{mend}"
    )


class _Intake:
    """Decides which of the candles that arrive a candle file may hold: complete, sound, and each after the last."""

    def __init__(self, wanted: DownloadRequest, so_far: FileSoFar) -> None:
        self._wanted = wanted
        self._known = -1 if so_far.last is None else so_far.last.time
        self._newest = max(self._known, wanted.from_time - 1)
        self.left_out: list[LeftOut] = []
        self.ended = False

    def fit(self, page: CandlePage) -> list[Candle]:
        """Return the candles of a page that are to be written; `ended` is set at the first incomplete one."""
        self.left_out += [LeftOut(None, one.reason) for one in page.timeless]
        taken: list[Candle] = []
        for one in page.candles:
            if one.time <= self._known or one.time >= self._wanted.to_time:
                continue
            match one:
                case Incomplete():
                    # What follows would leave a hole where this one belongs.
                    self.ended = True
                    break
                case Refused(time, reason):
                    self.left_out.append(LeftOut(time, reason))
                case Complete(candle):
                    if fault := self._fault(candle):
                        self.left_out.append(LeftOut(candle.time, fault))
                        continue
                    taken.append(candle)
                    self._newest = candle.time
        return taken

    def _fault(self, candle: Candle) -> str | None:
        step = self._wanted.granularity_seconds
        if candle.time <= self._newest:
            return _OUT_OF_ORDER
        if not on_grid(candle.time, step):
            return off_grid_reason(step)
        return price_fault(candle, self._wanted.instrument.digits)


def _series(wanted: DownloadRequest, candles: Sequence[Candle]) -> CandleSeries:
    columns = list(zip(*candles, strict=True))
    integers = [np.array(column, np.int64) for column in columns[:-1]]
    return CandleSeries._make(
        (wanted.instrument, wanted.granularity_seconds, *integers, np.array(columns[-1], np.float64))
    )


def _result(wanted: DownloadRequest, so_far: FileSoFar, times: Integers, left_out: Sequence[LeftOut]) -> Download:
    rows = len(times)
    return Download(
        rows_before=len(so_far.times),
        rows_written=rows - len(so_far.times),
        cut_bytes=so_far.torn_bytes,
        first_time=int(times[0]) if rows else None,
        last_time=int(times[-1]) if rows else None,
        gaps=tuple(find_gaps(times, wanted.granularity_seconds)),
        left_out=tuple(left_out),
    )
