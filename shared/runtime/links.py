"""What every service has towards the broker: a relay of what it tells, and, where it consumes, a receiver."""

from shared.bus.backoff import Backoff
from shared.bus.rabbitmq_consumer import RabbitConsumer
from shared.bus.rabbitmq_publisher import RabbitPublisher
from shared.bus.topology import topology
from shared.runtime.metrics import ConsumerMetrics, DeliveryMetrics
from shared.runtime.process import Process, ReceiverLog
from shared.runtime.relay import Errand, Relay
from shared.store.port import Store

_PREFETCH = 200
_LONGEST_RECONNECT_SECONDS = 5.0


def relay_of(process: Process, store: Store, errand: Errand, broker_url: str, partitions: int = 1) -> Relay:
    """Return the relay that sends what a service leaves in the outbox."""
    publisher = RabbitPublisher(broker_url, topology(partitions), f"{process.instance}.relay")
    return Relay(
        store=store,
        publisher=publisher,
        errand=errand,
        metrics=process.metrics,
        log=process.log,
        crash=process.crash,
        clock=process.clock,
    )


def receiver_of(process: Process, broker_url: str, queue: str) -> RabbitConsumer:
    """Return what receives the messages of a queue, and connects again whenever the broker is back."""
    jitter = process.rng.random
    return RabbitConsumer(
        broker_url,
        queue,
        _PREFETCH,
        process.instance,
        backoff=Backoff(0.5, _LONGEST_RECONNECT_SECONDS, jitter),
        random=jitter,
        observer=ReceiverLog(process),
    )


def observe(process: Process, announced: int, handled: int) -> None:
    """Count facts that were handled, those that came once more, and those that no message brought."""
    metrics = process.metrics.of(ConsumerMetrics)
    metrics.facts.inc(handled)
    if announced > handled:
        metrics.duplicates.inc(announced - handled)
    elif handled > announced:
        metrics.repairs.inc()


def refuted(process: Process, false: int) -> None:
    """Count announced facts that are not as their producer stored them, and tell of them."""
    process.metrics.of(DeliveryMetrics).refuted.inc(false)
    process.log.error("facts announced that were not stored so", count=false, instead="what is stored")
