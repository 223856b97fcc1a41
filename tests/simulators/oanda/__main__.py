"""Serve candle files as OANDA would: `python -m tests.simulators.oanda --csv EUR_USD=FILE --speed 60`."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from datetime import datetime

from services.ingest.files.candle_file import parse_candle_argument, read_candle_file
from shared.contracts.errors import InputError
from shared.core.columns import CandleSeries
from shared.core.types import SECONDS_PER_DAY
from shared.settings.settings import Settings
from tests.simulators.oanda import Faults, OandaSimulator, VirtualClock

# What lies before the start is history that a client can warm up on.
_HISTORY_SECONDS = 5 * SECONDS_PER_DAY


def main(arguments: Sequence[str]) -> int:
    """Serve until a signal ends it; print one line of JSON that says where."""
    options = _parser().parse_args(arguments)
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        series = [_read(text) for text in options.csv]
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    start = options.start or max(int(each.time[0]) for each in series) + _HISTORY_SECONDS
    clock = VirtualClock(start, options.speed, skips_weekends=options.skip_weekends)
    faults = options.faults or Faults()
    faults.completes_with_next_tick |= options.next_quote
    simulator = OandaSimulator(
        series,
        clock,
        faults,
        port=options.port,
        stream_port=options.stream_port,
        environment=options.environment,
        completion_lag_seconds=options.completion_lag,
    )
    with simulator:
        found = simulator.address._asdict() | {"token": simulator.token, "account_id": simulator.account_id}
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
        signal.sigwait(signals)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.oanda", description=__doc__)
    parser.add_argument("--csv", action="append", required=True, metavar="PAIR=FILE", help="candles of a pair")
    parser.add_argument("--speed", type=float, default=60.0, help="market seconds per real second")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--stream-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--start", type=_time, help="the market's time at the start, ISO 8601 with Z or offset")
    parser.add_argument("--faults", type=_faults, metavar="SEED:RATE", help="fail at random, for instance 7:0.1")
    parser.add_argument("--environment", choices=("practice", "live"), default="practice")
    parser.add_argument("--completion-lag", type=float, default=0.0, help="market seconds until a bar is complete")
    parser.add_argument(
        "--next-quote", action="store_true", help="a bar is complete only once its pair is quoted again"
    )
    parser.add_argument("--skip-weekends", action="store_true", help="let a weekend last three minutes")
    return parser


def _read(text: str) -> CandleSeries:
    source = parse_candle_argument(text)
    spread = Settings().pair(source.instrument.name).model_spread_points
    return read_candle_file(source, model_spread_points=spread).series


def _time(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs Z or an offset")
    return int(moment.timestamp())


def _faults(text: str) -> Faults:
    seed, _, rate = text.partition(":")
    return Faults.random(int(seed), float(rate))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
