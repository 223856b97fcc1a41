"""Live candles and prices through processes: OANDA, ingest, broker, strategy, executor; and a close at OANDA."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from services.inspection.parity import check_parity
from shared.contracts.commands import CommandType, TradeMode, command_of
from shared.core.columns import CandleSeries
from shared.core.types import STALE_DATA
from shared.runtime.commands import send_command
from shared.store.port import Store
from shared.store.rows.commands import NewCommand
from shared.store.sql.audit import verify_audit
from shared.store.sql_store import open_store
from tests.fixtures.declared import declare
from tests.fixtures.deployed import Deployment, wait_until
from tests.fixtures.paper import sample_series
from tests.simulators.oanda import OandaSimulator, VirtualClock

PAIRS = ("EUR_USD", "USD_JPY")
MINUTE = 60
WARM_UP = 100
MONDAY = 1_709_546_400  # 2024-03-04T10:00:00Z
PATIENCE_SECONDS = 60.0


def minutes() -> list[CandleSeries]:
    """Return the sample's candles as if each had lasted a minute."""
    time_of = np.arange(MONDAY - WARM_UP * MINUTE, MONDAY + 400 * MINUTE, MINUTE)
    return [
        each._replace(granularity_seconds=MINUTE, time=time_of[: len(each.time)])
        for each in sample_series(*PAIRS, candles=len(time_of))
    ]


@pytest.fixture(name="clock")
def clock_() -> VirtualClock:
    """Return a clock that stands still, however long the processes take to start."""
    return VirtualClock(MONDAY + MINUTE - 3)


@pytest.fixture(name="simulator")
def simulator_(clock: VirtualClock) -> Iterator[OandaSimulator]:
    with OandaSimulator(minutes(), clock, heartbeat_seconds=0.5) as simulator:
        yield simulator


def test_live_candles_and_prices_reach_the_ledger_through_processes(
    simulator: OandaSimulator, clock: VirtualClock, postgres_url: str, vhost_url: str, tmp_path: Path
) -> None:
    declare(vhost_url)
    deployment = Deployment(postgres_url, vhost_url, tmp_path)
    environ = {
        "OANDA_API_KEY": simulator.token,
        "OANDA_ACCOUNT_ID": simulator.account_id,
        "OANDA_REST_URL": simulator.address.rest_url,
        "OANDA_STREAM_URL": simulator.address.stream_url,
        "SCALP_BOT_LIVE__GRANULARITY": "M1",
        "SCALP_BOT_LIVE__WARM_UP_CANDLES": str(WARM_UP),
        "SCALP_BOT_LIVE__CALENDAR_URL": "http://127.0.0.1:1/none",
    }
    store = open_store(postgres_url)
    try:
        deployment.start("strategy", "--mode", "LIVE", environ=environ)
        deployment.start("executor", "--mode", "LIVE", environ={**environ, "LIVE_TRADING_ENABLED": "true"})
        deployment.start("ingest", "--feed", "oanda", "--pairs", ",".join(PAIRS), environ=environ)
        # History, and then one candle of each pair that closes while we watch.
        deployment.wait_until_traded(2 * WARM_UP, PATIENCE_SECONDS)
        clock.set_speed(1.0)
        deployment.wait_until_traded(2 * (WARM_UP + 1), PATIENCE_SECONDS)
        quoted = 'scalpbot_last_quote_timestamp_seconds{pair="EUR_USD"}'
        wait_until(lambda: quoted in deployment.metrics("executor"), PATIENCE_SECONDS, "a price is at the executor")
        assert deployment.metrics("executor")[quoted] >= MONDAY
        assert deployment.metrics("ingest")["scalpbot_prices_streaming"] == 1
        with store.reading() as reader:
            # Of a market whose clock is years behind nothing is entered.
            assert {row.reason for row in reader.gate_snapshots(1_000)} == {STALE_DATA}
            assert check_parity(reader, lambda _done: None).difference is None
        assert simulator.changing_requests == []
        close_at_oanda(simulator, store)
        for name in ("ingest", "strategy", "executor"):
            code, seconds = deployment.stop(name)
            assert (code, seconds < PATIENCE_SECONDS) == (0, True)
            log = deployment.log_of(name)
            assert simulator.token not in log
            assert simulator.account_id not in log
            assert ("live trading is enabled" in log) == (name == "executor")
        assert deployment.log_of("ingest").count("this machine's clock is") == 1
    finally:
        deployment.close()
        store.close()


def close_at_oanda(simulator: OandaSimulator, store: Store) -> None:
    """Close a position at OANDA by a command, and see that the paper ledger is as before."""
    simulator.open_position(PAIRS[0], 1_000)
    with store.transaction() as transaction:
        command = command_of(CommandType.CLOSE_ALL, TradeMode.LIVE, None)
        new = NewCommand(int(time.time()), "ann", command.type, '{"mode": "LIVE"}')
        command_id = send_command(transaction, command, new).row.id

    def status() -> str | None:
        with store.reading() as reader:
            row = reader.command(command_id)
        return None if row is None else row.status

    wait_until(lambda: status() == "SUCCEEDED", PATIENCE_SECONDS, "the position is closed at OANDA")
    assert simulator.open_units(PAIRS[0]) == 0
    (request,) = simulator.changing_requests
    assert request.path.endswith(f"/positions/{PAIRS[0]}/close")
    with store.reading() as reader:
        actions = [row.action for row in reader.audit_of_command(command_id)]
        assert actions[-3:] == ["broker.close_begun", "broker.position_closed", "command.completed"]
        assert check_parity(reader, lambda _done: None).difference is None
        assert verify_audit(reader.audit_in_order()).ok
