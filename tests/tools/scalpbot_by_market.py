"""The program by the clock of a simulated market that runs faster than time, for tests that start it as a process.

The variable `MARKET_TIME` holds the market's time at a real time, both in seconds, and its speed, divided by colons.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from services.cli import main
from services.cli import process as processes
from shared.runtime import leading
from shared.runtime.process import Process


def _follow_market(market: float, real: float, speed: float, *, is_ingest: bool) -> None:
    own_process, lease_of = processes.own_process, leading.lease_of

    def now() -> float:
        return market + (time.time() - real) * speed

    def by_market(*arguments: Any, **options: Any) -> Process:
        usual = own_process(*arguments, **options)
        if not is_ingest:
            return replace(usual, clock=now)
        return replace(usual, clock=now, monotonic=now, sleep=lambda seconds: time.sleep(min(seconds, 60.0) / speed))

    def by_real_time(process: Process, *arguments: Any) -> Any:
        return lease_of(replace(process, monotonic=time.monotonic), *arguments)

    processes.own_process = by_market
    # What other processes see of this one is real time.
    leading.lease_of = by_real_time  # type: ignore[assignment]


def _started(program: Callable[[], int]) -> int:
    market, real, speed = map(float, os.environ.pop("MARKET_TIME").split(":"))
    _follow_market(market, real, speed, is_ingest="ingest" in sys.argv)
    return program()


if __name__ == "__main__":
    sys.exit(_started(main))
