"""One process of the bare loop: consume, commit, publish, confirm, and nothing that a trading platform needs.

Three of them have as many hops as the services: `produce` publishes, `pass_on` consumes, commits a row, publishes and
acknowledges, `keep` consumes, commits a row and acknowledges. Each prints `ready` when it is, and a JSON
object at its end.

Arguments: the role, `single` or `batched`, a candle file, how many it holds. RABBITMQ_URL and DATABASE_URL,
which names no driver, say where.
"""

import csv
import json
import os
import sys
import time
from pathlib import Path
from typing import Final

from shared.bus.topology import topology
from tests.benchmarks.deployed.bare_chain import BatchedChain, Chain, Item, SingleChain
from tests.benchmarks.memory import peak_megabytes

PAIR: Final = "EUR_USD"
READY: Final = "ready"
PASSED_ON: Final = "passed_on"
KEPT: Final = "kept"


def run(role: str, chain: Chain, file: str, count: int) -> float:
    """Play a role and return when it began, in seconds since the epoch."""
    # The queues from which strategy and executor would take candles; the others are for dead letters.
    declared = topology()
    first, second = (queue.name for queue in declared.queues if queue.dead_letters is not None)
    to_first, to_second = (declared.binding_of(queue).routing_key.replace("*", PAIR) for queue in (first, second))
    match role:
        case "produce":
            items = _items(file)
            print(READY, flush=True)
            began = time.time()
            chain.publish(to_first, items)
            return began
        case "pass_on":
            return _consume(chain, first, count, PASSED_ON, to_second)
        case "keep":
            return _consume(chain, second, count, KEPT, None)
        case _:
            raise ValueError(f"{role} is no role")


def _consume(chain: Chain, queue: str, count: int, table: str, routing_key: str | None) -> float:
    chain.subscribe(queue)
    print(READY, flush=True)
    began = time.time()
    while count > 0:
        items = chain.take()
        chain.commit(table, items)
        if routing_key is not None:
            chain.publish(routing_key, items)
        chain.acknowledge()
        count -= len(items)
    return began


def _items(file: str) -> list[Item]:
    """Return a message for each line of a candle file, about as long as those of the services."""
    with Path(file).open(encoding="ascii", newline="") as source:
        rows = enumerate(csv.DictReader(source), start=1)
        return [
            Item(seq, json.dumps({"stream": "candles", "seq": seq, "pair": PAIR, **row}).encode()) for seq, row in rows
        ]


def main(role: str, how: str, file: str, count: str) -> None:
    """Play a role and print what came of it."""
    where = os.environ["RABBITMQ_URL"], os.environ["DATABASE_URL"]
    chain: Chain = SingleChain(*where) if how == "single" else BatchedChain(*where)
    began = run(role, chain, file, int(count))
    chain.close()
    print(json.dumps({"began": began, "peak_megabytes": peak_megabytes()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
