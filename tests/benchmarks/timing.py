"""Time the same call several times."""

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple


class Timing(NamedTuple):
    """Seconds of the first call, which may compile, and of the calls after it."""

    first: float
    best: float
    median: float
    runs: int


def timed(call: Callable[[], object], runs: int) -> Timing:
    """Call once, then as many times as told, and keep the seconds of each."""
    seconds = []
    for _ in range(runs + 1):
        gc.collect()
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    warm = seconds[1:]
    return Timing(seconds[0], min(warm), median(warm), runs)
