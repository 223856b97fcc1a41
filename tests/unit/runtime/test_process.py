"""What stands around every service: health, the relay, waiting for what is away, dying on purpose."""

import json
import logging
import select
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Final
from urllib.error import HTTPError
from urllib.request import urlopen

import httpx
import pytest

from services.cli.run.service import served_process
from shared.contracts.envelope import WireMessage
from shared.contracts.errors import InfrastructureError
from shared.runtime.health import LONGEST_SILENCE_SECONDS, Health
from shared.runtime.lease import HeldLease, Policy
from shared.runtime.logs import service_log, telling_of_libraries
from shared.runtime.metrics import ServiceMetrics
from shared.runtime.monitor.server import HealthServer
from shared.runtime.relay import Errand, Relay
from shared.runtime.retry import patience, retry_until
from shared.store.port import Store
from shared.store.sql_store import open_store
from shared.web.inbound.refusals import HEADERS
from tests.contract.builders import an_outgoing
from tests.fixtures.crowds.inbound import connected, many, rest_of
from tests.fixtures.new_store import new_sqlite

NOW: Final = 1_700_000_000
INGEST: Final = Errand("ingest")


class Clock:
    """A monotonic clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="store")
def store_(tmp_path: Path) -> Iterator[Store]:
    url = new_sqlite(tmp_path / "runtime.db")
    store = open_store(url)
    yield store
    store.close()


def metrics() -> ServiceMetrics:
    return ServiceMetrics("test", "0")


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def test_health_tells_alive_ready_and_metrics() -> None:
    clock = Clock()
    health = Health(metrics(), clock)
    with HealthServer(health, service_log("test", "test"), "127.0.0.1", 0) as server:
        assert get(server.port, "/healthz")[0] == 200
        status, text = get(server.port, "/readyz")
        assert (status, json.loads(text)["ready"]) == (503, False)
        health.has("start")
        assert get(server.port, "/readyz")[0] == 200
        health.waits_for("store", "the database is away")
        status, text = get(server.port, "/readyz")
        assert (status, json.loads(text)["waiting_for"]) == (503, {"store": "the database is away"})
        # A missing dependency is no reason to be killed; a loop that stands still is.
        assert get(server.port, "/healthz")[0] == 200
        clock.now += LONGEST_SILENCE_SECONDS + 1
        assert get(server.port, "/healthz")[0] == 503
        health.progress()
        assert get(server.port, "/healthz")[0] == 200
        assert 'scalpbot_build_info{service="test",version="0"} 1.0' in get(server.port, "/metrics")[1]
        assert get(server.port, "/")[0] == 404


class Broker:
    """A publisher that fails as often as it is told to, perhaps after the broker has taken the messages."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.sent: list[str] = []

    def publish(self, messages: Sequence[WireMessage]) -> None:
        self.sent += [message.message_id for message in messages]
        if self.failures:
            self.failures -= 1
            raise InfrastructureError("not confirmed")

    def idle(self) -> None: ...

    def close(self) -> None: ...


def a_relay(store: Store, broker: Broker, errand: Errand = INGEST) -> Relay:
    return Relay(store, broker, errand, metrics(), service_log("ingest", "test", "error"), clock=lambda: NOW)


def test_relay_marks_what_was_confirmed_and_sends_it_once(store: Store) -> None:
    broker = Broker()
    with store.transaction() as transaction:
        transaction.stage_outbox([an_outgoing(1), an_outgoing(2)])
    relay = a_relay(store, broker)
    assert (relay.send_once(), relay.send_once()) == (2, 0)
    assert broker.sent == [an_outgoing(1).message_id, an_outgoing(2).message_id]


def test_relays_of_partitions_send_what_was_staged_once_and_each_its_own(store: Store) -> None:
    staged = [an_outgoing(seq, stream=f"assessed.{seq % 3}", producer="strategy") for seq in range(1, 10)]
    with store.transaction() as transaction:
        transaction.stage_outbox(staged)
    brokers = [Broker() for _ in range(3)]
    relays = [
        a_relay(store, broker, Errand("strategy", f"assessed.{partition}")) for partition, broker in enumerate(brokers)
    ]
    # All look before any has noted what it sent.
    for relay in relays:
        relay.send_once()
    for partition, broker in enumerate(brokers):
        assert broker.sent == [row.message_id for row in staged if row.stream == f"assessed.{partition}"]


def test_of_two_processes_with_one_outbox_only_the_leader_sends(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.stage_outbox([an_outgoing(1)])
    leases = [HeldLease(store, "ingest", name, Policy.STEP_BACK) for name in ("first", "second")]
    brokers = [Broker(), Broker()]
    first, second = (
        a_relay(store, broker, INGEST._replace(is_ours=lease.holds))
        for lease, broker in zip(leases, brokers, strict=True)
    )
    assert leases[0].acquire()
    assert not leases[1].acquire()
    assert (second.send_once(), first.send_once()) == (0, 1)
    with store.transaction() as transaction:
        transaction.stage_outbox([an_outgoing(2)])
        row = transaction.lease("ingest")
        assert row is not None
        transaction.release_lease("ingest", "first", row.epoch)
    # The first was paused: it knows of nothing yet, and does not send all the same.
    assert leases[1].acquire()
    assert (first.send_once(), second.send_once()) == (0, 1)
    assert [broker.sent for broker in brokers] == [[an_outgoing(seq).message_id] for seq in (1, 2)]


def test_relay_sends_again_under_the_same_id_what_may_not_have_arrived(store: Store) -> None:
    broker = Broker(failures=1)
    with store.transaction() as transaction:
        transaction.stage_outbox([an_outgoing(1)])
    relay = a_relay(store, broker)
    with pytest.raises(InfrastructureError):
        relay.send_once()
    assert relay.send_once() == 1
    assert broker.sent == [an_outgoing(1).message_id] * 2


def test_relay_thread_sends_what_an_earlier_process_left_and_ends_when_told(store: Store) -> None:
    broker = Broker(failures=1)
    with store.transaction() as transaction:
        transaction.stage_outbox([an_outgoing(seq) for seq in (1, 2, 3)])
    relay = a_relay(store, broker)
    relay.start()
    relay.stop(5.0)
    with store.reading() as reader:
        assert reader.outbox_count() == 0
    relay.check()


def test_relay_tells_what_ended_its_thread(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    relay = a_relay(store, Broker())

    def broken() -> int:
        raise ValueError("a bug")

    monkeypatch.setattr(relay, "send_once", broken)
    relay.start()
    relay.stop(5.0)
    with pytest.raises(ValueError, match="a bug"):
        relay.check()


def test_waiting_ends_with_success_or_when_told_to_stop() -> None:
    pauses: list[float] = []
    left = iter([InfrastructureError("away"), InfrastructureError("away"), None])

    def attempt() -> str:
        fault = next(left)
        if fault is not None:
            raise fault
        return "here"

    jitter = Random(1).random
    assert retry_until(attempt, patience(jitter), pauses.append, lambda: False, lambda *_: None) == "here"
    assert len(pauses) == 2
    assert 0 < pauses[0] < pauses[1] * 2
    assert retry_until(attempt, patience(jitter), pauses.append, lambda: True, lambda *_: None) is None


def test_log_lines_are_json_and_name_the_service(capsys: pytest.CaptureFixture[str]) -> None:
    service_log("executor", "executor-1").info("leading", epoch=3)
    line = json.loads(capsys.readouterr().err)
    assert (line["service"], line["instance"], line["event"], line["epoch"]) == ("executor", "executor-1", "leading", 3)


def test_what_libraries_warn_of_and_what_ends_a_thread_are_lines_of_the_log_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise RuntimeError("no more threads")

    with telling_of_libraries(service_log("api", "api-1")):
        logging.getLogger("asyncio").warning("socket.accept() out of %s", "files")
        logging.getLogger("somebody").info("not worth a line")
        try:
            fail()
        except RuntimeError:
            logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
        thread = threading.Thread(target=fail, name="clerk")
        thread.start()
        thread.join()
    warned, failed, ended = map(json.loads, capsys.readouterr().err.splitlines())
    assert (warned["event"], warned["level"], warned["library"]) == (
        "socket.accept() out of files",
        "warning",
        "asyncio",
    )
    assert (failed["event"], failed["level"]) == ("Exception in ASGI application", "error")
    assert (ended["event"], ended["thread"]) == ("thread ended", "clerk")
    assert all("RuntimeError: no more threads" in line["exception"] for line in (failed, ended))


def test_a_service_tells_what_libraries_warn_of_in_its_log(capsys: pytest.CaptureFixture[str]) -> None:
    with served_process("strategy", "strategy-1", "127.0.0.1", 0):
        logging.getLogger("asyncio").warning("socket.accept() out of files")
    lines = list(map(json.loads, capsys.readouterr().err.splitlines()))
    assert [line["event"] for line in lines if line.get("library") == "asyncio"] == ["socket.accept() out of files"]


def test_port_for_monitors_answers_however_many_hold_connections_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    health = Health(metrics())
    with HealthServer(health, service_log("test", "test"), "127.0.0.1", 0) as server:
        threads = threading.active_count()
        half = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Half: "
        with many(server.port, 100) as idle, many(server.port, 100, half) as halves:
            assert get(server.port, "/healthz")[0] == 200
            assert threading.active_count() == threads
            # Long before its deadline every connection beyond those that there is room for has ended.
            ended, _, _ = select.select([*idle, *halves], [], [], 0)
            assert len(ended) >= 200 - 64
        with connected(server.port, b"nonsense\r\n\r\n") as nonsense:
            assert rest_of(nonsense).startswith(b"HTTP/1.1 400 ")
    assert json.loads(capsys.readouterr().err)["why"] == "this is no HTTP request"


def test_half_of_a_request_to_the_port_for_monitors_ends_its_connection() -> None:
    half = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Half: "
    with (
        HealthServer(Health(metrics()), service_log("test", "test"), "127.0.0.1", 0) as server,
        connected(server.port, half) as connection,
    ):
        connection.settimeout(20)
        assert b" 200 " not in rest_of(connection)


def test_port_for_monitors_tells_nothing_of_its_server(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        HealthServer(Health(metrics()), service_log("test", "test"), "127.0.0.1", 0) as server,
        httpx.Client() as client,
    ):
        base = f"http://127.0.0.1:{server.port}"
        answers = [client.get(f"{base}/healthz"), client.get(f"{base}/else"), client.post(f"{base}/healthz")]
    assert [answer.status_code for answer in answers] == [200, 404, 405]
    for answer in answers:
        assert "server" not in answer.headers
        assert {name: answer.headers.get(name) for name in HEADERS} == dict(HEADERS)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/else"])
def test_monitor_that_asks_for_the_head_alone_is_told_what_one_that_gets_is(path: str) -> None:
    health = Health(metrics())
    with HealthServer(health, service_log("test", "test"), "127.0.0.1", 0) as server, httpx.Client() as client:
        base = f"http://127.0.0.1:{server.port}{path}"
        head, whole = client.head(base), client.get(base)
    assert head.status_code == whole.status_code
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert not head.content
    assert whole.content
