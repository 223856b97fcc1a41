"""Measure one strategy process against several that share 28 pairs, on a broker and a database of their own.

`python -m tests.benchmarks.deployed.partitions [PARTITIONS ...] --candles N` prints for each number of partitions how
many candles a second went from file to ledger, the messages that were staged and sent, and the hash of the trades.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from itertools import combinations
from pathlib import Path
from typing import Final, NamedTuple

from services.ingest.demo.market import DemoMarket
from services.ingest.files.writer import candle_lines
from shared.contracts.instruments import instrument
from shared.store.port import Store
from shared.store.sql_store import open_store
from tests.benchmarks.deployed.services import logged
from tests.benchmarks.ground import Ground, servers
from tests.fixtures.declared import declare
from tests.fixtures.deployed import Deployment, wait_until
from tests.servers.errors import ServerError, UnavailableError
from tests.tools.make_sample import first_candles

# As pairs are written: of two currencies the one that stands first here comes first.
_CURRENCIES: Final = ("EUR", "GBP", "AUD", "NZD", "USD", "CAD", "CHF", "JPY")
PAIRS: Final = tuple("_".join(both) for both in combinations(_CURRENCIES, 2))
_SEED: Final = 28
_START: Final = 1_704_060_000
_LONGEST_SECONDS: Final = 900.0
_LEDGER: Final = "SELECT extract(epoch FROM max(pg_xact_commit_timestamp(xmin)))::float8 FROM gate_snapshots"
_STAGED: Final = "SELECT producer, count(*) FROM outbox GROUP BY producer ORDER BY producer"


class Found(NamedTuple):
    """What came of a run."""

    partitions: int
    candles: int
    seconds: float
    assessments: int
    staged: int
    sent: int
    trades: int
    trade_hash: str

    def __str__(self) -> str:
        return (
            f"{self.partitions} partitions: {self.candles} candles in {self.seconds:.1f} s, "
            f"{self.candles / self.seconds:,.0f} candles/s; {self.assessments} assessments, {self.staged} staged, "
            f"{self.sent} sent; {self.trades} closed trades, {self.trade_hash[:12]}"
        )


def write_files(folder: Path, candles: int) -> list[str]:
    """Write the first candles of a made-up market for each pair, and return them as `--csv` takes them."""
    files = []
    for pair in PAIRS:
        file = folder / f"{pair}.csv"
        with file.open("w", encoding="ascii") as target:
            target.writelines(candle_lines(first_candles(DemoMarket(instrument(pair), _SEED, _START), candles)))
        files.append(f"{pair}={file}")
    return files


def measure(ground: Ground, files: Sequence[str], candles: int, partitions: int, folder: Path) -> Found:
    """Replay the files through so many strategies at full speed."""
    declare(ground.broker_url, partitions)
    environ = {"SCALP_BOT_DEPLOYMENT__PARTITIONS": str(partitions)}
    strategies = [f"strategy.{number}" for number in range(partitions)]
    with closing(Deployment(ground.store_url, ground.broker_url, folder)) as deployment:
        for number, name in enumerate(strategies):
            deployment.start(name, "--partition", str(number), environ=environ)
        deployment.start("executor")
        for name in (*strategies, "executor"):
            wait_until(lambda each=name: "consuming" in deployment.log_of(each), 90.0, f"{name} consumes")  # type: ignore[misc]
        deployment.start("ingest", *(part for file in files for part in ("--csv", file)), environ=environ)
        deployment.wait_until_traded(candles, _LONGEST_SECONDS)
        began = logged(deployment, "ingest", "replay begins")
        with closing(open_store(ground.store_url)) as store:
            wait_until(lambda: _all_sent(store), 60.0, "all messages are sent")
        sent = sum(deployment.metrics(name)["scalpbot_outbox_published_total"] for name in strategies)
        found = deployment.ledger_hash()
    committed = ground.rows(_LEDGER)[0][0]
    return Found(
        partitions=partitions,
        candles=candles,
        seconds=committed - began,
        assessments=ground.rows("SELECT count(*) FROM assessments")[0][0],
        staged=dict(ground.rows(_STAGED))["strategy"],
        sent=int(sent),
        trades=ground.rows("SELECT count(*) FROM trades WHERE status = 'CLOSED'")[0][0],
        trade_hash=found,
    )


def _all_sent(store: Store) -> bool:
    with store.reading() as reader:
        return reader.outbox_count() == 0


def main(arguments: Sequence[str]) -> None:
    """Print a line for each number of partitions; exit with 1 where a message had not exactly one sender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("partitions", nargs="*", type=int, default=[1, 3])
    parser.add_argument("--candles", type=int, default=700, help="candles of each pair (default 700)")
    asked = parser.parse_args(arguments)
    try:
        with servers() as opened, tempfile.TemporaryDirectory() as folder:
            files = write_files(Path(folder), asked.candles)
            found = []
            for partitions in asked.partitions:
                logs = Path(folder) / f"{partitions}.{time.monotonic_ns()}"
                logs.mkdir()
                candles = asked.candles * len(PAIRS)
                found.append(measure(opened.new_ground(), files, candles, partitions, logs))
                print(found[-1], flush=True)
    except (UnavailableError, ServerError) as reason:
        sys.exit(f"private servers cannot run here: {reason}")
    if len({each.trade_hash for each in found}) > 1 or not all(each.trades for each in found):
        sys.exit("the runs differ in their trades, or have none")
    if any(not each.assessments == each.staged == each.sent for each in found):
        sys.exit("not every message was staged and sent once")


if __name__ == "__main__":
    main(sys.argv[1:])
