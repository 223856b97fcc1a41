"""Candles written as a file that the reader takes."""

from collections.abc import Iterator

from services.ingest.files.layout import BID_ASK_LAYOUT
from shared.contracts.decimals import format_points
from shared.contracts.times import format_time
from shared.core.columns import CandleSeries


def candle_lines(series: CandleSeries) -> Iterator[str]:
    """Yield the header and a row for every candle, each ending in a newline."""
    yield f"{BID_ASK_LAYOUT.header}\n"
    digits = series.instrument.digits
    columns = [getattr(series, name).tolist() for name in BID_ASK_LAYOUT.price_names]
    prices = zip(*columns, strict=True)
    for time, points, volume in zip(series.time.tolist(), prices, series.volume.tolist(), strict=True):
        texts = ",".join([format_points(price, digits) for price in points])
        yield f"{format_time(time)},{texts},{volume:.15g}\n"
