"""Time a paper run of all services in one process, everything stored. Arguments: a candle file, a new database."""

import json
import sys
import time
from pathlib import Path

from tests.benchmarks.candles import read_candles
from tests.fixtures.paper import run_paper


def measure(file: str, database: Path) -> dict[str, object]:
    """Return candles and seconds from an empty database to the last commit."""
    series = read_candles(file)
    begin = time.perf_counter()
    candles = run_paper(database, [series])
    seconds = time.perf_counter() - begin
    return {"candles": candles, "best": seconds, "database_megabytes": database.stat().st_size / 2**20}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
