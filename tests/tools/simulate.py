"""Simulate the platform under faults: `python -m tests.tools.simulate --seed 17 --verbose` or `--seeds 0:2000`.

A seed decides everything: which faults strike and when, and who works next. Exit code 3 says that something was lost,
doubled or violated; each such seed is printed with the command that repeats it.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing

from tests.faults.simulator.campaign import failure, run_campaign, table
from tests.faults.simulator.simulation import STEPS, Outcome, Simulator

_FAILED = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate what the arguments say and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.simulate", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seed", type=int, help="run the simulation of one seed")
    what.add_argument("--seeds", type=_range, metavar="FROM:TO", help="run those of a range of seeds, TO left out")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"steps with faults (default {STEPS})")
    parser.add_argument("--verbose", action="store_true", help="print every step of the one seed")
    parser.add_argument("--json", action="store_true", help="print the summary of the range as JSON")
    chosen = parser.parse_args(arguments)
    with closing(Simulator()) as simulator:
        if chosen.seed is not None:
            return _one(simulator.run(chosen.seed, chosen.steps, print if chosen.verbose else None), chosen.steps)
        summary = run_campaign(simulator, chosen.seeds, chosen.steps)
    if chosen.json:
        print(json.dumps({**summary._asdict(), "lines": [line._asdict() for line in summary.lines]}))
    else:
        print("\n".join([*table(summary), *summary.failures]))
    return _FAILED if summary.failures else 0


def _one(outcome: Outcome, steps: int) -> int:
    for kind, count in sorted(outcome.injected.items()):
        print(f"{count:7} {kind}")
    if outcome.effects.sound:
        print(f"seed {outcome.seed}: 0 lost, 0 doubled, 0 violated")
        print(f"everything was traded {outcome.seconds_to_drain:.1f} simulated seconds after the faults")
        return 0
    print("\n".join(outcome.effects.words))
    print(failure(outcome, steps))
    return _FAILED


def _range(text: str) -> range:
    first, _, end = text.partition(":")
    try:
        seeds = range(int(first), int(end))
    except ValueError:
        seeds = range(0)
    if not seeds:
        raise argparse.ArgumentTypeError(f"{text!r} is not FROM:TO with FROM below TO, such as 0:200")
    return seeds


if __name__ == "__main__":
    sys.exit(main())
