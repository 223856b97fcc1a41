"""Live prices come from the stream, and are asked for while it is silent, broken or tells of nothing."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from random import Random
from typing import cast

import pytest

from services.executor.quotes import current_quote
from services.ingest.live.prices import PriceFeed
from services.ingest.metrics import FeedMetrics
from shared.contracts.instruments import instrument
from shared.oanda.connection import OandaConnection
from shared.oanda.environment import OandaAddress
from shared.runtime.health import Health
from shared.runtime.logs import Log
from shared.runtime.metrics import ServiceMetrics
from shared.runtime.process import Process
from shared.runtime.quotes.board import QuoteBoard
from shared.settings.sections import LiveSettings
from tests.fixtures.live_run import KeptLog
from tests.fixtures.paper import sample_series
from tests.simulators.oanda import OandaSimulator, ResponseFault, StreamFault, VirtualClock

PAIRS = ("EUR_USD", "USD_JPY")
MONDAY = 1_709_546_400  # 2024-03-04T10:00:00Z
SPEED = 60.0
PATIENCE_SECONDS = 20.0
LIVE_SETTINGS = LiveSettings().model_copy(update={"silent_seconds": 1.0, "poll_seconds": 0.1})


@pytest.fixture(name="simulator")
def simulator_() -> Iterator[OandaSimulator]:
    clock = VirtualClock(MONDAY, SPEED)
    with OandaSimulator(sample_series(*PAIRS, candles=1_000), clock, heartbeat_seconds=0.2) as simulator:
        yield simulator


class Followed:
    """What a feed brought, said and counted."""

    def __init__(self) -> None:
        self.board = QuoteBoard()
        self.log = KeptLog()
        self.metrics = ServiceMetrics("ingest", "0")

    def process(self) -> Process:
        return Process(
            "ingest",
            "0",
            Health(self.metrics),
            self.metrics,
            cast("Log", self.log),
            stopped=lambda: False,
            rng=Random(1),
        )

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < until, f"{what}: {self.log.lines}"
            time.sleep(0.02)

    def quotes(self) -> int:
        return len(self.board.take())


@contextmanager
def following(simulator: OandaSimulator, token: str | None = None) -> Iterator[tuple[Followed, PriceFeed]]:
    found = Followed()
    address = OandaAddress(*(url.removesuffix("/v3") for url in simulator.address[:2]))
    with OandaConnection(
        address,
        token or simulator.token,
        simulator.account_id,
        clock=time.time,
        monotonic=time.monotonic,
        sleep=lambda seconds: time.sleep(min(seconds, 0.01)),
        jitter=Random(1).random,
    ) as connection:
        feed = PriceFeed(
            found.process(), connection, [instrument(pair) for pair in PAIRS], LIVE_SETTINGS, found.board.put
        )
        feed.start()
        yield found, feed
        feed.stop(5.0)


def test_prices_of_every_pair_stream(simulator: OandaSimulator) -> None:
    with following(simulator) as (found, _feed):
        found.wait(lambda: all(found.board.newest(pair) for pair in PAIRS), "a price of each pair")
        for pair in PAIRS:
            quote = found.board.newest(pair)
            assert quote is not None
            assert quote.bid < quote.ask
            assert MONDAY - 86_400 < quote.time <= simulator.now()
        assert found.log.told("prices stream") == 1
        assert found.metrics.of(FeedMetrics).prices_streaming._value.get() == 1


@pytest.mark.parametrize("fault", [StreamFault.SILENT_STALL, StreamFault.ABRUPT_CLOSE, StreamFault.CUT_LINE])
def test_broken_stream_is_told_and_taken_up_again(simulator: OandaSimulator, fault: StreamFault) -> None:
    with following(simulator) as (found, _feed):
        found.wait(lambda: found.quotes() > 0, "prices")
        simulator.faults.schedule_stream(fault)
        found.wait(lambda: found.log.told("prices do not stream, so they are asked for") > 0, "it is told")
        found.wait(lambda: found.log.told("prices stream") > 1, "the stream is back")
        found.quotes()
        found.wait(lambda: found.quotes() > 0, "prices again")
        assert found.metrics.of(FeedMetrics).price_stream_failures._value.get() >= 1


def test_while_the_stream_cannot_be_had_prices_are_asked_for(simulator: OandaSimulator) -> None:
    simulator.faults.stream_silent = True
    with following(simulator) as (found, _feed):
        found.wait(lambda: found.log.told("prices do not stream") > 0, "it is told")
        newest = found.board.newest("EUR_USD")
        for _ in range(3):
            seen, newest = newest, None
            found.wait(lambda before=seen: found.board.newest("EUR_USD") != before, "newer prices all the same")  # type: ignore[misc]
            newest = found.board.newest("EUR_USD")
        assert found.metrics.of(FeedMetrics).prices_streaming._value.get() == 0


def test_a_price_that_does_not_move_stays_current_while_heartbeats_come(simulator: OandaSimulator) -> None:
    with following(simulator) as (found, _feed):
        found.wait(lambda: all(found.board.newest(pair) for pair in PAIRS), "a price of each pair")
        simulator.faults.stream_prices_stopped = True
        # The market stands still, so that what is asked for in between shows that no price has moved.
        simulator.clock.set_speed(0.0)
        found.quotes()
        counts = accumulate(iter(found.quotes, None))
        found.wait(lambda: next(counts) > 3 * len(PAIRS), "prices that are said to hold")
        for pair in PAIRS:
            quote = current_quote(found.board, LIVE_SETTINGS, pair)
            assert quote is not None
            assert simulator.now() - 1 <= quote.time <= simulator.now()


def test_a_market_that_is_halted_has_no_current_price_however_its_heart_beats(simulator: OandaSimulator) -> None:
    with following(simulator) as (found, _feed):
        found.wait(lambda: all(found.board.newest(pair) for pair in PAIRS), "a price of each pair")
        simulator.faults.market_halted = True
        found.wait(
            lambda: not any(current_quote(found.board, LIVE_SETTINGS, pair) for pair in PAIRS), "no price is current"
        )
        assert found.log.told("prices do not stream") == 0


def test_prices_that_nobody_can_trade_at_are_not_handed_on(simulator: OandaSimulator) -> None:
    simulator.faults.empty_books = True
    with following(simulator) as (found, _feed):
        found.wait(lambda: found.log.told("prices stream") == 1, "the stream is there")
        time.sleep(0.5)
        assert found.board.newest("EUR_USD") is None


def test_prices_that_are_refused_for_a_while_come_again(simulator: OandaSimulator) -> None:
    simulator.faults.stale_token = True
    with following(simulator) as (found, feed):
        found.wait(lambda: found.log.told("no prices: they neither stream nor can be asked for") > 0, "it is told")
        feed.check()
        simulator.faults.stale_token = False
        found.wait(lambda: found.quotes() > 0, "prices")
        feed.check()
        assert simulator.token not in str(found.log.lines)


@pytest.mark.parametrize("kind", [ResponseFault.OTHER_SHAPE, ResponseFault.FORBIDDEN, ResponseFault.MOVED])
def test_whatever_comes_instead_of_prices_is_asked_on(simulator: OandaSimulator, kind: ResponseFault) -> None:
    simulator.faults.answers_all = kind
    with following(simulator) as (found, feed):
        found.wait(lambda: found.log.told("prices do not stream") > 1, "it is told")
        simulator.faults.answers_all = None
        found.wait(lambda: found.quotes() > 0, "prices")
        feed.check()
