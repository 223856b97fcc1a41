"""Live prices: from OANDA's stream, and asked for again and again while the stream says nothing."""

import threading
from collections.abc import Callable, Sequence
from typing import Final

from services.ingest.metrics import FeedMetrics
from shared.contracts.errors import InfrastructureError, MessageError
from shared.contracts.facts import Quote
from shared.core.types import Instrument
from shared.oanda.connection import OandaConnection
from shared.oanda.errors import OandaRefusedError, OandaUnauthorizedError
from shared.oanda.pricing import ClientPrice, PricingHeartbeat, PricingStream, prices
from shared.oanda.times import NANOSECONDS_PER_SECOND
from shared.runtime.process import Process
from shared.runtime.quotes.metrics import QuoteMetrics
from shared.runtime.retry import patience
from shared.settings.sections import LiveSettings

# Heartbeats without any price for so long are compared with a price that is asked for.
_QUIET_SECONDS: Final = 10.0
_ASKING_SECONDS: Final = 10.0

# Whoever asks for the candles judges how long refusals are borne; prices are just asked for again.
_NO_PRICES: Final = (InfrastructureError, MessageError, OandaRefusedError, OandaUnauthorizedError)

QuoteSink = Callable[[Sequence[Quote]], None]


class PriceFeed:
    """Follow the prices of some pairs in threads of its own and hand each on as it comes."""

    def __init__(
        self,
        process: Process,
        connection: OandaConnection,
        instruments: Sequence[Instrument],
        settings: LiveSettings,
        sink: QuoteSink,
    ) -> None:
        """Hand quotes to `sink`, which is called in the feed's threads.

        A stream that is silent for `silent_seconds` is given up; meanwhile prices are asked for every `poll_seconds`.
        """
        self._metrics = process.metrics
        self._log = process.log
        self._rng = process.rng
        self._connection = connection
        self._instruments = instruments
        self._digits = {each.name: each.digits for each in instruments}
        self._sink = sink
        self._settings = settings
        self._stopping = threading.Event()
        self._stream: PricingStream | None = None
        self._newest_nanoseconds = 0
        self._last: dict[str, ClientPrice] = {}
        self._streamed_until = 0
        self._fault: Exception | None = None
        self._streaming = threading.Event()
        self._told_that_none_come = False
        works = (("prices streamed", self._stream_again_and_again), ("prices asked for", self._ask_around))
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True) for name, work in works
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        """End within so many seconds."""
        self._stopping.set()
        stream = self._stream
        if stream is not None:
            stream.close()
        for thread in self._threads:
            thread.join(seconds / len(self._threads))

    def check(self) -> None:
        """Raise the defect that ended a thread; nothing that OANDA says ends one."""
        if self._fault is not None:
            raise self._fault

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as fault:
            if not self._stopping.is_set():
                self._fault = fault

    def _stream_again_and_again(self) -> None:
        pauses = patience(self._rng.random)
        while not self._stopping.is_set():
            try:
                self._follow_stream(pauses.reset)
            except _NO_PRICES as fault:
                if self._stopping.is_set():
                    return
                self._streaming.clear()
                self._metrics.of(FeedMetrics).prices_streaming.set(0)
                self._metrics.of(FeedMetrics).price_stream_failures.inc()
                pause = pauses.next_seconds()
                self._log.warning(
                    "prices do not stream, so they are asked for", reason=str(fault), next_try_seconds=round(pause, 2)
                )
                self._stopping.wait(pause)

    def _ask_around(self) -> None:
        """Ask for prices whenever none stream, also while the stream is tried and says nothing."""
        while not self._stopping.wait(self._settings.poll_seconds):
            if self._streaming.is_set():
                continue
            try:
                self._ask()
            except _NO_PRICES as fault:
                if not self._told_that_none_come and not self._stopping.is_set():
                    self._log.warning("no prices: they neither stream nor can be asked for", reason=str(fault))
                self._told_that_none_come = True
            else:
                self._told_that_none_come = False

    def _follow_stream(self, works: Callable[[], None]) -> None:
        monotonic = self._connection.monotonic
        silence_seconds = self._settings.silent_seconds
        with PricingStream(self._connection, self._instruments, silence_seconds=silence_seconds) as stream:
            self._stream = stream
            last_price, told = monotonic(), False
            self._streamed_until = 0
            for item in stream:
                if self._stopping.is_set():
                    return
                if not told:
                    told = True
                    self._streaming.set()
                    self._metrics.of(FeedMetrics).prices_streaming.set(1)
                    self._log.info("prices stream")
                    works()
                # A price may be older than the heartbeat before it; where it comes, it is what holds since then.
                self._streamed_until = max(self._streamed_until, item.time_nanoseconds)
                if not isinstance(item, PricingHeartbeat):
                    last_price = monotonic()
                    self._hand_on([item], self._streamed_until)
                    continue
                if monotonic() - last_price > _QUIET_SECONDS:
                    last_price = monotonic()
                    self._require_quiet_market()
                # The stream tells of changes only, so what it told last still holds.
                self._hand_on(list(self._last.values()), self._streamed_until)

    def _require_quiet_market(self) -> None:
        """Raise InfrastructureError where prices moved that the stream did not tell of, although its heart beats."""
        seen = self._newest_nanoseconds
        self._ask()
        if self._newest_nanoseconds > seen:
            raise InfrastructureError("the stream of prices has heartbeats but no prices")

    def _ask(self) -> None:
        snapshot = prices(self._connection, self._instruments, patience_seconds=_ASKING_SECONDS)
        self._hand_on(snapshot.quotes, snapshot.time_nanoseconds or 0)

    def _hand_on(self, quotes: Sequence[ClientPrice], held_at: int) -> None:
        """Hand on what can be traded at, as of the feed's time in nanoseconds at which it held, if that is later."""
        for quote in quotes:
            known = self._last.get(quote.pair)
            if known is None or quote.time_nanoseconds >= known.time_nanoseconds:
                self._last[quote.pair] = quote
        usable = [
            Quote(
                pair=quote.pair,
                time=max(quote.time_nanoseconds, held_at) // NANOSECONDS_PER_SECOND,
                digits=self._digits[quote.pair],
                bid=quote.bid,
                ask=quote.ask,
            )
            for quote in quotes
            if quote.tradeable and quote.bid is not None and quote.ask is not None and quote.bid <= quote.ask
        ]
        self._newest_nanoseconds = max([self._newest_nanoseconds, *(quote.time_nanoseconds for quote in quotes)])
        for each in usable:
            self._metrics.of(QuoteMetrics).last_quote.labels(each.pair).set(each.time)
        if usable:
            self._sink(usable)
