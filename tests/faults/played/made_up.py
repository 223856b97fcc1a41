"""Facts on the broker that their producer never stored, from somebody who holds the password of a service."""

from contextlib import closing
from typing import Final

from services.strategy.desk import PairDesk
from shared.bus.rabbitmq_publisher import RabbitPublisher
from shared.bus.topology import topology
from shared.contracts.codec import encode_fact
from shared.contracts.envelope import Message, WireMessage, fact_message
from shared.contracts.facts import CANDLE_ASSESSED, CANDLE_CLOSED, CandleClosed
from shared.contracts.runs import RunMode
from shared.settings.settings import Settings
from tests.contract.builders import STREAM, a_candle
from tests.faults.outcome import Outcome
from tests.faults.stage import Scene, Stage

_ASSESSED_STREAM: Final = "assessed.0"
_REFUTED: Final = "scalpbot_bus_refuted_total"
_CONSUMERS: Final = ("strategy", "executor")
_AFTERWARDS: Final = 20


def made_up(stage: Stage) -> Outcome:
    """Announce candles and assessments that do not exist: the very next ones, before the run and in its midst."""
    with stage.scene() as scene:
        scene.start("executor")
        scene.start("strategy")
        for name in _CONSUMERS:
            scene.wait(lambda name=name: scene.told(name, "consuming") > 0, f"{name} consumes")  # type: ignore[misc]
        _announce(scene, 1)
        for name in _CONSUMERS:
            scene.wait(lambda name=name: _refuted(scene, name) == 1, f"{name} refutes it")  # type: ignore[misc]
        scene.start("ingest")
        scene.wait_for_trading()
        for seq in range(scene.traded() + 1, scene.traded() + _AFTERWARDS):
            _announce(scene, seq)
        scene.wait_until_settled()
        scene.notes["refuted"] = sum(_refuted(scene, name) for name in _CONSUMERS)
        return scene.outcome("made up", "facts made up by somebody who holds a service's password")


def _announce(scene: Scene, seq: int) -> None:
    candle = a_candle(seq)
    assessed = PairDesk(pair=candle.pair, settings=Settings(), mode=RunMode.OFFLINE, news=None).assess(candle)
    facts = ((CANDLE_CLOSED, STREAM, candle, "ingest"), (CANDLE_ASSESSED, _ASSESSED_STREAM, assessed, "strategy"))
    with closing(RabbitPublisher(scene.broker_url, topology(), "tests.stranger")) as publisher:
        publisher.publish([_sent(_message(candle, *fact)) for fact in facts])
    scene.injected += len(facts)


def _message(candle: CandleClosed, fact: str, stream: str, body: object, producer: str) -> Message:
    return fact_message(
        fact, body, stream=stream, seq=candle.seq, time=candle.candle.time, pair=candle.pair, producer=producer
    )


def _sent(message: Message) -> WireMessage:
    return WireMessage.of(message, encode_fact(message.body))


def _refuted(scene: Scene, name: str) -> float:
    return scene.deployment.metrics(name)[_REFUTED]
