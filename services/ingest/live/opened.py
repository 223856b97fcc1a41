"""What a live run is opened with: the account, its instruments, and prices and news followed in the background."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from services.ingest.live.oanda import OandaSource
from services.ingest.live.prices import PriceFeed, QuoteSink
from services.ingest.live.tolerance import Tolerance
from services.ingest.metrics import FeedMetrics
from services.ingest.news.fetch import CalendarFetcher
from shared.contracts.errors import InputError
from shared.contracts.granularity import parse_granularity
from shared.core.types import Instrument
from shared.oanda.account import account_instruments, unlike_listed
from shared.oanda.connection import OandaConnection
from shared.oanda.environment import Environment, check_account_id
from shared.runtime.oanda_access import connect, given_address, sleep_until_stopped
from shared.runtime.process import Process
from shared.settings.network import way_out
from shared.settings.settings import RuntimeSettings, Settings
from shared.store.port import Store

_STOP_SECONDS: Final = 2.0
# Short, so that a process can stop; what was not answered is asked again anyway.
_ANSWER_SECONDS: Final = 5.0


class Live(NamedTuple):
    """What a live run follows: a connection, the instruments of its pairs, and their candles."""

    connection: OandaConnection
    instruments: Sequence[Instrument]
    source: OandaSource


def require_account(runtime: RuntimeSettings) -> None:
    """Raise InputError unless the environment names an account, with all that opens it."""
    if runtime.oanda_api_key is None or runtime.oanda_account_id is None:
        missing = "OANDA_API_KEY" if runtime.oanda_api_key is None else "OANDA_ACCOUNT_ID"
        raise InputError(f"environment: {missing} is not set; live candles need the token and the id of an account")
    check_account_id(runtime.oanda_account_id.get_secret_value(), Environment(runtime.oanda_env))
    given_address(runtime)


@contextmanager
def opened_live(process: Process, settings: Settings, pairs: Sequence[str]) -> Iterator[Live]:
    """Connect, and make sure that OANDA trades the pairs on the price grid that we know; raises InputError."""
    process.metrics.show(FeedMetrics)
    instruments = [settings.instrument(pair) for pair in pairs]
    require_account(settings.runtime)
    with connect(
        settings,
        process.clock,
        monotonic=process.monotonic,
        sleep=sleep_until_stopped(process),
        jitter=process.rng.random,
        answer_seconds=_ANSWER_SECONDS,
    ) as connection:
        _require_instruments(process, connection, instruments)
        step = parse_granularity(settings.live.granularity)
        yield Live(connection, instruments, OandaSource(connection, instruments, step))


@contextmanager
def fed(
    process: Process, store: Store, settings: Settings, live: Live, sink: QuoteSink, news_cache: Path | None
) -> Iterator[PriceFeed]:
    """Follow prices and news in the background for as long as the context is open."""
    prices = PriceFeed(process, live.connection, live.instruments, settings.live, sink)
    url, hours = settings.live.calendar_url, settings.live.calendar_hours
    calendar = CalendarFetcher(process, store, url, hours, news_cache, way=way_out(settings))
    calendar.start()
    prices.start()
    try:
        yield prices
    finally:
        prices.stop(_STOP_SECONDS)
        calendar.stop(_STOP_SECONDS)


def _require_instruments(process: Process, connection: OandaConnection, instruments: Sequence[Instrument]) -> None:
    tolerance = Tolerance(process.monotonic, answered_before=False)
    # Each try is told of and shows that the process is alive; whoever starts a run wants to know at once.
    look = partial(account_instruments, connection, patience_seconds=0.0)
    listed = process.retry_until_available("feed", partial(tolerance.ask, look))
    if listed is None:
        return
    for each in instruments:
        found = listed.get(each.name)
        if found is None:
            raise InputError(f"this OANDA account does not trade {each.name}; leave it out of --pairs")
        if (unlike := unlike_listed(each, found)) is not None:
            raise InputError(unlike)
