"""Services that have only their own rights on database and broker do all their work, and are refused nothing."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from shared.contracts.shown import trade_hash
from shared.settings.settings import Settings
from shared.store.rows.commands import NewCommand
from shared.store.sql_store import open_store
from tests.fixtures.api import PASSWORD
from tests.fixtures.backtested import run_backtest
from tests.fixtures.declared import declare
from tests.fixtures.deployed import Deployment, wait_until
from tests.fixtures.paper import NOON, cut_sample, sample_series
from tests.fixtures.rights import API, as_role, broker_users, set_up
from tests.servers.ports import free_ports
from tests.servers.rabbitmq import RabbitServer

CANDLES: Final = 1_000
REFUSED: Final = re.compile("permission denied|row-level security|access.refused|refuted", re.IGNORECASE)


@pytest.fixture(name="deployment")
def deployment_(
    empty_postgres_url: str, vhost_url: str, rabbit_server: RabbitServer, tmp_path: Path
) -> Iterator[Deployment]:
    set_up(empty_postgres_url)
    declare(vhost_url)
    with broker_users(vhost_url, rabbit_server.management, tmp_path) as users:
        deployment = Deployment(empty_postgres_url, vhost_url, tmp_path)
        file = f"USD_JPY={cut_sample(tmp_path, 'USD_JPY', CANDLES)}"
        for name, *arguments in (("strategy",), ("executor",), ("ingest", "--csv", file)):
            own = {"DATABASE_URL": as_role(empty_postgres_url, f"scalpbot_{name}"), "RABBITMQ_URL": users[name]}
            deployment.start(name, *arguments, environ=own)
        password = tmp_path / "first_password"
        password.write_text(PASSWORD, encoding="utf-8")
        own = {"DATABASE_URL": as_role(empty_postgres_url, API)}
        port = str(free_ports(1)[0])
        deployment.start("api", "--port", port, "--bootstrap-file", str(password), environ=own)
        yield deployment
        deployment.close()


def test_services_with_their_own_rights_trade_as_the_backtest_does(deployment: Deployment) -> None:
    deployment.wait_until_traded(CANDLES)
    expected = run_backtest(sample_series("USD_JPY", candles=CANDLES), Settings()).trades
    assert expected
    assert deployment.ledger_hash() == trade_hash(expected)
    with closing(open_store(as_role(deployment.store_url, API))) as store:
        with store.transaction() as transaction:
            sent, _new = transaction.add_command(NewCommand(NOON, "ann", "PAUSE_ALL", "{}", "key"))

        def carried_out() -> bool:
            with store.reading() as reader:
                row = reader.command(sent.id)
            return row is not None and row.status == "SUCCEEDED"

        wait_until(carried_out, 30, "the executor carried out a command of the API")
        with store.reading() as reader:
            wait_until(lambda: reader.outbox_count() == 0, 30, "everything was sent")
            assert {row.service for row in reader.heartbeats()} == {"ingest", "strategy", "executor", "api"}
    for name in deployment.running:
        assert REFUSED.findall(deployment.log_of(name)) == [], name
        assert deployment.running[name].poll() is None
