"""Time the reading of a candle file. Arguments: the file, and `scalpbot` or `pandas`."""

import json
import sys

import pandas as pd

from tests.benchmarks.candles import read_candles
from tests.benchmarks.timing import timed

_RUNS = 4


def measure(file: str, reader: str) -> dict[str, object]:
    """Return the seconds of one reading."""
    if reader == "scalpbot":
        return timed(lambda: read_candles(file), _RUNS)._asdict()
    return timed(lambda: pd.read_csv(file), _RUNS)._asdict()


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2])))
