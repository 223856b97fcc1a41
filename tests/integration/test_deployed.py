"""Three processes over RabbitMQ and PostgreSQL end with the trades of the backtest."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.backtest.run import run_backtest
from shared.contracts.trades import trade_hash
from shared.runtime.settings import Settings
from tests.fixtures.declared import declare
from tests.fixtures.deployed import Deployment
from tests.fixtures.paper import SAMPLE, sample_calendar, sample_series


@pytest.fixture(name="deployment")
def deployment_(postgres_url: str, vhost_url: str, tmp_path: Path) -> Iterator[Deployment]:
    declare(vhost_url)
    deployment = Deployment(postgres_url, vhost_url, tmp_path)
    yield deployment
    deployment.close()


def sample_file(pair: str) -> str:
    return str(SAMPLE / f"{pair}_M5_sample.csv")


@pytest.mark.parametrize("pairs", [("EUR_USD",), ("EUR_USD", "GBP_USD", "USD_JPY")])
def test_replay_through_three_processes_ends_with_the_hash_of_the_backtest(
    deployment: Deployment, pairs: tuple[str, ...]
) -> None:
    series = sample_series(*pairs)
    expected = trade_hash(run_backtest(series, Settings(), calendar=sample_calendar()).trades)
    deployment.start_all([sample_file(pair) for pair in pairs], news=SAMPLE / "calendar_sample.json")
    deployment.wait_until_traded(sum(len(each.time) for each in series))
    assert deployment.ledger_hash() == expected
