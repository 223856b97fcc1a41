"""The topology on a real broker, and the verbs that make and check it."""

import json
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pika
import pytest

from services.cli import main
from shared.bus.backoff import Backoff
from shared.bus.rabbitmq_topology import QueueState, TopologyJob
from shared.bus.topology import EXCHANGE, topology
from shared.contracts.errors import InfrastructureError, InputError
from tests.integration.bus.rabbitmq_runs import (
    CHANCE,
    DEAD,
    PATIENCE_SECONDS,
    QUEUE,
    a_wire_message,
    consume_all,
    declare,
    publish,
    ready,
)
from tests.published import published
from tests.repository import ROOT
from tests.servers.rabbitmq import RabbitServer

DEFINITIONS = ROOT / "deploy" / "rabbitmq" / "definitions.json"


def differences(url: str) -> list[str]:
    return TopologyJob(url, topology(), "test").differences()


def on_the_broker(url: str, **arguments: Any) -> None:
    """Do what an operator may do to a queue by hand: delete it, or unbind it."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    if "delete" in arguments:
        # RabbitMQ 3.10 can lose the means to dead-letter when a queue goes whose leader is just settling in.
        time.sleep(0.5)
        channel.queue_delete(arguments["delete"])
    if "unbind" in arguments:
        channel.queue_unbind(arguments["unbind"], EXCHANGE, arguments["key"])
    if "declare" in arguments:
        channel.queue_declare(arguments["declare"], durable=True, arguments={"x-queue-type": "quorum"})
    connection.close()


def test_nothing_is_there_at_first_and_everything_after_declaring(vhost_url: str) -> None:
    assert len(differences(vhost_url)) == len(topology().exchanges) + len(topology().queues)
    declare(vhost_url)
    assert differences(vhost_url) == []


def test_declaring_again_changes_nothing_and_keeps_what_waits(vhost_url: str) -> None:
    declare(vhost_url)
    publish(vhost_url, [a_wire_message(1)])
    reports = TopologyJob(vhost_url, topology(), "test").declare(
        PATIENCE_SECONDS, Backoff(0.1, 1.0, CHANCE), lambda _why: None
    )
    assert {report.state for report in reports} == {QueueState.WORKS}
    assert [message.seq for message in consume_all(vhost_url, 1)] == [1]
    assert (ready(vhost_url), ready(vhost_url, DEAD)) == (0, 0)


def test_what_an_operator_broke_is_named(vhost_url: str) -> None:
    declare(vhost_url)
    on_the_broker(vhost_url, delete=DEAD)
    on_the_broker(vhost_url, unbind=QUEUE, key="candle.closed.0.*")
    on_the_broker(vhost_url, delete="executor.assessed", declare="executor.assessed")
    unbound, missing, other = differences(vhost_url)
    assert unbound == "queue strategy.candles.0 is not bound to candle.closed.0.*"
    assert missing == "queue strategy.candles.0.dead is missing"
    assert other.startswith("queue executor.assessed has other properties: PRECONDITION_FAILED")


def test_declaring_mends_what_is_missing_and_refuses_what_differs(vhost_url: str) -> None:
    declare(vhost_url)
    on_the_broker(vhost_url, delete=DEAD)
    declare(vhost_url)
    assert differences(vhost_url) == []
    on_the_broker(vhost_url, delete=QUEUE, declare=QUEUE)
    with pytest.raises(InputError, match="the broker has it with other settings"):
        declare(vhost_url)


def test_the_definitions_make_the_same_topology(rabbit_server: RabbitServer, vhost_url: str) -> None:
    vhost = unquote(urlsplit(vhost_url).path[1:])
    document = json.loads(DEFINITIONS.read_text(encoding="utf-8").replace('"vhost": "scalpbot"', f'"vhost": "{vhost}"'))
    rabbit_server.management.call("POST", "/definitions", {**document, "vhosts": []})
    assert differences(vhost_url) == []


def test_a_broker_that_starts_later_is_waited_for(rabbit_server: RabbitServer, vhost_url: str) -> None:
    rabbit_server.stop_serving()
    starting = threading.Timer(1.0, rabbit_server.start)
    starting.start()
    told: list[str] = []
    try:
        TopologyJob(vhost_url, topology(), "test").declare(PATIENCE_SECONDS, Backoff(0.1, 1.0, CHANCE), told.append)
    finally:
        starting.join()
    assert "Connection refused" in told[0]
    assert differences(vhost_url) == []


def test_a_broker_that_does_not_start_is_not_waited_for_longer_than_asked() -> None:
    job = TopologyJob("amqp://guest:guest@127.0.0.1:1/", topology(), "test")
    with pytest.raises(InfrastructureError, match=r"Connection refused, at 127\.0\.0\.1:1"):
        job.declare(0.5, Backoff(0.1, 1.0, CHANCE), lambda _why: None)


def test_the_verbs_declare_and_check(vhost_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bus", "check", "--url", vhost_url]) == 3
    assert "queue strategy.candles.0 is missing" in capsys.readouterr().out
    assert main(["bus", "declare", "--url", vhost_url, "--json"]) == 0
    assert {queue["state"] for queue in published("bus declare", capsys.readouterr().out)["queues"]} == {"works"}
    assert main(["bus", "check", "--url", vhost_url, "--json"]) == 0
    assert published("bus check", capsys.readouterr().out) == {"ok": True, "differences": []}


def test_the_address_of_the_environment_is_the_default(
    vhost_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RABBITMQ_URL", vhost_url)
    assert main(["bus", "declare"]) == 0
    assert "strategy.candles.0.dead" in capsys.readouterr().out


def test_without_an_address_the_verb_says_where_to_put_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RABBITMQ_URL", raising=False)
    assert main(["bus", "check"]) == 2
    assert "set RABBITMQ_URL or give --url" in capsys.readouterr().err


def test_definitions_are_written_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "definitions.json"
    assert main(["bus", "definitions", "--out", str(out)]) == 0
    assert main(["bus", "definitions"]) == 0
    assert capsys.readouterr().out == out.read_text(encoding="utf-8") == DEFINITIONS.read_text(encoding="utf-8")
    assert main(["bus", "definitions", "--out", str(tmp_path / "none" / "definitions.json")]) == 2
