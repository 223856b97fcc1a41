"""Write the sample candles and calendar: `python -m tests.tools.make_sample [FOLDER]`."""

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from services.ingest.demo.market import DemoMarket
from services.ingest.demo.news import demo_events, week_of
from services.ingest.files.writer import candle_lines
from shared.contracts.instruments import instrument
from shared.core.columns import CandleSeries
from tests.repository import ROOT

SAMPLE_FOLDER = ROOT / "tests" / "fixtures" / "sample"
SAMPLE_PAIRS = ("EUR_USD", "GBP_USD", "USD_JPY")
# New York and London change to summer time inside these five weeks, on different Sundays.
SAMPLE_START = int(datetime(2024, 3, 3, 17, tzinfo=ZoneInfo("America/New_York")).timestamp())
SAMPLE_END = int(datetime(2024, 4, 5, 17, tzinfo=ZoneInfo("America/New_York")).timestamp())
SAMPLE_SEED = 20240303


def write_sample(folder: Path) -> None:
    """Write the candle file of each pair and the calendar."""
    folder.mkdir(parents=True, exist_ok=True)
    for pair in SAMPLE_PAIRS:
        market = DemoMarket(instrument(pair), SAMPLE_SEED, SAMPLE_START)
        text = "".join(candle_lines(sample_of(market)))
        (folder / f"{pair}_M5_sample.csv").write_bytes(text.encode())
    events = ",\n ".join(json.dumps(event) for event in _calendar())
    (folder / "calendar_sample.json").write_bytes(f"[\n {events}\n]\n".encode())


def first_candles(market: DemoMarket, count: int) -> CandleSeries:
    """Return so many candles of a market, from its start on."""
    weeks: list[CandleSeries] = []
    for week in market.weeks():
        weeks.append(week)
        if sum(len(each.time) for each in weeks) >= count:
            break
    columns = [np.concatenate(column)[:count] for column in zip(*(each.columns for each in weeks), strict=True)]
    return CandleSeries._make((market.instrument, market.granularity_seconds, *columns))


def sample_of(market: DemoMarket) -> CandleSeries:
    """Return the candles of a market from the start of the sample to its end."""
    series = first_candles(market, (SAMPLE_END - SAMPLE_START) // market.granularity_seconds)
    return series.part(series.time < SAMPLE_END)


def _calendar() -> Iterator[dict[str, str]]:
    zone = ZoneInfo("America/New_York")
    for week in range(week_of(SAMPLE_START), week_of(SAMPLE_END) + 1):
        for event in demo_events(SAMPLE_SEED, week):
            yield {
                "title": event.title,
                "country": event.currency,
                "date": datetime.fromtimestamp(event.time, zone).isoformat(),
                "impact": event.impact,
            }


if __name__ == "__main__":
    write_sample(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE_FOLDER)
