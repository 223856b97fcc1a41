"""Messages that come more than once, not at all, in another order, or that nobody can understand."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import islice
from random import Random
from threading import Event, Thread
from typing import Any, Final, NamedTuple

import pika
import psycopg
from pika.adapters.blocking_connection import BlockingChannel

from shared.bus.rabbitmq_publisher import RabbitPublisher
from shared.bus.topology import ASSESSED_QUEUE, EXCHANGE, candles_queue, topology
from shared.contracts.envelope import WireMessage
from shared.contracts.facts import CANDLE_CLOSED
from tests.faults.outcome import Outcome
from tests.faults.stage import Scene, Stage
from tests.fixtures.deployed import FAULTY
from tests.tools.scalpbot_faulty import DEADLY
from tests.tools.scalpbot_run import run_verb

CONSUMERS: Final = ("strategy", "executor")
# The broker delivers so often before it gives a message up.
MOST_DELIVERIES: Final = 6
PREFETCH: Final = 200
_WINDOW: Final = 20
_LOST_SHARE: Final = 0.2
_SWEPT_SECONDS: Final = 35.0
_KEY: Final = f"{CANDLE_CLOSED}.0.EUR_USD"
_DEAD_CANDLES: Final = f"{candles_queue()}.dead"
# Columns in the order of a message on the wire.
_WIRE_COLUMNS: Final = (
    "id, message_id, type, version, routing_key, pair, stream, seq, extract(epoch FROM occurred_at)::bigint,"
    " correlation_id, causation_id, producer, body"
)


def tripled(stage: Stage) -> Outcome:
    """Send every message three times: once more in mid-run and once more at the end."""
    with stage.scene() as scene:
        scene.start_all()
        scene.wait_for_trading(0.4)
        scene.injected += _send_again(scene)
        scene.wait(lambda: scene.traded() >= scene.script.candles, "every candle is traded")
        for _ in range(2):
            scene.injected += _send_again(scene)
        scene.wait_until_settled()
        duplicates = [scene.deployment.metrics(name)["scalpbot_inbox_duplicates_total"] for name in CONSUMERS]
        scene.notes["duplicates counted"] = sum(duplicates)
        assert min(duplicates) > scene.script.candles, duplicates
        return scene.outcome("13", "every message three times")


def _send_again(scene: Scene) -> int:
    """Have the relays send once more what they have sent, and wait for it."""
    again = scene.execute("UPDATE outbox SET sent_at = NULL WHERE sent_at IS NOT NULL AND producer <> 'executor'")
    scene.wait(lambda: scene.unsent() < _WINDOW, "everything was sent again")
    return again


def lost_and_reordered(stage: Stage, seed: int) -> Outcome:
    """Carry the outbox to the broker in the relays' place: shuffled in windows of 20, and a fifth not at all."""
    with stage.scene() as scene, _network(scene, Random(seed)) as network:
        scene.notes["seed"] = str(seed)
        scene.promised_seconds = _SWEPT_SECONDS
        scene.start_all()
        scene.wait(lambda: scene.stored() == scene.script.candles, "every candle is stored")
        began = time.monotonic()
        scene.wait(lambda: scene.traded() == scene.script.candles, "every candle is traded")
        scene.recoveries.append(time.monotonic() - began)
        scene.wait_until_settled()
        scene.injected += network.lost
        scene.notes["reordered"] = network.reordered
        return scene.outcome("14", "a fifth of the messages lost, the rest reordered")


class _Network:
    """A network that loses and reorders what is handed to it."""

    def __init__(self, scene: Scene, rng: Random) -> None:
        """Carry from the database to the broker until told to stop."""
        self._scene = scene
        self._rng = rng
        self._stopped = Event()
        # One producer's rows appear in the order of their numbers.
        self._carried = dict.fromkeys(("ingest", "strategy"), 0)
        self.lost = 0
        self.reordered = 0
        self.thread = Thread(target=self._run, name="network")

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self.thread.join()

    def _run(self) -> None:
        publisher = RabbitPublisher(self._scene.broker_url, topology(), "tests.network")
        target = self._scene.store_url.replace("+psycopg", "")
        with closing(publisher), psycopg.connect(target, autocommit=True) as connection:
            idle_rounds = 0
            while not self._stopped.wait(0.05):
                rows = self._waiting(connection)
                waiting = [message for _, message in rows]
                idle_rounds = 0 if len(waiting) >= _WINDOW else idle_rounds + 1
                # The last window is not full; it goes when nothing has come for half a second.
                if waiting and (len(waiting) >= _WINDOW or idle_rounds > 10):
                    self._carried |= {message.producer: number for number, message in rows}
                    publisher.publish(self._mangled(waiting))
                publisher.idle()

    def _waiting(self, connection: "psycopg.Connection[tuple[Any, ...]]") -> list[tuple[int, WireMessage]]:
        return [each for carried in self._carried.items() for each in outbox_after(connection, *carried)]

    def _mangled(self, waiting: list[WireMessage]) -> list[WireMessage]:
        sent = []
        for window in _windows(waiting):
            shuffled = self._rng.sample(window, len(window))
            self.reordered += sum(left is not right for left, right in zip(window, shuffled, strict=True))
            sent += [message for message in shuffled if self._rng.random() >= _LOST_SHARE]
        self.lost += len(waiting) - len(sent)
        return sent


def outbox_after(
    connection: "psycopg.Connection[tuple[Any, ...]]", producer: str, number: int = 0
) -> list[tuple[int, WireMessage]]:
    """Return a producer's messages after the one of a number, sent or not, each with its own."""
    statement = f"SELECT {_WIRE_COLUMNS} FROM outbox WHERE producer = %s AND id > %s ORDER BY id"
    return [(row[0], WireMessage._make(row[1:])) for row in connection.execute(statement, (producer, number))]


@contextmanager
def _network(scene: Scene, rng: Random) -> "Iterator[_Network]":
    # To the relays everything was sent already.
    scene.execute(
        "CREATE FUNCTION sent_elsewhere() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.sent_at := date_trunc('second', now()); RETURN NEW; END $$"
    )
    scene.execute(
        "CREATE TRIGGER sent_elsewhere BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION sent_elsewhere()"
    )
    network = _Network(scene, rng)
    network.thread.start()
    try:
        yield network
    finally:
        network.stop()


def _windows(messages: Iterable[WireMessage]) -> Iterator[list[WireMessage]]:
    remaining = iter(messages)
    while window := list(islice(remaining, _WINDOW)):
        yield window


class _Poison(NamedTuple):
    kind: str
    body: bytes


def poisoned(stage: Stage) -> Outcome:
    """Send messages that nobody can understand among those that are; each goes to the dead letters at once."""
    with stage.scene() as scene:
        scene.start_all()
        scene.wait_for_trading()
        poisons = _poisons(scene)
        with _channel(scene) as channel:
            for number, poison in enumerate(poisons):
                properties = _properties(f"poison-{number}")
                channel.basic_publish(EXCHANGE, _KEY, poison.body, properties, mandatory=True)
                scene.injected += 1
        began = time.monotonic()
        scene.wait(lambda: scene.ready(_DEAD_CANDLES) == len(poisons), "all poison is among the dead letters")
        scene.recoveries.append(time.monotonic() - began)
        scene.wait_until_settled({_DEAD_CANDLES: len(poisons)})
        with _channel(scene) as channel:
            deaths = _deaths(channel)
        assert deaths == {f"poison-{number}": ("rejected", 1) for number in range(len(poisons))}, deaths
        counted = scene.deployment.metrics("strategy")["scalpbot_dead_lettered_total"]
        assert counted == len(poisons), counted
        return scene.outcome("15", "poison: bad JSON, wrong schema, NaN, 1 MB")


def _poisons(scene: Scene) -> tuple[_Poison, ...]:
    body = str(scene.query("SELECT body FROM outbox WHERE type = %s ORDER BY id LIMIT 1", CANDLE_CLOSED)).encode()
    first_price = body.index(b'"', body.index(b"open") + len('open":'))
    end = body.index(b'"', first_price + 1)
    return (
        _Poison("not JSON", b"{ this is not JSON"),
        _Poison("wrong schema", b'{"hello": "world"}'),
        _Poison("NaN", body[:first_price] + b'"NaN' + body[end:]),
        _Poison("huge", b'"' + b"x" * 1_000_000 + b'"'),
    )


def _properties(message_id: str) -> pika.BasicProperties:
    headers: dict[str, str | int] = {
        "version": 1,
        "stream": "candles.0",
        "seq": 1,
        "pair": "EUR_USD",
        "producer": "tests",
    }
    return pika.BasicProperties(
        content_type="application/json",
        delivery_mode=2,
        message_id=message_id,
        correlation_id=message_id,
        type=CANDLE_CLOSED,
        timestamp=1,
        headers=headers,
    )


@contextmanager
def _channel(scene: Scene) -> Iterator[BlockingChannel]:
    with closing(pika.BlockingConnection(pika.URLParameters(scene.broker_url))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel


def _deaths(channel: BlockingChannel) -> dict[str, tuple[str, int]]:
    """Return reason and count of the first death of every dead letter, by message id; all are taken off."""
    found: dict[str, tuple[str, int]] = {}
    while True:
        method, properties, _body = channel.basic_get(_DEAD_CANDLES, auto_ack=True)
        if method is None or properties is None:
            return found
        headers: Mapping[str, Any] = properties.headers or {}
        last = headers["x-death"][0]
        found[str(properties.message_id)] = (str(last["reason"]), int(last["count"]))


def deadly(stage: Stage) -> Outcome:
    """Send a message that ends the process which reads it, and start that again until the broker gives it up."""
    with stage.scene() as scene:
        scene.start("executor")
        scene.start("strategy", environ={"BROKEN": "decoder"}, program=FAULTY)
        scene.start("ingest")
        scene.wait_for_trading()
        with _channel(scene) as channel:
            channel.basic_publish(EXCHANGE, _KEY, DEADLY, _properties("deadly"), mandatory=True)
        began = time.monotonic()
        while "deadly" not in _dead_ids(scene):
            _restart_if_dead(scene)
            time.sleep(0.05)
        scene.recoveries.append(time.monotonic() - began)
        # The broker gave it up after the last death.
        _restart_if_dead(scene)
        assert scene.injected == MOST_DELIVERIES, f"it was delivered {scene.injected} times"
        followers = len(_dead_ids(scene)) - 1
        assert followers < PREFETCH, followers
        scene.notes["neighbours among the dead letters"] = followers
        _replace_and_replay(scene)
        return scene.finished("16", "a message that kills the process")


def _restart_if_dead(scene: Scene) -> None:
    if scene.deployment.running["strategy"].poll() is not None:
        scene.injected += 1
        scene.wait_for_death("strategy")
        scene.start("strategy", environ={"BROKEN": "decoder"}, program=FAULTY)


def _replace_and_replay(scene: Scene) -> None:
    """Start a strategy that survives the message, and send everything from the dead letters again."""
    scene.wait(lambda: scene.told("strategy", "consuming") > 0, "the strategy consumes")
    dead = scene.ready(_DEAD_CANDLES)
    scene.deployment.kill("strategy")
    scene.start("strategy")
    answer = run_verb("dlq", "replay", candles_queue(), "--json", environ={"RABBITMQ_URL": scene.broker_url})
    assert answer.returncode == 0, answer.stderr
    scene.notes["replayed"] = dead
    # Those who were innocent are duplicates by now; the deadly one is no fact and comes back.
    scene.wait(lambda: scene.ready(_DEAD_CANDLES) == 1, "only the bad message is left")
    with _channel(scene) as channel:
        assert list(_deaths(channel)) == ["deadly"]
    assert scene.ready(f"{ASSESSED_QUEUE}.dead") == 0


def _dead_ids(scene: Scene) -> set[str]:
    """Return the ids of the dead letters, which stay where they are."""
    with _channel(scene) as channel:
        found: set[str] = set()
        while True:
            method, properties, _body = channel.basic_get(_DEAD_CANDLES)
            if method is None or properties is None:
                return found
            found.add(str(properties.message_id))
