"""Backtest candle files: `python -m tests.tools.backtest_run --csv FILE ...` takes what `scalpbot backtest` takes."""

import sys

from services.cli import main

if __name__ == "__main__":
    sys.exit(main(["backtest", *sys.argv[1:]]))
