"""What every service has towards the broker: a relay of what it tells, and, where it consumes, a receiver."""

from shared.bus.backoff import Backoff
from shared.bus.rabbitmq_consumer import RabbitConsumer
from shared.bus.rabbitmq_publisher import RabbitPublisher
from shared.bus.topology import topology
from shared.runtime.process import ReceiverLog, Surroundings
from shared.runtime.relay import Relay
from shared.store.port import Store

_PREFETCH = 200
_LONGEST_RECONNECT_SECONDS = 5.0


def relay_of(around: Surroundings, store: Store, producer: str, broker_url: str, partitions: int = 1) -> Relay:
    """Return the relay that sends what a service leaves in the outbox."""
    publisher = RabbitPublisher(broker_url, topology(partitions), f"{around.instance}.relay")
    return Relay(
        store=store,
        publisher=publisher,
        producer=producer,
        metrics=around.metrics,
        log=around.log,
        crash=around.crash,
        clock=around.clock,
    )


def receiver_of(around: Surroundings, broker_url: str, queue: str) -> RabbitConsumer:
    """Return what receives the messages of a queue, and connects again whenever the broker is back."""
    chance = around.chance.random
    return RabbitConsumer(
        broker_url,
        queue,
        _PREFETCH,
        around.instance,
        backoff=Backoff(0.5, _LONGEST_RECONNECT_SECONDS, chance),
        random=chance,
        observer=ReceiverLog(around),
    )


def observe(around: Surroundings, announced: int, handled: int) -> None:
    """Count facts that were handled, those that came once more, and those that no message brought."""
    metrics = around.metrics
    metrics.facts.inc(handled)
    if announced > handled:
        metrics.duplicates.inc(announced - handled)
    elif handled > announced:
        metrics.repairs.inc()
