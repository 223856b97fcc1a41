"""Play the fault matrix with real processes and print what was lost, doubled and violated.

`python -m tests.tools.faults [--rows 1,2,18] [--repetitions 3]`; exits with 1 where a promise was broken.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.faults.matrix import CAMPAIGN
from tests.faults.outcome import Outcome, table_of
from tests.faults.stage import Stage
from tests.servers.choice import SWITCH, open_postgres_server, open_rabbit_server


def main(arguments: Sequence[str]) -> int:
    """Play the rows that are asked for and return the exit code."""
    choice = _parsed(arguments)
    outcomes: list[Outcome] = []
    broken: list[str] = []
    with ExitStack() as opened:
        switch = os.environ.get(SWITCH, "")
        rabbit = opened.enter_context(open_rabbit_server(switch))
        postgres = opened.enter_context(open_postgres_server(switch, survives_power_cut=True))
        folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="scalpbot-faults-"))
        stage = Stage(rabbit, postgres, Path(folder))
        for row in choice.rows:
            print(f"row {row} ...", file=sys.stderr, flush=True)
            try:
                played = CAMPAIGN[row](stage, choice.repetitions)
            except Exception as fault:
                broken.append(f"row {row}: {type(fault).__name__}: {fault}")
            else:
                outcomes += played
                print(table_of(played), file=sys.stderr, flush=True)
    print(table_of(outcomes))
    broken += [promise for outcome in outcomes for promise in outcome.broken_promises()]
    for each in broken:
        print(f"BROKEN {each}")
    return 1 if broken else 0


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.faults", description="Play the fault matrix.")
    parser.add_argument("--rows", type=_rows, default=list(CAMPAIGN), help="rows divided by commas; default: all")
    parser.add_argument("--repetitions", type=int, default=3, metavar="N", help="how often each is played; default: 3")
    return parser.parse_args(arguments)


def _rows(text: str) -> list[str]:
    rows = text.split(",")
    unknown = [row for row in rows if row not in CAMPAIGN]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(CAMPAIGN)}")
    return rows


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
