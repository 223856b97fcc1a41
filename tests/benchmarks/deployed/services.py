"""Measure the services as processes over private servers, and the bare loop beside them.

Arguments: a candle file for throughput, one for latency, a folder, and within how many seconds to be done.
"""

import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

from tests.benchmarks.deployed.bare_loop import PAIR
from tests.benchmarks.deployed.bare_run import run_bare_loop
from tests.benchmarks.ground import Ground, Servers, servers
from tests.benchmarks.memory import peak_megabytes
from tests.fixtures.deployed import Deployment, wait_until
from tests.servers.errors import ServerError, UnavailableError

_ROUNDS: Final = 2
# Candles of one minute, twenty of them a second.
_LIVE_SPEED: Final = "1200"
_START_SECONDS: Final = 30.0
_LEDGER: Final = "SELECT count(*), extract(epoch FROM max(pg_xact_commit_timestamp(xmin)))::float8 FROM gate_snapshots"
_LATENCIES: Final = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(ledger.xmin) - pg_xact_commit_timestamp(candles.xmin))::float8
FROM candles JOIN gate_snapshots AS ledger ON (ledger.pair, ledger.candle_time) = (candles.pair, candles.time)
"""


def measure(opened: Servers, files: Sequence[str], folder: Path, end: float) -> dict[str, Any]:
    """Run services and bare loops in turns, then the services at the pace of a busy market.

    The files are for throughput, for the loop that goes message by message, and for latency; `end` is by the monotonic
    clock.
    """
    many, fewer, live = files
    found: dict[str, list[dict[str, Any]]] = {"services": [], "single": [], "batched": []}
    for _ in range(_ROUNDS):
        found["services"].append(_throughput(opened.new_ground(), many, folder, end))
        for how, file in (("single", fewer), ("batched", many)):
            left = end - time.monotonic()
            found[how].append(run_bare_loop(opened.new_ground(), how, file, _candles(file), left))
    return {**found, "latency": _latency(opened.new_ground(), live, folder, end)}


def _throughput(ground: Ground, file: str, folder: Path, end: float) -> dict[str, Any]:
    """Return the seconds from the moment at which ingest begins to store to the last commit of the ledger."""
    with closing(Deployment(ground.store_url, ground.broker_url, folder)) as deployment:
        _run(deployment, file, "max", end)
        peaks = {name: peak_megabytes(process.pid) for name, process in deployment.running.items()}
        began = logged(deployment, "ingest", "replay begins")
    settled, committed = ground.rows(_LEDGER)[0]
    trades = ground.rows("SELECT count(*) FROM trades")[0][0]
    return {"seconds": committed - began, "count": settled, "trades": trades, "peak_megabytes": peaks}


def _latency(ground: Ground, file: str, folder: Path, end: float) -> dict[str, Any]:
    """Return percentiles of the time from the commit of a candle to that of its verdicts, in milliseconds."""
    with closing(Deployment(ground.store_url, ground.broker_url, folder)) as deployment:
        _run(deployment, file, _LIVE_SPEED, end)
    milliseconds = [1_000 * row[0] for row in ground.rows(_LATENCIES)]
    percentiles = quantiles(milliseconds, n=100)
    return {
        "count": len(milliseconds),
        "p50_milliseconds": percentiles[49],
        "p99_milliseconds": percentiles[98],
        "longest_milliseconds": max(milliseconds),
    }


def _run(deployment: Deployment, file: str, speed: str, end: float) -> None:
    """Start those who consume, then ingest, and wait until all its candles are in the ledger."""
    for name in ("strategy", "executor"):
        (deployment.folder / f"{name}.log").unlink(missing_ok=True)
        deployment.start(name)
    for name in ("strategy", "executor"):
        wait_until(lambda each=name: "consuming" in deployment.log_of(each), _START_SECONDS, f"{name} consumes")  # type: ignore[misc]
    (deployment.folder / "ingest.log").unlink(missing_ok=True)
    deployment.start("ingest", "--csv", f"{PAIR}={file}", "--speed", speed)
    deployment.wait_until_traded(_candles(file), end - time.monotonic())


def logged(deployment: Deployment, name: str, event: str) -> float:
    """Return when a service logged an event, in seconds since the epoch."""
    lines = [json.loads(line) for line in deployment.log_of(name).splitlines()]
    line = next(line for line in lines if line["event"] == event)
    return datetime.fromisoformat(line["time"]).timestamp()


def _candles(file: str) -> int:
    with Path(file).open("rb") as source:
        return sum(1 for _ in source) - 1


def main(arguments: Sequence[str]) -> None:
    """Print what was measured."""
    *files, folder, seconds = arguments
    end = time.monotonic() + float(seconds)
    try:
        with servers() as opened:
            print(json.dumps(measure(opened, files, Path(folder), end)))
    except (UnavailableError, ServerError) as reason:
        sys.exit(f"private servers cannot run here: {reason}")


if __name__ == "__main__":
    main(sys.argv[1:])
