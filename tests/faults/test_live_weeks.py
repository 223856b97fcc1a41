"""A day of live trading while everything about OANDA fails at random; `make faults` trades two weeks of it."""

from pathlib import Path

from tests.faults.live_weeks import live_deployed, live_embedded
from tests.fixtures.declared import declare
from tests.fixtures.deployed import Deployment


def test_a_day_in_one_process_loses_no_candle_and_decides_as_the_backtest(tmp_path: Path) -> None:
    came = live_embedded(tmp_path, days=1.0, seed=2, rate=0.1)
    assert came.broken == (), came.line()
    assert came.stored == came.existing > 600
    assert came.trades > 0
    assert came.kinds > 15


def test_some_hours_as_processes_lose_no_candle_and_are_decided_as_by_the_backtest(
    postgres_url: str, vhost_url: str, tmp_path: Path
) -> None:
    declare(vhost_url)
    deployment = Deployment(postgres_url, vhost_url, tmp_path)
    try:
        came = live_deployed(deployment, days=0.3, seed=1, rate=0.1, speed=1200.0)
    finally:
        deployment.close()
    assert came.broken == (), came.line()
    assert came.stored == came.existing > 150
    assert came.kinds > 15
