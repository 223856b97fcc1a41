"""What the runs of one process trade with, whom they tell, and the loop that trades past and made-up candles."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, NamedTuple

from services.executor.build import Outside
from services.executor.commands.holds import hold_sentence
from services.executor.metrics import show_restored, tell_outside
from services.executor.work import SERVICE as EXECUTOR
from services.ingest.feed import SERVICE as INGEST
from services.ingest.feed import Arrival
from services.ingest.metrics import IngestMetrics
from services.ingest.pace import paced
from services.platform.platform import BATCH, Platform
from services.platform.sole_trader import Trader
from services.strategy.work import SERVICE as STRATEGY
from shared.bus.in_process import Handler
from shared.calendar.economic import EconomicCalendar
from shared.contracts.errors import InfrastructureError
from shared.contracts.facts import ACCOUNT_FACTS
from shared.contracts.runs import RunMode
from shared.runtime.heartbeat import leave_sign_of_life
from shared.runtime.process import BEAT_SECONDS, Process
from shared.runtime.quotes.board import QuoteBoard
from shared.settings.settings import Settings
from shared.store.port import Store
from shared.store.rows.commands import HoldRow

# What a process waits for, as its health tells it, until it trades.
TRADING: Final = "trading"
_IDLE_SECONDS: Final = 0.2
_PAUSE_SHARE: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 0.2


class Run(NamedTuple):
    """What every run trades with."""

    process: Process
    trader: Trader
    settings: Settings


class Audience(NamedTuple):
    """Whom a run tells: of itself in sentences, of the account in events, and several times a second of prices."""

    note: Callable[[str], None]
    tell: Handler
    watch: Callable[[QuoteBoard], None]

    def tell_hold(self, process: Process, hold: HoldRow, in_force: bool) -> None:
        """Say that a hold is in force, or ended, and have the health of the process know."""
        show_restored(process, hold, in_force)
        self.note(hold_sentence(hold, in_force))


class Heartbeats:
    """The signs of life of the services that share a process."""

    def __init__(self, process: Process, store: Store) -> None:
        """Give none yet."""
        self._process = process
        self._store = store
        self._next_beat = 0.0

    def tick(self) -> None:
        """Show that the loop goes round; to be called several times a second."""
        process = self._process
        process.health.progress()
        now = process.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + BEAT_SECONDS
        try:
            with self._store.transaction() as transaction:
                for service in (INGEST, STRATEGY, EXECUTOR):
                    leave_sign_of_life(transaction, service, process.instance)
            process.health.has("store")
        except InfrastructureError as fault:
            process.health.waits_for("store", str(fault))


class PastTrading:
    """The loop of the feeds whose candles are past or made up."""

    def __init__(self, run: Run, audience: Audience, news: EconomicCalendar | None, speed: float) -> None:
        """Wire the platform and let it finish what an earlier run left behind."""
        process, (store, fence) = run.process, run.trader
        listeners = dict.fromkeys(ACCOUNT_FACTS, audience.tell)
        self._process = process
        self._speed = speed
        outside = Outside(
            process.instance,
            process.clock,
            fence=fence,
            tell=partial(tell_outside, process),
            tell_hold=partial(audience.tell_hold, process),
        )
        self._platform = Platform(store, run.settings, RunMode.OFFLINE, news, outside, listeners=listeners)
        self._heartbeats = Heartbeats(process, store)
        process.health.has("start")
        process.health.has(TRADING)
        pace = f"{speed:g} market seconds a second" if speed else "full speed"
        audience.note(f"trading at {pace}; stop with Ctrl-C")

    def trade(self, arrivals: Iterable[Arrival], most: int) -> int:
        """Trade candles until there are no more, the process is to stop, or so many are done; 0 has no such end."""
        process, done = self._process, 0
        for batch in self._batches(arrivals, most):
            if process.stopped():
                break
            self._attend()
            took_seconds = process.retry_until_available("store", partial(self._replay, batch))
            if took_seconds is None:
                break
            # Without a pause in between, other processes might look for a moment to write in vain.
            process.pause(min(_PAUSE_SHARE * took_seconds, _LONGEST_PAUSE_SECONDS))
            process.metrics.of(IngestMetrics).candles.inc(len(batch))
            done += len(batch)
        return done

    def _replay(self, batch: list[Arrival]) -> float:
        """Trade a batch and return the seconds that it took, without those in which the store was away."""
        began = self._process.monotonic()
        self._platform.replay(batch, lambda _done: None)
        return self._process.monotonic() - began

    def idle(self) -> None:
        """Carry out commands until the process is to stop."""
        while self._nap(_IDLE_SECONDS):
            pass

    def _batches(self, arrivals: Iterable[Arrival], most: int) -> Iterator[list[Arrival]]:
        """Yield what shares a commit: the candles of a moment, or at full speed as many as there may be."""
        batch: list[Arrival] = []
        done = 0
        for together in paced(arrivals, self._speed, self._process.monotonic, self._nap):
            batch += together
            enough = 0 < most <= done + len(batch)
            if self._speed or enough or len(batch) >= BATCH:
                yield batch
                done += len(batch)
                batch = []
            if enough:
                return
        if batch:
            yield batch

    def _nap(self, seconds: float) -> bool:
        self._process.sleep(seconds)
        self._attend()
        return not self._process.stopped()

    def _attend(self) -> None:
        self._heartbeats.tick()
        self._process.retry_until_available("store", self._platform.obey)
