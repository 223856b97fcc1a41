"""Live paper trading without an account: `python -m tests.tools.paper_simulated [--speed 120]`, or `make live`.

The candles of the sample are served as OANDA would serve them, by a server on this machine whose clock runs at the
chosen speed; the run is that of `scalpbot paper --mode LIVE`, by the same clock. Ctrl-C ends it.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from services.cli.paper.job import trade_live
from services.cli.process import own_process
from services.inspection.csv_export import closed_trades
from services.platform.sole_trader import sole_trader
from shared.contracts.shown import trade_hash
from shared.runtime.process import Process
from shared.settings.settings import load_settings
from shared.store.engine import sqlite_url
from tests.fixtures.paper import PAIRS, sample_series
from tests.simulators.oanda import Faults, OandaSimulator, VirtualClock

# 2024-03-06T03:35:00Z: a busy hour, with two days of history before it.
_START = 1_709_696_100


def main(arguments: Sequence[str]) -> int:
    """Serve and trade until stopped, and say what came of it."""
    options = _parser().parse_args(arguments)
    faults = Faults.random(options.seed, options.faults) if options.faults else None
    clock = VirtualClock(_START, options.speed, skips_weekends=True)
    with (
        tempfile.TemporaryDirectory(prefix="scalpbot-live-") as folder,
        OandaSimulator(sample_series(*PAIRS), clock, faults, heartbeat_seconds=5 / options.speed) as simulator,
        sole_trader(url := sqlite_url(Path(folder) / "live.db"), "simulated") as trader,
    ):
        settings = load_settings(
            None,
            {
                "OANDA_API_KEY": simulator.token,
                "OANDA_ACCOUNT_ID": simulator.account_id,
                "OANDA_REST_URL": simulator.address.rest_url,
                "OANDA_STREAM_URL": simulator.address.stream_url,
                "SCALP_BOT_GATES__NEWS_ON_MISSING": "allow",
                "SCALP_BOT_LIVE__CALENDAR_URL": "http://127.0.0.1:1/none",
            },
        )

        def by_market_clock(service: str, stopped: Callable[[], bool]) -> Process:
            usual = own_process(service, stopped)
            over = clock.now() + options.minutes * 60 * options.speed
            return replace(
                usual,
                clock=clock.now,
                monotonic=clock.now,
                sleep=lambda seconds: usual.sleep(min(seconds, 60.0) / options.speed),
                stopped=lambda: stopped() or (options.minutes > 0 and clock.now() >= over),
            )

        trade_live(trader, settings, PAIRS, url, options.json, by_market_clock)
        with trader.store.reading() as reader:
            closed, candles = closed_trades(reader), reader.candle_count()
        requests, changing = len(simulator.requests), len(simulator.changing_requests)
    sys.stdout.write(f"{candles} candles, {len(closed)} closed trades, trade hash {trade_hash(closed)}\n")
    sys.stdout.write(f"the simulated OANDA saw {requests} requests, {changing} of them for an order or a change\n")
    return 1 if changing else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.paper_simulated", description=__doc__)
    parser.add_argument("--speed", type=float, default=120.0, help="market seconds to a second (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=0.0, help="end after so long; 0: when stopped (default)")
    parser.add_argument("--faults", type=float, default=0.0, metavar="RATE", help="share of requests that fail")
    parser.add_argument("--seed", type=int, default=1, help="which faults (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="events as JSON objects, one to a line")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
