"""What a process counts and measures, in a registry of its own: what all do, and what the code that it runs adds."""

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


Owned = TypeVar("Owned")


class ServiceMetrics:
    """The figures of every process, and of what it runs; labels come from closed sets only."""

    def __init__(self, service: str, version: str) -> None:
        """Begin at zero."""
        self.registry = CollectorRegistry()
        self.service = service
        self._owned: dict[Callable[[CollectorRegistry], Any], Any] = {}
        self.progress = Gauge(
            "scalpbot_loop_progress_timestamp_seconds", "When the loop last went round", registry=self.registry
        )
        self.build = Gauge("scalpbot_build_info", "Always 1", ["service", "version"], registry=self.registry)
        self.build.labels(service, version).set(1)
        self.progress.set_to_current_time()

    def show(self, owner: Callable[[CollectorRegistry], object]) -> None:
        """Show the figures of an owner from now on: what did not happen yet counts as none."""
        self.of(owner)

    def of(self, owner: Callable[[CollectorRegistry], Owned]) -> Owned:
        """Return the figures of their owner's own class, which begin with the first call."""
        if owner not in self._owned:
            self._owned[owner] = owner(self.registry)
        return cast(Owned, self._owned[owner])


class ConsumerMetrics:
    """The figures of a consumer of facts, in one process or in many."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin at zero."""
        self.facts = Counter("scalpbot_consumer_facts_total", "Facts handled", registry=registry)
        self.duplicates = Counter(
            "scalpbot_inbox_duplicates_total", "Facts that were handled before", registry=registry
        )
        self.repairs = Counter(
            "scalpbot_inbox_repairs_total", "Batches read from the producer's table", registry=registry
        )


class DeliveryMetrics:
    """The figures of a consumer that is brought its facts by a broker."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin at zero."""
        self.batch_seconds = Histogram(
            "scalpbot_consumer_batch_seconds", "From taking a batch to its commit", buckets=_SECONDS, registry=registry
        )
        self.failures = Counter(
            "scalpbot_consumer_failures_total", "Batches that failed and were tried again", registry=registry
        )
        self.reconnects = Counter("scalpbot_bus_reconnects_total", "Connections made anew", ["role"], registry=registry)
        self.deliveries = Counter("scalpbot_bus_deliveries_total", "Messages delivered", registry=registry)
        self.redeliveries = Counter(
            "scalpbot_bus_redeliveries_total", "Messages that may have been delivered before", registry=registry
        )
        self.dead_lettered = Counter(
            "scalpbot_dead_lettered_total", "Messages that could not be understood", registry=registry
        )
        self.refuted = Counter(
            "scalpbot_bus_refuted_total", "Facts announced that their producer did not store so", registry=registry
        )


class RelayMetrics:
    """The figures of a relay, which sends an outbox to the broker."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin at zero."""
        self.published = Counter("scalpbot_outbox_published_total", "Messages that were confirmed", registry=registry)
        self.publish_failures = Counter(
            "scalpbot_outbox_failures_total", "Publications to be tried again", registry=registry
        )
        self.outbox_pending = Gauge("scalpbot_outbox_pending", "Messages waiting to be sent", registry=registry)
