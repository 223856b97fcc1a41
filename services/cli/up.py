"""The verb `up`: the whole platform in this process, on an endless made-up market."""

import time
from collections.abc import Iterator
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from services.cli.inputs import read_settings
from services.cli.options import AsJson, ConfigFile
from services.cli.output import note
from services.cli.stopping import Stop
from services.cli.telling import tell_events

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.embedded import Platform
    from services.ingest.feed import Arrival
    from shared.store.port import Store

_START = 1_704_060_000  # Sunday 2023-12-31, 22:00 UTC: the first market week of 2024
_MARKET_SETTING = "demo_market"


class Feed(StrEnum):
    """Where the candles come from."""

    DEMO = "demo"


FeedChoice: TypeAlias = Annotated[Feed, typer.Option("--feed", help="Where the candles come from: a made-up market.")]
DemoPairs: TypeAlias = Annotated[str, typer.Option("--pairs", metavar="A,B", help="Pairs to trade.")]
Speed: TypeAlias = Annotated[
    float, typer.Option("--speed", min=0, help="Market seconds to a second; 0 goes as fast as possible.")
]
Seed: TypeAlias = Annotated[int, typer.Option("--seed", min=0, help="Which made-up market.")]
Candles: TypeAlias = Annotated[
    int, typer.Option("--candles", min=0, help="Stop after so many new candles; 0 goes on until stopped.")
]
DemoDatabase: TypeAlias = Annotated[str, typer.Option("--db", metavar="FILE|URL", help="Database to go on with.")]


def register(program: typer.Typer) -> None:
    """Add the verb."""
    program.command("up")(up)


def up(
    feed: FeedChoice = Feed.DEMO,
    pairs: DemoPairs = "EUR_USD,GBP_USD,USD_JPY",
    speed: Speed = 1800.0,
    seed: Seed = 1,
    candles: Candles = 0,
    database: DemoDatabase = "data/demo.db",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Run all services on a market that never ends, and tell what happens to the account.

    Stop it with Ctrl-C; started again with the same database and seed, it goes on where it was.
    """
    from services.cli.stored import database_url, shown_place
    from services.embedded import Platform, opened_store, remember_run
    from services.ingest.pace import paced
    from shared.contracts.facts import ACCOUNT_FACTS
    from shared.contracts.pairs import parse_pair
    from shared.runtime.settings import RunMode
    from shared.runtime.streams import agree_on_partitions

    settings = read_settings(config)
    names = sorted({parse_pair(name.strip()).name for name in pairs.split(",")})
    url = database_url(database, settings)
    with opened_store(url) as store, Stop() as stop:
        remember_run(store, settings, None, int(time.time()))
        agree_on_partitions(store, settings.deployment.partitions, int(time.time()))
        _remember_market(store, seed)
        listeners = dict.fromkeys(ACCOUNT_FACTS, partial(tell_events, as_json=as_json))
        platform = Platform(store, settings, RunMode.OFFLINE, None, listeners=listeners)
        note(f"{feed} market at {speed:g} market seconds a second; stop with Ctrl-C")
        obey = platform.obeying("up", time.time)
        market = paced(_new_candles(store, names, seed), speed, time.monotonic, lambda wait: _nap(wait, stop, obey))
        done = _trade(platform, market, candles, stop, obey)
        note(f"stopped after {done} new candles; everything is in {shown_place(url)}")


def _remember_market(store: "Store", seed: int) -> None:
    """Keep which market the database holds, and refuse to go on with another one."""
    from shared.contracts.errors import InputError

    with store.transaction() as transaction:
        known = transaction.setting(_MARKET_SETTING)
        if known is None and transaction.granularities():
            raise InputError("this database holds candles of another market; use another database with --db")
        if known is None:
            transaction.save_setting(_MARKET_SETTING, str(seed), int(time.time()))
        elif known.body_json != str(seed):
            raise InputError(
                f"this database holds the made-up market of --seed {known.body_json}; go on with that one, or use "
                "another database with --db"
            )


def _nap(seconds: float, stop: Stop, obey: "Callable[[], None]") -> bool:
    time.sleep(seconds)
    obey()
    return not stop.asked


def _new_candles(store: "Store", pairs: "Sequence[str]", seed: int) -> "Iterator[Arrival]":
    """Return the demo market's candles that are not stored yet, in order."""
    from heapq import merge

    from services.ingest.demo_market import DemoMarket
    from services.ingest.feed import Arrival, closed_order
    from shared.core.types import instrument

    def stream(pair: str) -> "Iterator[Arrival]":
        market = DemoMarket(instrument(pair), seed, _START)
        return (Arrival(pair, market.granularity_seconds, candle) for candle in market.stream())

    with store.reading() as reader:
        last = reader.last_candle()
    stored = (0, "") if last is None else closed_order(last)
    arrivals = merge(*map(stream, pairs), key=lambda arrival: arrival.order)
    return (arrival for arrival in arrivals if arrival.order > stored)


def _trade(
    platform: "Platform", market: "Iterator[list[Arrival]]", most: int, stop: Stop, obey: "Callable[[], None]"
) -> int:
    done = 0
    for together in market:
        if stop.asked or (most and done >= most):
            break
        obey()
        platform.replay(together, lambda _done: None)
        done += len(together)
    return done
