"""Faults of the broker and of the way to it."""

import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from random import Random
from typing import Final
from unittest.mock import patch

import pika

from shared.bus.backoff import reconnecting
from shared.bus.rabbitmq_topology import QueueState, TopologyJob
from shared.bus.topology import EXCHANGE, topology
from tests.faults.equipment.proxy import TcpProxy, proxied
from tests.faults.outcome import Outcome
from tests.faults.played.readers import reading
from tests.faults.stage import CANDLES, LONG_CANDLES, PATIENCE_SECONDS, Scene, Stage
from tests.fixtures.declared import declare
from tests.fixtures.deployed import wait_until

CONSUMERS: Final = ("strategy", "executor")
_WITNESS: Final = "tests.witness"
# A quorum queue that is younger may lose what it has confirmed when its broker is killed.
_SETTLED_SECONDS: Final = 2.2
_BACK_SECONDS: Final = 15.0
_DRAINED_SECONDS: Final = 10.0
_QUESTIONS_A_SECOND: Final = 20.0


def restarted(stage: Stage, gracefully: Sequence[bool]) -> Outcome:
    """Stop or kill the broker in mid-run, once for each entry, and start it again; count confirmed messages lost."""
    with stage.scene(LONG_CANDLES + CANDLES * (len(gracefully) - 1)) as scene:
        _add_witness(scene)
        declared = time.monotonic()
        scene.start_all()
        scene.wait_for_trading()
        time.sleep(max(0.0, declared + _SETTLED_SECONDS - time.monotonic()))
        for politely in gracefully:
            before = _connections(scene)
            (stage.rabbit.stop if politely else stage.rabbit.kill)()
            scene.injected += 1
            stage.rabbit.start()
            _note_consuming_again(scene, before, time.monotonic())
        scene.promised_seconds = _BACK_SECONDS
        scene.wait_until_settled()
        lost = _sent_but_not_witnessed(scene)
        scene.notes["confirmed messages lost"] = lost
        assert lost == 0, f"the broker lost {lost} messages that it had confirmed"
        return scene.outcome(*_named(gracefully))


def _named(gracefully: Sequence[bool]) -> tuple[str, str]:
    rows = {True: ("6", "graceful broker restart"), False: ("7", "broker kill -9")}
    played = [rows[politely] for politely in sorted(set(gracefully), reverse=True)]
    return ", ".join(row for row, _ in played), " and ".join(fault for _, fault in played)


def killed_right_after_declaring(stage: Stage, leaderless_seconds: float | None = None) -> Outcome:
    """Kill the broker within a second of the declaration, declare again, and see that every queue works.

    A queue is given time to find a leader, `leaderless_seconds` or as much as the verb gives it.
    """
    with stage.scene(declared=False) as scene:
        declare(scene.broker_url)
        time.sleep(0.4)
        stage.rabbit.kill()
        scene.injected += 1
        stage.rabbit.start()
        began = time.monotonic()
        with ExitStack() as patience:
            if leaderless_seconds is not None:
                constant = "shared.bus.rabbitmq_topology._LEADERLESS_SECONDS"
                patience.enter_context(patch(constant, leaderless_seconds))
            job = TopologyJob(scene.broker_url, topology(), "tests")
            reports = job.declare(PATIENCE_SECONDS, reconnecting(Random(1).random), lambda _why: None)
        scene.notes["declared again, seconds"] = time.monotonic() - began
        scene.notes["queues made anew"] = sum(report.state is QueueState.RECREATED for report in reports)
        scene.pace = "max"
        scene.start_all()
        return scene.finished("8", "broker kill -9 right after declaring")


def blackholed(stage: Stage, seconds: float) -> Outcome:
    """Let nothing through between services and broker for a while, without a word; a standby has another way."""
    with stage.scene(LONG_CANDLES) as scene, proxied(scene.broker_url) as proxy:
        scene.start_all({"RABBITMQ_URL": proxy.url(scene.broker_url)})
        scene.wait_for_trading()
        scene.start("strategy.standby")
        _play_blackhole(scene, proxy, seconds)
        return scene.finished("10", f"black hole to the broker for {seconds:g} s")


def _play_blackhole(scene: Scene, proxy: TcpProxy, seconds: float) -> None:
    before = {name: scene.told(name, "broker is away") for name in CONSUMERS}
    proxy.blackhole()
    scene.injected += 1
    for name, after in _seconds_until_noticed(scene, before, seconds).items():
        scene.notes[f"{name} noticed after, seconds"] = after
    proxy.heal()
    scene.promised_seconds = _BACK_SECONDS
    began = time.monotonic()
    scene.recovered(began)
    note_consuming(scene, began)


def _seconds_until_noticed(scene: Scene, before: dict[str, int], seconds: float) -> dict[str, float]:
    noticed: dict[str, float] = {}
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        for name, told in before.items():
            if name not in noticed and scene.told(name, "broker is away") > told:
                noticed[name] = time.monotonic() - began
        time.sleep(0.05)
    return noticed


def frozen(stage: Stage, seconds: float) -> Outcome:
    """Stop the broker's processes for a while: connections stay open, nothing answers; the API is asked all along."""
    with stage.scene(LONG_CANDLES) as scene, ExitStack() as opened:
        scene.pace = scene.script.pace_for(seconds + 4.0)
        scene.start_all()
        readers = opened.enter_context(reading(scene, _QUESTIONS_A_SECOND))
        scene.wait_for_trading()
        before = {name: scene.told(name, "broker is away") for name in CONSUMERS}
        readers.forget()
        traded = scene.traded()
        stage.rabbit.pause()
        scene.injected += 1
        for name, after in _seconds_until_noticed(scene, before, seconds).items():
            scene.notes[f"{name} noticed after, seconds"] = after
        scene.notes["traded meanwhile"] = scene.traded() - traded
        scene.notes |= readers.figures()
        stage.rabbit.resume()
        scene.promised_seconds = _BACK_SECONDS
        began = time.monotonic()
        scene.recovered(began)
        note_consuming(scene, began)
        return scene.finished("9", f"SIGSTOP of the broker for {seconds:g} s")


def mangled(stage: Stage, seconds: float) -> Outcome:
    """Delay, slice to single bytes and reset the connections to the broker, so many seconds each."""
    with stage.scene(LONG_CANDLES) as scene, proxied(scene.broker_url) as proxy:
        scene.start_all({"RABBITMQ_URL": proxy.url(scene.broker_url)})
        scene.wait_for_trading(0.05)
        _play_mangling(scene, proxy, seconds)
        return scene.finished("11", "latency, single bytes, resets to the broker")


def blackholed_and_mangled(stage: Stage, seconds: float, mangled_seconds: float) -> Outcome:
    """Play the black hole and then the rest in one run."""
    with stage.scene(LONG_CANDLES) as scene, proxied(scene.broker_url) as proxy:
        scene.start_all({"RABBITMQ_URL": proxy.url(scene.broker_url)})
        scene.wait_for_trading(0.05)
        _play_blackhole(scene, proxy, seconds)
        _play_mangling(scene, proxy, mangled_seconds)
        return scene.finished("10, 11", f"black hole for {seconds:g} s, latency, single bytes, resets to the broker")


def _play_mangling(scene: Scene, proxy: TcpProxy, seconds: float) -> None:
    for disturb in (_delayed, _sliced, _reset):
        before = scene.traded()
        disturb(scene, proxy, seconds)
        proxy.heal()
        if before < scene.script.candles:
            scene.wait(lambda least=before: scene.traded() > least, "there is progress")  # type: ignore[misc]


def _delayed(scene: Scene, proxy: TcpProxy, seconds: float) -> None:
    proxy.delay(0.5)
    time.sleep(seconds)
    scene.injected += 1


def _sliced(scene: Scene, proxy: TcpProxy, seconds: float) -> None:
    proxy.slice(1)
    time.sleep(seconds)
    scene.injected += 1


def _reset(scene: Scene, proxy: TcpProxy, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        scene.injected += proxy.reset_peer()
        time.sleep(min(2.0, seconds / 2))


def alarmed(stage: Stage, seconds: float) -> Outcome:
    """Let the broker run short of disk for a while: it takes no messages, and everything else goes on."""
    with stage.scene(2 * LONG_CANDLES) as scene:
        scene.start_all()
        scene.wait_for_trading()
        stage.rabbit.raise_alarm()
        try:
            scene.injected += 1
            before = scene.traded()
            began = time.monotonic()
            scene.wait(lambda: scene.traded() > before, "candles are traded during the alarm")
            scene.notes["progress during the alarm after, seconds"] = time.monotonic() - began
            time.sleep(max(0.0, began + seconds - time.monotonic()))
            scene.notes["unsent at its end"] = scene.unsent()
        finally:
            cleared = time.monotonic()
            stage.rabbit.clear_alarms()
        scene.wait(lambda: _oldest_unsent_seconds(scene) < 1.0, "the outbox is drained")
        scene.promised_seconds = _DRAINED_SECONDS
        scene.recoveries.append(time.monotonic() - cleared)
        return scene.finished("12", f"disk alarm for {seconds:g} s")


def _connections(scene: Scene) -> dict[str, int]:
    return {name: scene.told(name, "consuming") for name in CONSUMERS}


def _note_consuming_again(scene: Scene, before: dict[str, int], began: float) -> None:
    """Note how long the slowest consumer takes to consume, counted from when the broker was there."""
    wait_until(
        lambda: all(count > before[name] for name, count in _connections(scene).items()),
        PATIENCE_SECONDS,
        "every service consumes again",
    )
    scene.recoveries.append(time.monotonic() - began)


def note_consuming(scene: Scene, began: float) -> None:
    """Note how long it takes until every service's last word on the broker is that it consumes."""
    scene.wait(lambda: all(_consumes(scene, name) for name in CONSUMERS), "every service consumes")
    scene.recoveries.append(time.monotonic() - began)


def _consumes(scene: Scene, name: str) -> bool:
    words = scene.deployment.log_of(name)
    return words.rfind('"consuming"') > words.rfind('"broker is away"')


def _add_witness(scene: Scene) -> None:
    """Have a queue that nobody consumes take a copy of every message."""
    with closing(pika.BlockingConnection(pika.URLParameters(scene.broker_url))) as connection:
        channel = connection.channel()
        channel.queue_declare(_WITNESS, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(_WITNESS, EXCHANGE, "#")


def _sent_but_not_witnessed(scene: Scene) -> int:
    """Return how many messages the broker confirmed and does not have."""
    sent = scene.column("SELECT message_id FROM outbox WHERE sent_at IS NOT NULL")
    with closing(pika.BlockingConnection(pika.URLParameters(scene.broker_url))) as connection:
        channel = connection.channel()
        seen: set[str] = set()
        while True:
            method, properties, _body = channel.basic_get(_WITNESS, auto_ack=True)
            if method is None or properties is None:
                return len(sent - seen)
            seen.add(str(properties.message_id))


def _oldest_unsent_seconds(scene: Scene) -> float:
    age = "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(staged_at)), 0) FROM outbox WHERE sent_at IS NULL"
    return float(scene.query(age))
