"""What every service process has around its work, and the loop of those that consume."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Protocol

from shared.contracts.codec import decode_fact
from shared.contracts.envelope import Message
from shared.contracts.errors import InfrastructureError, LeaseLostError
from shared.runtime.consumer import StreamConsumer
from shared.runtime.crash import CrashPoint, no_crash
from shared.runtime.health import Health
from shared.runtime.heartbeat import leave_sign_of_life
from shared.runtime.lease import HeldLease, Standing
from shared.runtime.logs import Log
from shared.runtime.metrics import ConsumerMetrics, DeliveryMetrics, ServiceMetrics
from shared.runtime.relay import Relay
from shared.runtime.retry import Result, patience, retry_until
from shared.store.port import Store

BEAT_SECONDS: Final = 5.0
SWEEP_SECONDS: Final = 5.0
_LEAD_AGAIN_SECONDS: Final = 0.5
_DRAIN_SECONDS: Final = 5.0
_NAP_SECONDS: Final = 0.25


@dataclass(frozen=True)
class Process:
    """The outside of a service process: who it is, when it is to stop, where it speaks, and its clocks."""

    service: str
    instance: str
    health: Health
    metrics: ServiceMetrics
    log: Log
    stopped: Callable[[], bool]
    crash: CrashPoint = no_crash
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    rng: Random = field(default_factory=Random)

    def retry_until_available(self, what: str, attempt: Callable[[], Result]) -> Result | None:
        """Return what an attempt returns, waiting for a dependency as long as needed; None when told to stop."""

        def failed(fault: InfrastructureError, pause: float) -> None:
            self.health.progress()
            if self.stopped():
                return
            self.health.waits_for(what, str(fault))
            self.log.warning(f"{what} is away", reason=str(fault), next_try_seconds=round(pause, 2))

        result = retry_until(attempt, patience(self.rng.random), self.pause, self.stopped, failed)
        self.health.has(what)
        return result

    def pause(self, seconds: float) -> None:
        """Sleep, but not beyond the moment at which the process is to stop."""
        ends = self.monotonic() + seconds
        while not self.stopped() and (left := ends - self.monotonic()) > 0:
            self.sleep(min(left, _NAP_SECONDS))


class ReceiverLog:
    """Tells log, metrics and health what befalls the connection to the broker."""

    def __init__(self, process: Process) -> None:
        """Tell those of a process."""
        self._process = process

    def connected(self) -> None:
        """Note that messages can arrive."""
        self._process.health.has("broker")
        self._process.metrics.of(DeliveryMetrics).reconnects.labels("consumer").inc()
        self._process.log.info("consuming")

    def disconnected(self, why: str, delay_seconds: float) -> None:
        """Note that the connection is gone."""
        self._process.health.waits_for("broker", why)
        self._process.log.warning("broker is away", reason=why, next_try_seconds=round(delay_seconds, 2))

    def received(self, messages: int, redelivered: int) -> None:
        """Note a batch."""
        self._process.metrics.of(DeliveryMetrics).deliveries.inc(messages)
        self._process.metrics.of(DeliveryMetrics).redeliveries.inc(redelivered)

    def rejected(self, message_id: str, why: str) -> None:
        """Note a message that went to the dead-letter queue."""
        self._process.metrics.of(DeliveryMetrics).dead_lettered.inc()
        self._process.log.error("message dead-lettered", message_id=message_id, reason=why)

    def held_up(self, why: str, delay_seconds: float) -> None:
        """Note that a batch could not be handled."""
        self._process.metrics.of(DeliveryMetrics).failures.inc()
        self._process.health.waits_for("store", why)
        self._process.log.warning("batch held up", reason=why, next_try_seconds=round(delay_seconds, 2))


class Receiver(Protocol):
    """Whatever takes messages from a broker and hands them over in batches until it is to stop."""

    def run(
        self,
        handle: Callable[[Sequence[Message]], None],
        decode: Callable[[str, int, bytes], object],
        *,
        stop: Callable[[], bool],
        tick: Callable[[], None],
    ) -> None:
        """Serve until told to stop; `tick` is called at least twice a second."""
        ...


def _nothing() -> None:
    """Do nothing."""


class ConsumerProcess:
    """The loop of a consuming service: lead where needed, catch up, serve, sweep, stop cleanly."""

    def __init__(
        self,
        process: Process,
        store: Store,
        consumer: StreamConsumer[Any],
        receiver: Receiver,
        relay: Relay,
        lease: HeldLease | None = None,
        between: Callable[[], None] = _nothing,
        prepare: Callable[[], None] = _nothing,
    ) -> None:
        """Run a consumer on the messages of a receiver; a lease makes it wait until it leads.

        `between` is called several times a second while the process serves, `prepare` before it begins to, each time;
        both may raise InfrastructureError.
        """
        self._process = process
        self._store = store
        self._consumer = consumer
        self._receiver = receiver
        self._relay = relay
        self._lease = lease
        self._between = between
        self._prepare = prepare
        self._next_beat = 0.0
        self._last_handled = 0.0
        process.metrics.show(ConsumerMetrics)
        process.metrics.show(DeliveryMetrics)

    def run(self) -> None:
        """Serve until the process is to stop."""
        process = self._process
        self._relay.start()
        process.health.has("start")
        while not process.stopped():
            try:
                if self._led():
                    self._serve()
            except LeaseLostError as lost:
                process.log.warning("stepped back", reason=str(lost))
        self._relay.stop(_DRAIN_SECONDS)
        if self._lease is not None:
            self._lease.release()
        process.log.info("stopped")

    def _led(self) -> bool:
        process, lease = self._process, self._lease
        if lease is None or lease.leads:
            return True
        self._tick()
        try:
            if lease.acquire():
                return True
        except InfrastructureError as fault:
            process.health.waits_for("store", str(fault))
        process.sleep(_LEAD_AGAIN_SECONDS)
        return False

    def _serve(self) -> None:
        process = self._process
        process.retry_until_available("store", self._prepare)
        handled = 0
        while not self._to_pause() and (
            batch := process.retry_until_available("store", self._consumer.catch_up_a_batch)
        ):
            handled += batch
            self._tick()
        if handled:
            process.log.info("caught up", facts=handled)
        self._last_handled = process.monotonic()
        self._receiver.run(self._handle, decode_fact, stop=self._to_pause, tick=self._tick)

    def _to_pause(self) -> bool:
        lost = self._lease is not None and not self._lease.leads
        return lost or self._process.stopped()

    def _handle(self, messages: Sequence[Message]) -> None:
        self._process.health.progress()
        with self._process.metrics.of(DeliveryMetrics).batch_seconds.time():
            self._consumer.handle(messages)
        self._process.health.has("store")
        self._last_handled = self._process.monotonic()

    def _tick(self) -> None:
        process = self._process
        process.health.progress()
        self._relay.check()
        if self._lease is not None:
            self._lease.keep()
        now = process.monotonic()
        try:
            if now >= self._next_beat:
                self._next_beat = now + BEAT_SECONDS
                with self._store.transaction() as transaction:
                    leave_sign_of_life(transaction, process.service, process.instance, self._standing())
                process.health.has("store")
            if not self._to_pause():
                self._between()
                if now - self._last_handled >= SWEEP_SECONDS:
                    self._sweep(now)
        except InfrastructureError as fault:
            process.health.waits_for("store", str(fault))

    def _standing(self) -> Standing | None:
        return None if self._lease is None else self._lease.standing

    def _sweep(self, now: float) -> None:
        """Look for facts that no message announced, a batch at a time, so that the connection is served in between."""
        found = self._consumer.catch_up_a_batch()
        if found:
            self._process.log.warning("facts found that no message announced", facts=found)
        else:
            self._last_handled = now
