"""Write the generated candles that everything is measured on: `python -m tests.benchmarks.candles FILE COUNT`."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from services.ingest.demo.market import DemoMarket
from services.ingest.files.candle_file import parse_candle_argument, read_candle_file
from services.ingest.files.writer import candle_lines
from shared.contracts.instruments import instrument
from shared.core.columns import CandleSeries
from shared.settings.settings import Settings
from tests.tools.make_sample import first_candles

PAIR = "EUR_USD"
_START = int(datetime(2020, 1, 6, tzinfo=UTC).timestamp())
_SEED = 2020


def write_candles(file: Path, count: int) -> None:
    """Write the first minutes of a demo market, bid and ask."""
    market = DemoMarket(instrument(PAIR), _SEED, _START, granularity_seconds=60)
    with file.open("w", encoding="ascii") as target:
        target.writelines(candle_lines(first_candles(market, count)))


def read_candles(file: str) -> CandleSeries:
    """Read candles as the verbs do."""
    spread = Settings().pair(PAIR).model_spread_points
    return read_candle_file(parse_candle_argument(f"{PAIR}={file}"), model_spread_points=spread).series


if __name__ == "__main__":
    write_candles(Path(sys.argv[1]), int(sys.argv[2]))
