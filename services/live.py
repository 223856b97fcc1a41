"""Live runs: OANDA's candles, prices and the week's news, traded on paper. Nothing here can open a position."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from services.embedded import Platform
from services.executor.commands import tell_outside
from services.executor.quotes import LiveConditions, QuoteBoard
from services.ingest.calendar_fetch import CalendarFetcher
from services.ingest.live_feed import follow
from services.ingest.live_oanda import OandaSource
from services.ingest.oanda_access import connect, given_address
from services.ingest.prices import PriceFeed, QuoteSink
from services.live_closes import opened_closes
from services.strategy.news import NewsDesk
from shared.bus.port import Handler
from shared.contracts.errors import InputError
from shared.contracts.granularity import parse_granularity
from shared.contracts.pairs import parse_pair
from shared.core.types import Instrument
from shared.oanda.account import account_instruments
from shared.oanda.connection import OandaConnection
from shared.oanda.environment import Environment, check_account_id
from shared.runtime.consumer import no_fence
from shared.runtime.process import Surroundings
from shared.runtime.remembered import remember_run
from shared.runtime.settings import RunMode, RuntimeSettings, Settings
from shared.runtime.streams import agree_on_partitions
from shared.store.port import Store, Transaction

_STOP_SECONDS: Final = 2.0
_PIP_LOCATION: Final = {5: -4, 3: -2}


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


def run_paper_live(
    around: Surroundings,
    store: Store,
    settings: Settings,
    pairs: Sequence[str],
    news_cache: Path | None,
    watch: Callable[[QuoteBoard], None],
    listeners: Mapping[str, Handler] = MappingProxyType({}),
    fence: Callable[[Transaction], None] = no_fence,
) -> None:
    """Trade live candles and prices on paper, all in this process, until it is to stop.

    `watch` is called several times a second with the newest prices; `listeners` are handed facts by their type; `fence`
    raises where this process may not write to the ledger (any more).
    Raises InputError where OANDA refuses us for good.
    """
    remember_run(store, settings, None, int(around.clock()), RunMode.LIVE)
    agree_on_partitions(store, settings.deployment.partitions, int(around.clock()))
    board = QuoteBoard()
    platform = Platform(
        store,
        settings,
        RunMode.LIVE,
        None,
        listeners=listeners,
        given=LiveConditions(board, settings.live, around.clock),
        current_news=NewsDesk(monotonic=around.monotonic),
        fence=fence,
    )
    around.health.has("start")
    with (
        opened_live(around, settings, pairs) as live,
        opened_closes(around, settings, store) as closes,
        fed(around, store, settings, live, board.put, news_cache) as prices,
    ):
        obey = platform.obeying(around.instance, around.clock, board, closes, partial(tell_outside, around))

        def idle() -> None:
            prices.check()
            around.patiently("store", partial(platform.attend, board))
            around.patiently("store", obey)
            watch(board)

        follow(around, store, platform.feed, live.source, pairs, settings.live, idle)


@contextmanager
def opened_live(around: Surroundings, settings: Settings, pairs: Sequence[str]) -> Iterator[Live]:
    """Connect, and make sure that OANDA trades the pairs on the price grid that we know; raises InputError."""
    instruments = [parse_pair(pair) for pair in pairs]
    require_account(settings.runtime)
    with connect(
        settings.runtime,
        around.clock,
        monotonic=around.monotonic,
        sleep=around.sleep,
        chance=around.chance.random,
    ) as connection:
        _require_instruments(around, connection, instruments)
        step = parse_granularity(settings.live.granularity)
        yield Live(connection, instruments, OandaSource(connection, [each.name for each in instruments], step))


@contextmanager
def fed(
    around: Surroundings, store: Store, settings: Settings, live: Live, sink: QuoteSink, news_cache: Path | None
) -> Iterator[PriceFeed]:
    """Follow prices and news in the background for as long as the context is open."""
    live_settings = settings.live
    prices = PriceFeed(
        live.connection,
        live.instruments,
        sink,
        around.metrics,
        around.log,
        silent_seconds=live_settings.silent_seconds,
        poll_seconds=live_settings.poll_seconds,
        chance=around.chance,
    )
    calendar = CalendarFetcher(around, store, live_settings.calendar_url, live_settings.calendar_hours, news_cache)
    calendar.start()
    prices.start()
    try:
        yield prices
    finally:
        prices.stop(_STOP_SECONDS)
        calendar.stop(_STOP_SECONDS)


def _require_instruments(around: Surroundings, connection: OandaConnection, instruments: Sequence[Instrument]) -> None:
    listed = around.patiently("feed", partial(account_instruments, connection))
    if listed is None:
        return
    for each in instruments:
        found = listed.get(each.name)
        if found is None:
            raise InputError(f"this OANDA account does not trade {each.name}; leave it out of --pairs")
        if (found.display_precision, found.pip_location) != (each.digits, _PIP_LOCATION[each.digits]):
            raise InputError(
                f"OANDA quotes {each.name} with {found.display_precision} decimals and a pip of 1e{found.pip_location},"
                f" but this program knows {each.digits} decimals; leave it out of --pairs"
            )
