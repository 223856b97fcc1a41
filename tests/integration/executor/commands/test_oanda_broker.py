"""Closing positions at OANDA: only where it is allowed, only what is open, and once, whatever is lost on the way."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.executor.commands.oanda_broker import LIVE_TRADING_DISABLED, OandaBroker
from shared.contracts.errors import InfrastructureError
from shared.oanda.closing import Cancelled, NothingOpen, PositionClosed
from shared.oanda.connection import OandaConnection
from shared.store.port import Store
from shared.store.sql_store import open_store
from tests.fixtures.closing import LOST, DyingConnection, KilledError, connection_to, fills_of
from tests.fixtures.new_store import new_sqlite
from tests.fixtures.paper import sample_series
from tests.simulators.oanda import OandaSimulator, ResponseFault, VirtualClock

EUR = "EUR_USD"
MONDAY = 1_709_546_400  # 2024-03-04T10:00:00Z


@pytest.fixture(name="store")
def store_(tmp_path: Path) -> Iterator[Store]:
    url = new_sqlite(tmp_path / "live.db")
    store = open_store(url)
    yield store
    store.close()


@pytest.fixture(name="simulator")
def simulator_() -> Iterator[OandaSimulator]:
    with OandaSimulator(sample_series(EUR, candles=1_000), VirtualClock(MONDAY)) as simulator:
        simulator.faults.late_landing_seconds = 2.0
        yield simulator


@pytest.fixture(name="connection")
def connection_(simulator: OandaSimulator) -> Iterator[OandaConnection]:
    with connection_to(simulator) as connection:
        yield connection


@pytest.fixture(name="broker")
def broker_(connection: OandaConnection, store: Store) -> OandaBroker:
    return OandaBroker(connection, store, enabled=True)


def test_close_is_refused_unless_live_trading_is_enabled(
    simulator: OandaSimulator, connection: OandaConnection, store: Store
) -> None:
    simulator.open_position(EUR, 1_000)
    assert OandaBroker(connection, store, enabled=False).close(EUR, "cmd-1") == LIVE_TRADING_DISABLED
    assert simulator.changing_requests == []
    assert simulator.open_units(EUR) == 1_000


@pytest.mark.parametrize("units", [1_000, -2_500])
def test_existing_side_is_closed_and_no_other(simulator: OandaSimulator, broker: OandaBroker, units: int) -> None:
    simulator.open_position(EUR, units)
    assert [position.pair for position in broker.positions()] == [EUR]
    result = broker.close(EUR, "cmd-1")
    assert isinstance(result, PositionClosed)
    assert [int(fill.units) for fill in result.fills] == [-units]
    assert simulator.open_units(EUR) == 0
    (request,) = simulator.changing_requests
    assert request.path.endswith(f"/positions/{EUR}/close")


def test_nothing_open_is_nothing_sent(simulator: OandaSimulator, broker: OandaBroker) -> None:
    assert broker.close(EUR, "cmd-1") == NothingOpen()
    assert simulator.changing_requests == []


def test_closed_market_is_told_and_leaves_the_position(simulator: OandaSimulator, broker: OandaBroker) -> None:
    simulator.open_position(EUR, 1_000)
    simulator.faults.market_halted = True
    assert broker.close(EUR, "cmd-1") == Cancelled("MARKET_HALTED")
    assert simulator.open_units(EUR) == 1_000


@pytest.mark.parametrize("fault", LOST)
def test_close_whose_answer_is_lost_is_carried_out_once(
    simulator: OandaSimulator, broker: OandaBroker, fault: ResponseFault
) -> None:
    simulator.open_position(EUR, 1_000)
    simulator.faults.schedule(fault, path="close")
    assert isinstance(broker.close(EUR, "cmd-1"), (PositionClosed, NothingOpen))
    simulator.clock.advance(60)
    assert simulator.open_units(EUR) == 0
    assert fills_of(simulator) == ["-1000"]


@pytest.mark.parametrize("fault", [ResponseFault.DROPPED, ResponseFault.RESET_BEFORE, ResponseFault.LATE_LANDING])
def test_close_that_a_crash_interrupted_is_settled_by_its_tag(
    simulator: OandaSimulator, broker: OandaBroker, store: Store, fault: ResponseFault
) -> None:
    simulator.open_position(EUR, 1_000)
    simulator.faults.schedule(fault, path="close")
    with connection_to(simulator, DyingConnection) as dying, pytest.raises(KilledError):
        OandaBroker(dying, store, enabled=True).close(EUR, "cmd-1")
    if fault is not ResponseFault.RESET_BEFORE:
        simulator.clock.advance(10)
        # Somebody trades on meanwhile; what the first close has not done is not to be done now.
        simulator.open_position(EUR, 300)
    broker.close(EUR, "cmd-1")
    assert fills_of(simulator) == ["-1000"]


def test_without_an_answer_to_any_question_nothing_is_claimed(simulator: OandaSimulator, broker: OandaBroker) -> None:
    simulator.open_position(EUR, 1_000)
    simulator.faults.schedule(ResponseFault.UNAVAILABLE, times=1_000)
    with pytest.raises(InfrastructureError):
        broker.close(EUR, "cmd-1")
    assert simulator.open_units(EUR) == 1_000
