"""The relay: a thread that sends what lies in the outbox and notes what the broker has confirmed.

A message is taken because it was not sent, never because its number is higher than the last one's, and by one relay
alone: that of the process which leads. Dying between confirm and note sends it twice, with the same id; consumers pass
over what they have handled.
"""

import threading
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Final, NamedTuple, Protocol

from shared.contracts.envelope import WireMessage
from shared.contracts.errors import InfrastructureError
from shared.runtime.crash import CrashPoint, no_crash
from shared.runtime.logs import Log
from shared.runtime.metrics import RelayMetrics, ServiceMetrics
from shared.runtime.retry import patience
from shared.store.port import Reader, Store
from shared.store.rows.outbox import StagedMessage

_BATCH: Final = 500
_LONGEST_NAP_SECONDS: Final = 1.0
_KEPT_SECONDS: Final = 7 * 86_400
_PRUNE_EVERY_SECONDS: Final = 600.0
_PRUNED_AT_ONCE: Final = 1_000


class Publisher(Protocol):
    """Whatever hands messages to a broker and waits until it has them."""

    def publish(self, messages: Sequence[WireMessage]) -> None:
        """Return once all are confirmed; raise InfrastructureError when that is not known of each."""
        ...

    def idle(self) -> None:
        """Keep the connection alive while there is nothing to send."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


def always(_reader: Reader) -> bool:
    """Send without asking; for a producer of which there is only one process."""
    return True


class Errand(NamedTuple):
    """What a relay sends: the messages of a producer, in all of its streams or in one; `is_ours` says whether now."""

    producer: str
    stream: str | None = None
    is_ours: Callable[[Reader], bool] = always


class Relay:
    """Send one producer's outbox, or one stream of it."""

    def __init__(
        self,
        store: Store,
        publisher: Publisher,
        errand: Errand,
        metrics: ServiceMetrics,
        log: Log,
        crash: CrashPoint = no_crash,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Send with a publisher that belongs to this relay's thread."""
        self._store = store
        self._publisher = publisher
        self._errand = errand
        self._metrics = metrics.of(RelayMetrics)
        self._log = log
        self._crash = crash
        self._clock = clock
        self._awake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run_to_the_end, name="relay", daemon=True)
        self._fault: Exception | None = None
        self._last_moment = 0.0

    def start(self) -> None:
        """Begin with what an earlier process left behind."""
        self._awake.set()
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something to send."""
        self._awake.set()

    def stop(self, seconds: float) -> None:
        """Send what is left if it can be sent in so many seconds, then end."""
        self._last_moment = time.monotonic() + seconds
        self._stopping.set()
        self._awake.set()
        self._thread.join(seconds)

    def check(self) -> None:
        """Raise what ended the relay's thread, if anything did; without it nothing leaves the service."""
        if self._fault is not None:
            raise self._fault

    def _run_to_the_end(self) -> None:
        try:
            self._run()
        except Exception as fault:
            self._fault = fault

    def _run(self) -> None:
        pauses = patience(Random().random)
        next_prune = time.monotonic()
        while True:
            stopping = self._stopping.is_set()
            self._awake.clear()
            try:
                while self.send_once() == _BATCH:
                    pauses.reset()
                if time.monotonic() >= next_prune:
                    next_prune = time.monotonic() + _PRUNE_EVERY_SECONDS
                    self._prune()
                self._publisher.idle()
                pauses.reset()
                if stopping:
                    break
                self._awake.wait(_LONGEST_NAP_SECONDS)
            except InfrastructureError as fault:
                if stopping and time.monotonic() >= self._last_moment:
                    break
                self._wait_after(fault, pauses.next_seconds())
        self._publisher.close()

    def _wait_after(self, fault: InfrastructureError, seconds: float) -> None:
        self._metrics.publish_failures.inc()
        self._log.warning("outbox not sent", reason=str(fault), next_try_seconds=round(seconds, 2))
        if self._stopping.is_set():
            time.sleep(min(seconds, _LONGEST_NAP_SECONDS))
        else:
            self._stopping.wait(seconds)

    def send_once(self) -> int:
        """Send at most one batch and return its size."""
        # No transaction stays open while the broker is waited for; it would lock out others, or time out.
        with self._store.reading() as reader:
            waiting = self._waiting(reader)
        self._metrics.outbox_pending.set(len(waiting))
        if not waiting:
            return 0
        self._crash(f"{self._errand.producer}.before_publish")
        self._publisher.publish([message.row for message in waiting])
        self._crash(f"{self._errand.producer}.after_confirm")
        with self._store.transaction() as transaction:
            transaction.mark_outbox_sent([message.id for message in waiting], int(self._clock()))
        self._crash(f"{self._errand.producer}.after_mark")
        self._metrics.published.inc(len(waiting))
        return len(waiting)

    def _waiting(self, reader: Reader) -> list[StagedMessage]:
        # In the view that the messages are read from: who does not lead by then leaves them to who does.
        errand = self._errand
        return reader.unsent_outbox(_BATCH, errand.producer, errand.stream) if errand.is_ours(reader) else []

    def _prune(self) -> None:
        before = int(self._clock()) - _KEPT_SECONDS
        more = True
        while more and not self._stopping.is_set():
            with self._store.transaction() as transaction:
                pruned = transaction.delete_sent_outbox(before, _PRUNED_AT_ONCE, self._errand.producer)
            more = pruned == _PRUNED_AT_ONCE
