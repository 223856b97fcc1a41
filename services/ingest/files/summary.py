"""What a candle file holds, for a check before it is used."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.ingest.files.candle_file import CandleFile, read_candle_file
from services.ingest.files.layout import RejectedRow
from services.ingest.files.volume import volume_note
from services.ingest.gaps import KINDS_IN_FILES, Gap, find_gaps
from shared.contracts.granularity import granularity_name
from shared.contracts.vocabulary import GapKind
from shared.core.types import POINTS_PER_PIP, Instrument


@dataclass(frozen=True, slots=True)
class CandleFileSummary:
    """A candle file at a glance: times are open times in seconds, spreads those of the closes in pips.

    Of a file with mid prices the spreads are the model's.
    """

    instrument: Instrument
    header_kind: str
    granularity: str
    candles: int
    first_time: int
    last_time: int
    median_spread_pips: float
    p95_spread_pips: float
    gaps: tuple[Gap, ...]
    rejected: tuple[RejectedRow, ...]
    candles_without_volume: int
    volume_note: str | None

    @property
    def rows(self) -> int:
        """Return the number of rows, good and bad."""
        return self.candles + len(self.rejected)

    @property
    def gaps_by_kind(self) -> Mapping[GapKind, int]:
        """Return how many gaps there are of every kind."""
        return {kind: sum(gap.kind is kind for gap in self.gaps) for kind in KINDS_IN_FILES}

    @property
    def missing_candles(self) -> int:
        """Return how many candles the open market should have had in the gaps."""
        return sum(gap.missing_candles for gap in self.gaps)


def check_candle_file(
    source: CandleFile,
    *,
    model_spread_points: int,
    granularity_seconds: int | None = None,
    trading_day_zone: str = "UTC",
    trading_day_hour: int = 0,
) -> CandleFileSummary:
    """Return the summary of a candle file, bad rows included; raise `InputError` if it holds no good row."""
    series, rejected, header_kind = read_candle_file(
        source, model_spread_points=model_spread_points, granularity_seconds=granularity_seconds, skip_bad_rows=True
    )
    median, p95 = np.percentile(series.ask_close - series.bid_close, (50, 95)) / POINTS_PER_PIP
    return CandleFileSummary(
        instrument=series.instrument,
        header_kind=header_kind,
        granularity=granularity_name(series.granularity_seconds),
        candles=len(series.time),
        first_time=int(series.time[0]),
        last_time=int(series.time[-1]),
        median_spread_pips=float(median),
        p95_spread_pips=float(p95),
        gaps=tuple(find_gaps(series.time, series.granularity_seconds)),
        rejected=tuple(rejected),
        candles_without_volume=int(np.count_nonzero(series.volume == 0)),
        volume_note=volume_note(series, zone=trading_day_zone, hour=trading_day_hour),
    )
