"""The client against the simulated OANDA: whatever goes wrong on the way, candles come whole and closes happen once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import numpy as np
import pytest

from shared.contracts.errors import InfrastructureError
from shared.contracts.feed import Complete, Incomplete
from shared.contracts.instruments import instrument
from shared.core.columns import CandleSeries
from shared.oanda.account import account_ids, account_instruments, account_summary
from shared.oanda.candles import CandleSpecification, candles_between, latest_candles
from shared.oanda.closing import Cancelled, NothingOpen, PositionClosed, close_position
from shared.oanda.connection import OandaConnection
from shared.oanda.environment import Environment, address_of
from shared.oanda.errors import OandaRefusedError, OandaUnauthorizedError
from shared.oanda.pricing import ClientPrice, PricingHeartbeat, PricingStream, prices
from shared.oanda.streaming import SILENCE_SECONDS
from shared.oanda.transactions import transactions_since
from tests.simulators.oanda import OUTAGES, Faults, OandaSimulator, ResponseFault, StreamFault, VirtualClock

EUR_USD: Final = instrument("EUR_USD")
START: Final = 1_704_286_800
BARS: Final = 288
NOW: Final = START + 300 * BARS - 30


def series() -> CandleSeries:
    time = np.array([START + 300 * bar for bar in range(2 * BARS) if bar % 17 != 3], dtype=np.int64)
    mid = 110_000 + np.cumsum(np.random.default_rng(7).integers(-20, 21, len(time)))
    sides = [(mid + half, mid + half + 30, mid + half - 30, mid + half + 5) for half in (-6, 6)]
    return CandleSeries(EUR_USD, 300, time, *sides[0], *sides[1], np.full(len(time), 50.0))


@contextmanager
def simulated(faults: Faults | None = None) -> Iterator[tuple[OandaSimulator, OandaConnection]]:
    """Run the simulator with a connection whose sleep moves the simulated time instead of taking real time."""
    clock = VirtualClock(NOW)
    with OandaSimulator([series()], clock, faults, heartbeat_seconds=0.05) as simulator, connected(simulator) as one:
        yield simulator, one


@contextmanager
def connected(
    simulator: OandaSimulator,
    token: str | None = None,
    account_id: str | None = None,
    environment: Environment = Environment.PRACTICE,
) -> Iterator[OandaConnection]:
    clock = simulator.clock
    with OandaConnection(
        address_of(environment, simulator.address.rest_url, simulator.address.stream_url),
        token or simulator.token,
        account_id or simulator.account_id,
        clock=clock.now,
        monotonic=clock.now,
        sleep=clock.advance,
        jitter=lambda: 0.5,
        answer_seconds=5.0,
    ) as connection:
        yield connection


def test_back_filled_candles_are_those_of_the_market() -> None:
    with simulated() as (simulator, connection):
        pages = list(candles_between(connection, EUR_USD, 300, START, NOW, page_size=100))
        taken = [one for page in pages for one in page.candles]
        expected = [candle for candle in simulator.existing_candles("EUR_USD") if candle.time < NOW]
    assert taken[:-1] == [Complete(candle) for candle in expected[:-1]]
    assert isinstance(taken[-1], Incomplete)
    assert len(pages) == 3


@pytest.mark.parametrize("seed", range(6))
def test_no_fault_on_the_way_loses_doubles_or_invents_a_candle(seed: int) -> None:
    with simulated(Faults.random(seed, 0.3, kinds=OUTAGES)) as (simulator, connection):
        end = NOW - 7200
        pages = candles_between(connection, EUR_USD, 300, START, end, page_size=40)
        taken = [one for page in pages for one in page.candles]
        expected = [candle for candle in simulator.existing_candles("EUR_USD") if candle.time < end]
        assert taken == [Complete(candle) for candle in expected]
        assert simulator.changing_requests == []


def test_everything_else_that_is_asked_is_answered() -> None:
    with simulated() as (simulator, connection):
        [page] = latest_candles(connection, [CandleSpecification(EUR_USD, 300)])
        assert [type(one) for one in page.candles] == [Complete, Incomplete]
        snapshot = prices(connection, [EUR_USD])
        assert snapshot.time_nanoseconds == simulator.clock.now_nanoseconds()
        assert [quote.tradeable for quote in snapshot.quotes] == [True]
        assert account_ids(connection) == (simulator.account_id,)
        assert account_summary(connection).currency == "USD"
        assert account_instruments(connection, ["EUR_USD"])["EUR_USD"].instrument() == EUR_USD


def test_threads_may_share_a_connection() -> None:
    with simulated() as (_, connection), ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _turn: account_ids(connection), range(40)))
        assert len(set(found)) == 1


@pytest.mark.parametrize("settle_seconds", [1.0, 5.0])
@pytest.mark.parametrize("fault", [None, *OUTAGES])
def test_position_is_closed_exactly_once_whatever_becomes_of_the_answer(
    fault: ResponseFault | None, settle_seconds: float
) -> None:
    with simulated() as (simulator, connection):
        opened = int(simulator.open_position("EUR_USD", -1000))
        if fault is not None:
            simulator.faults.schedule(fault, path="/close")
        intents: list[object] = []
        result = close_position(connection, "EUR_USD", "close-1", intents.append, settle_seconds=settle_seconds)
        assert isinstance(result, PositionClosed)
        assert [fill.units for fill in result.fills] == [1000]
        simulator.clock.advance(60.0)
        assert simulator.open_units("EUR_USD") == 0
        fills = [one for one in simulator.transactions if one["type"] == "ORDER_FILL" and int(one["id"]) > opened]
        assert [int(one["id"]) for one in fills] == [fill.transaction_id for fill in result.fills]
        assert len(intents) == 1
        assert {request.method for request in simulator.changing_requests} == {"PUT"}


def test_more_transactions_than_one_answer_holds_are_all_found() -> None:
    with simulated() as (simulator, connection):
        while len(simulator.transactions) <= 1_001:
            simulator.open_position("EUR_USD", 1)
        found = transactions_since(connection, 1)
        assert [one.id for one in found] == list(range(2, len(simulator.transactions) + 1))
        assert len([asked for asked in simulator.requests if asked.path.endswith("sinceid")]) == 2


@pytest.mark.parametrize("seed", range(8))
def test_close_among_random_faults_happens_once_or_says_that_it_is_unknown(seed: int) -> None:
    with simulated(Faults(seed=seed, response_rate=0.4, response_kinds=OUTAGES)) as (simulator, connection):
        opened = int(simulator.open_position("EUR_USD", 1000))
        try:
            result = close_position(connection, "EUR_USD", "close-1", lambda _intent: None)
        except InfrastructureError:
            result = None
        simulator.clock.advance(60.0)
        fills = [one for one in simulator.transactions if one["type"] == "ORDER_FILL" and int(one["id"]) > opened]
        assert len(fills) <= 1
        assert result is None or isinstance(result, PositionClosed)
        assert result is None or len(fills) == 1


def test_halted_market_and_a_flat_account_are_told_apart() -> None:
    with simulated() as (simulator, connection):
        assert close_position(connection, "EUR_USD", "close-1", lambda _intent: None) == NothingOpen()
        simulator.open_position("EUR_USD", 1000)
        simulator.faults.market_halted = True
        assert close_position(connection, "EUR_USD", "close-2", lambda _intent: None) == Cancelled("MARKET_HALTED")
        assert simulator.open_units("EUR_USD") == 1000


def test_wrong_token_and_wrong_account_are_one_clear_sentence_each() -> None:
    with simulated() as (simulator, _):
        with (
            connected(simulator, token=simulator.wrong_token) as connection,
            pytest.raises(OandaUnauthorizedError, match="works in one environment only"),
        ):
            account_summary(connection)
        with (
            connected(simulator, account_id="101-004-9999999-001") as connection,
            pytest.raises(OandaRefusedError, match="no access to this account"),
        ):
            account_summary(connection)


@pytest.mark.parametrize("split_bytes", [0, 1, 7])
def test_stream_brings_the_prices_that_the_snapshot_has(split_bytes: int) -> None:
    with simulated(Faults(stream_split_bytes=split_bytes, unsorted_depth=True)) as (_, connection):
        [expected] = prices(connection, [EUR_USD]).quotes
        with PricingStream(connection, [EUR_USD]) as stream:
            lines = iter(stream)
            assert next(lines) == expected
            assert isinstance(next(lines), PricingHeartbeat)


@pytest.mark.parametrize("fault", [StreamFault.ABRUPT_CLOSE, StreamFault.CUT_LINE, StreamFault.SILENT_STALL])
def test_stream_that_breaks_or_falls_silent_is_an_error_and_can_be_opened_again(fault: StreamFault) -> None:
    with simulated() as (simulator, connection):
        simulator.faults.schedule_stream(fault)
        with pytest.raises(InfrastructureError):
            list(PricingStream(connection, [EUR_USD], silence_seconds=0.5))
        with PricingStream(connection, [EUR_USD], silence_seconds=SILENCE_SECONDS) as stream:
            assert isinstance(next(iter(stream)), ClientPrice)
        assert simulator.streams == 2


def test_garbage_in_the_stream_is_passed_over_and_counted() -> None:
    with simulated() as (simulator, connection):
        simulator.faults.schedule_stream(StreamFault.GARBAGE_LINE)
        with PricingStream(connection, [EUR_USD]) as stream:
            lines = iter(stream)
            found = [next(lines), next(lines)]
        assert [type(line) for line in found] == [ClientPrice, PricingHeartbeat]
        assert stream.skipped_lines == 1
