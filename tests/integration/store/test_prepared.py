"""What prepares a deployment gives each service its rights on database and broker, and none besides."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pika
import psycopg
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker
from sqlalchemy import make_url

from shared.bus.topology import ASSESSED_QUEUE, DEAD_LETTER_EXCHANGE, EXCHANGE, QUOTE, candles_queue
from shared.contracts.facts import (
    ACCOUNT_HALTED,
    CANDLE_ASSESSED,
    CANDLE_CLOSED,
    DAY_STARTED,
    ORDER_REFUSED,
    TRADE_CLOSED,
    TRADE_OPENED,
)
from tests.fixtures.declared import declare
from tests.fixtures.rights import broker_users, preparation
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitServer


def rights_on(connection: "psycopg.Connection[tuple[object, ...]]") -> str:
    row = connection.execute(
        "SELECT coalesce(datacl::text, '') FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_a_database_that_was_made_anew_gets_its_rights_again(postgres_server: PostgresServer) -> None:
    prepare = preparation()
    for _ in ("the first", "the one that a dump is restored into"):
        name = postgres_server.new_database()
        url = make_url(postgres_server.url(name))
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain) as connection:
            assert rights_on(connection) == ""
            prepare._grant(connection)
            granted = rights_on(connection)
            assert "scalpbot_api=c" in granted
            # Not again, while services are at work.
            connection.execute("REVOKE CONNECT ON DATABASE " + connection.info.dbname + " FROM scalpbot_api")
            prepare._grant(connection)
            assert "scalpbot_api=c" not in rights_on(connection)
        postgres_server.delete_database(name)


@pytest.fixture(name="users")
def users_(rabbit_server: RabbitServer, vhost_url: str, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    declare(vhost_url)
    with broker_users(vhost_url, rabbit_server.management, tmp_path) as addresses:
        yield addresses


@contextmanager
def channel_of(url: str) -> Iterator[BlockingChannel]:
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel


def publish_as(url: str, exchange: str, key: str) -> None:
    with channel_of(url) as channel:
        channel.basic_publish(exchange, key, b"{}")


OWN: Final = {
    "ingest": (f"{CANDLE_CLOSED}.0.EUR_USD", f"{QUOTE}.0.EUR_USD"),
    "strategy": (f"{CANDLE_ASSESSED}.0.EUR_USD",),
    "executor": tuple(
        f"{fact}.0.ALL" for fact in (TRADE_OPENED, TRADE_CLOSED, ORDER_REFUSED, ACCOUNT_HALTED, DAY_STARTED)
    ),
}


def test_each_service_may_tell_its_own_facts_and_none_of_the_others(users: Mapping[str, str]) -> None:
    for teller, facts in OWN.items():
        for fact in facts:
            publish_as(users[teller], EXCHANGE, fact)
            for other in OWN.keys() - {teller}:
                with pytest.raises(ChannelClosedByBroker, match=r"access to topic .* refused"):
                    publish_as(users[other], EXCHANGE, fact)


@pytest.mark.parametrize("service", OWN)
def test_no_service_may_write_to_a_queue_or_to_the_dead_letters(users: Mapping[str, str], service: str) -> None:
    for exchange, key in (
        ("", ASSESSED_QUEUE),
        ("", candles_queue()),
        (DEAD_LETTER_EXCHANGE, ASSESSED_QUEUE),
        ("amq.topic", "x"),
    ):
        with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
            publish_as(users[service], exchange, key)


def test_each_service_may_take_from_its_own_queues_and_none_of_the_others(users: Mapping[str, str]) -> None:
    queues = {"strategy": candles_queue(), "executor": ASSESSED_QUEUE}
    for name, url in users.items():
        for owner, queue in queues.items():
            with channel_of(url) as channel:
                if owner == name:
                    assert channel.basic_consume(queue, lambda *_message: None)
                    continue
                with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
                    channel.basic_consume(queue, lambda *_message: None)


@pytest.mark.parametrize(
    ("service", "act"),
    [
        ("ingest", lambda channel: channel.queue_declare("mine")),
        ("strategy", lambda channel: channel.queue_declare("mine")),
        ("executor", lambda channel: channel.queue_declare("mine")),
        ("executor", lambda channel: channel.queue_delete(ASSESSED_QUEUE)),
        ("strategy", lambda channel: channel.queue_delete(candles_queue())),
        ("strategy", lambda channel: channel.queue_purge(ASSESSED_QUEUE)),
        ("ingest", lambda channel: channel.exchange_delete(EXCHANGE)),
        ("ingest", lambda channel: channel.queue_bind(candles_queue(), EXCHANGE, "#")),
    ],
)
def test_no_service_may_alter_the_topology(
    users: Mapping[str, str], service: str, act: Callable[[BlockingChannel], object]
) -> None:
    with channel_of(users[service]) as channel, pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
        act(channel)


def test_the_executor_hears_quotes_in_a_queue_of_its_own_and_nothing_else(users: Mapping[str, str]) -> None:
    with channel_of(users["executor"]) as channel:
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, EXCHANGE, f"{QUOTE}.0.*")
        publish_as(users["ingest"], EXCHANGE, f"{QUOTE}.0.EUR_USD")
        assert channel.basic_get(queue, auto_ack=True)[2] == b"{}"
        with pytest.raises(ChannelClosedByBroker, match=r"access to topic .* refused"):
            channel.queue_bind(queue, EXCHANGE, f"{CANDLE_CLOSED}.0.*")
