"""Measure speed and memory side by side with peers.

`python -m tests.benchmarks [--json] [--candles N] [--only deployed|commands|login|reads]`; exit code 3 says that a
required figure was missed.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.report import as_json, say
from tests.benchmarks.suite import PARTS, measure_all

_MISSED = 3


def main(arguments: list[str]) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure side by side with peers.")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    parser.add_argument("--candles", type=int, default=1_000_000, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument("--only", choices=PARTS, help="measure only this part; login and reads are in no whole run")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="scalpbot-bench-") as folder:
        report = measure_all(Path(folder), chosen.candles, chosen.only)
    if chosen.json:
        print(as_json(report))
    else:
        say(report)
    return 0 if report.passed else _MISSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
