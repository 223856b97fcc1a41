"""The private servers of the tests serve, break and come back, and nothing of them outlives the tests."""

import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Final

import pika
import psycopg
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker, ConnectionBlockedTimeout

from tests.repository import ROOT
from tests.servers.choice import open_postgres_server
from tests.servers.errors import UnavailableError
from tests.servers.guardian import Guardian, plain_environment
from tests.servers.postgres import PostgresServer, Stop
from tests.servers.process_tree import descendants, freeze, is_alive
from tests.servers.rabbitmq import Alarm, Depth, RabbitServer
from tests.servers.waiting import wait_until

QUEUE: Final = "facts"
# A quorum queue that is younger can lose what it has confirmed when its broker is killed.
SETTLED_SECONDS: Final = 2.2


@contextmanager
def channel_to(url: str, blocked_timeout_seconds: float | None = None) -> Iterator[BlockingChannel]:
    """Open a channel that waits for the broker's confirmation of every message."""
    parameters = pika.URLParameters(url)
    parameters.blocked_connection_timeout = blocked_timeout_seconds
    with closing(pika.BlockingConnection(parameters)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel


def declare(channel: BlockingChannel) -> None:
    channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})


def publish(channel: BlockingChannel, body: bytes) -> None:
    """Return when the broker has promised to keep the message."""
    channel.basic_publish("", QUEUE, body, pika.BasicProperties(delivery_mode=2), mandatory=True)


def consume_one(channel: BlockingChannel) -> bytes:
    for method, _properties, body in channel.consume(QUEUE, inactivity_timeout=10):
        assert body is not None, "no message came in time"
        assert method is not None
        assert method.delivery_tag is not None
        channel.basic_ack(method.delivery_tag)
        return body
    raise AssertionError("the broker ended the consumer")


def vhost_of(url: str) -> str:
    return url.rpartition("/")[2]


def database_of(url: str) -> str:
    return url.rpartition("/")[2]


def connected(url: str) -> "psycopg.Connection[tuple[int]]":
    return psycopg.connect(url.replace("+psycopg", ""), connect_timeout=5)


def select_one(url: str) -> int:
    with connected(url) as connection:
        row = connection.execute("SELECT 1").fetchone()
        assert row is not None
        return row[0]


def keep_a_row(url: str) -> None:
    with connected(url) as connection:
        connection.execute("CREATE TABLE kept (number integer)")
        connection.execute("INSERT INTO kept VALUES (7)")


def kept_rows(url: str) -> list[tuple[int]]:
    with connected(url) as connection:
        return connection.execute("SELECT number FROM kept").fetchall()


def test_broker_hands_a_confirmed_message_to_a_consumer(vhost_url: str) -> None:
    with channel_to(vhost_url) as channel:
        declare(channel)
        publish(channel, b"candle")
        assert consume_one(channel) == b"candle"


def test_broker_tells_how_many_messages_a_queue_holds(rabbit_server: RabbitServer, vhost_url: str) -> None:
    with channel_to(vhost_url) as channel:
        declare(channel)
        publish(channel, b"first")
        publish(channel, b"second")
        assert rabbit_server.ready(vhost_of(vhost_url), QUEUE) == 2
        channel.basic_get(QUEUE)
        rabbit_server.wait_for_depth(vhost_of(vhost_url), QUEUE, Depth(ready=1, unacknowledged=1))


def test_vhosts_know_nothing_of_each_other(rabbit_server: RabbitServer, vhost_url: str) -> None:
    other = rabbit_server.new_vhost()
    with channel_to(vhost_url) as channel, channel_to(rabbit_server.url(other)) as stranger:
        declare(channel)
        with pytest.raises(ChannelClosedByBroker, match="NOT_FOUND"):
            stranger.queue_declare(QUEUE, passive=True)
    rabbit_server.retire_vhost(other)


def test_paused_broker_does_not_answer_until_it_goes_on(rabbit_server: RabbitServer, vhost_url: str) -> None:
    with channel_to(vhost_url) as channel:
        declare(channel)
        rabbit_server.pause()
        goes_on = Timer(1.0, rabbit_server.resume)
        goes_on.start()
        asked = time.monotonic()
        publish(channel, b"late")
        assert time.monotonic() - asked >= 0.9
        goes_on.join()
        assert consume_one(channel) == b"late"


@pytest.mark.parametrize("alarm", Alarm)
def test_alarm_blocks_who_publishes_until_it_is_cleared(
    rabbit_server: RabbitServer, vhost_url: str, alarm: Alarm
) -> None:
    with channel_to(vhost_url) as channel:
        declare(channel)
    rabbit_server.raise_alarm(alarm)
    with (
        suppress(pika.exceptions.ConnectionWrongStateError),
        channel_to(vhost_url, blocked_timeout_seconds=1) as channel,
        pytest.raises(ConnectionBlockedTimeout),
    ):
        publish(channel, b"blocked")
    rabbit_server.clear_alarms()
    with channel_to(vhost_url) as channel:
        publish(channel, b"accepted")


def test_alarm_that_a_test_left_behind_is_cleared_for_the_next(rabbit_server: RabbitServer) -> None:
    rabbit_server.make_usable()
    rabbit_server.raise_alarm()
    assert rabbit_server.has_alarm()
    rabbit_server.make_usable()
    assert not rabbit_server.has_alarm()


def test_database_server_answers(postgres_url: str) -> None:
    assert select_one(postgres_url) == 1


def test_databases_know_nothing_of_each_other(postgres_server: PostgresServer, empty_postgres_url: str) -> None:
    keep_a_row(empty_postgres_url)
    copy = postgres_server.new_database(template=database_of(empty_postgres_url))
    other = postgres_server.new_database()
    assert kept_rows(postgres_server.url(copy)) == [(7,)]
    with pytest.raises(psycopg.errors.UndefinedTable):
        kept_rows(postgres_server.url(other))
    for name in (copy, other):
        postgres_server.delete_database(name)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        select_one(postgres_server.url(other))


def test_killed_database_server_comes_back_with_a_committed_row(durable_postgres_server: PostgresServer) -> None:
    durable_postgres_server.make_usable()
    url = durable_postgres_server.url(durable_postgres_server.new_database())
    keep_a_row(url)
    with closing(connected(url)) as connection:
        durable_postgres_server.kill()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        select_one(url)
    durable_postgres_server.start()
    assert kept_rows(url) == [(7,)]


@pytest.mark.parametrize("how", Stop)
def test_restarted_database_server_keeps_a_committed_row(
    postgres_server: PostgresServer, empty_postgres_url: str, how: Stop
) -> None:
    keep_a_row(empty_postgres_url)
    postgres_server.restart(how)
    assert kept_rows(empty_postgres_url) == [(7,)]


def test_paused_database_server_does_not_answer_until_it_goes_on(
    postgres_server: PostgresServer, empty_postgres_url: str
) -> None:
    with connected(empty_postgres_url) as connection:
        postgres_server.pause()
        goes_on = Timer(0.5, postgres_server.resume)
        goes_on.start()
        asked = time.monotonic()
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert time.monotonic() - asked >= 0.4
        goes_on.join()


def test_server_that_is_killed_while_paused_is_mended_for_the_next_test(postgres_server: PostgresServer) -> None:
    postgres_server.make_usable()
    postgres_server.pause()
    postgres_server.kill()
    postgres_server.make_usable()
    assert select_one(postgres_server.url()) == 1
    postgres_server.pause()
    postgres_server.make_usable()
    assert select_one(postgres_server.url()) == 1


def test_closing_ends_processes_that_are_paused_and_deletes_the_folder() -> None:
    guardian = Guardian()
    folder = guardian.make_folder("guarded")
    program = guardian.start(["sh", "-c", "sleep 600; true"], plain_environment(), folder, folder / "log")
    wait_until(lambda: bool(descendants(program.pid)), 5, "the sleeping child")
    family = freeze(program.pid)
    assert len(family) == 2
    guardian.close()
    assert not any(map(is_alive, family))
    assert not folder.exists()


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGKILL"])
def test_nothing_outlives_a_test_run_that_is_killed(signal_name: str) -> None:
    run = textwrap.dedent(f"""
        import os, signal
        from tests.servers.guardian import Guardian, plain_environment
        guardian = Guardian()
        folder = guardian.make_folder("guarded")
        program = guardian.start(["sleep", "600"], plain_environment(), folder, folder / "log")
        print(program.pid, folder, flush=True)
        os.kill(os.getpid(), signal.{signal_name})
    """)
    ended = subprocess.run(
        [sys.executable, "-c", run], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode < 0
    process, folder = ended.stdout.split()
    wait_until(lambda: not is_alive(int(process)), 10, "the program to be ended")
    wait_until(lambda: not Path(folder).exists(), 10, "the folder to be deleted")


def test_switch_can_ask_for_no_server() -> None:
    with pytest.raises(UnavailableError, match="asks for none"):
        open_postgres_server("none")


def test_switch_that_names_no_way_is_refused() -> None:
    with pytest.raises(ValueError, match="write docker, local or none"):
        open_postgres_server("podman")
