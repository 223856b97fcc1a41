"""Trade live on the simulated OANDA for two weeks of its time under every fault at random, and print what came.

`python -m tests.tools.live_weeks [--shape embedded|deployed|both] [--days 14] [--seed 1] [--rate 0.1] [--speed 1200]`;
exits with 1 where a candle was lost or doubled, a decision differs from the backtest's, or a process ended by itself.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from shared.store.schema import upgrade
from tests.faults.live_weeks import Came, live_deployed, live_embedded
from tests.fixtures.declared import declare
from tests.fixtures.deployed import Deployment
from tests.servers.choice import SWITCH, open_postgres_server, open_rabbit_server


def main(arguments: Sequence[str]) -> int:
    """Trade in the shapes that are asked for and return the exit code."""
    choice = _parsed(arguments)
    broken = 0
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="scalpbot-live-")))
        if choice.shape != "deployed":
            broken += _told(live_embedded(folder, choice.days, choice.seed, choice.rate))
        if choice.shape != "embedded":
            switch = os.environ.get(SWITCH, "")
            rabbit = opened.enter_context(open_rabbit_server(switch))
            postgres = opened.enter_context(open_postgres_server(switch))
            rabbit.make_usable()
            broker_url = rabbit.url(rabbit.new_vhost())
            declare(broker_url)
            store_url = postgres.url(postgres.new_database())
            upgrade(store_url)
            deployment = Deployment(store_url, broker_url, folder)
            try:
                broken += _told(live_deployed(deployment, choice.days, choice.seed, choice.rate, choice.speed))
            finally:
                deployment.close()
    return 1 if broken else 0


def _told(came: Came) -> int:
    print(came.line(), flush=True)
    return len(came.broken)


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.live_weeks", description="Trade live under faults.")
    parser.add_argument("--shape", choices=("embedded", "deployed", "both"), default="both", help="default: both")
    parser.add_argument("--days", type=float, default=14.0, help="market time (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which faults (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=0.1, help="share of requests that fail (default: %(default)s)")
    parser.add_argument(
        "--speed", type=float, default=1200.0, help="of the deployed run's clock (default: %(default)s)"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
