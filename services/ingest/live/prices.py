"""Live prices: from OANDA's stream, and asked for again and again while the stream says nothing."""

import threading
from collections.abc import Callable, Sequence
from typing import Final

from services.ingest.metrics import FeedMetrics
from shared.contracts.errors import InfrastructureError
from shared.contracts.facts import Quote
from shared.core.types import Instrument
from shared.oanda.connection import OandaConnection
from shared.oanda.pricing import ClientPrice, PricingHeartbeat, PricingStream, prices
from shared.oanda.times import NANOSECONDS_PER_SECOND
from shared.runtime.process import Process
from shared.runtime.quotes.metrics import QuoteMetrics
from shared.runtime.retry import patience
from shared.settings.sections import LiveSettings

# Heartbeats without any price for so long are compared with a price that is asked for.
_QUIET_SECONDS: Final = 30.0
_ASKING_SECONDS: Final = 10.0

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
        self._sink = sink
        self._settings = settings
        self._stopping = threading.Event()
        self._stream: PricingStream | None = None
        self._newest_nanoseconds = 0
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
            thread.join(seconds)

    def check(self) -> None:
        """Raise what ended a thread for good, such as a token that is refused."""
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
            except InfrastructureError as fault:
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
            except InfrastructureError as fault:
                if not self._told_that_none_come:
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
            for item in stream:
                if self._stopping.is_set():
                    return
                if not told:
                    told = True
                    self._streaming.set()
                    self._metrics.of(FeedMetrics).prices_streaming.set(1)
                    self._log.info("prices stream")
                    works()
                if not isinstance(item, PricingHeartbeat):
                    last_price = monotonic()
                    self._hand_on([item])
                elif monotonic() - last_price > _QUIET_SECONDS:
                    last_price = monotonic()
                    self._require_quiet_market()

    def _require_quiet_market(self) -> None:
        """Raise InfrastructureError where prices moved that the stream did not tell of, although its heart beats."""
        seen = self._newest_nanoseconds
        self._ask()
        if self._newest_nanoseconds > seen:
            raise InfrastructureError("the stream of prices has a heartbeat but tells of no price")

    def _ask(self) -> None:
        self._hand_on(prices(self._connection, self._instruments, patience_seconds=_ASKING_SECONDS).quotes)

    def _hand_on(self, quotes: Sequence[ClientPrice]) -> None:
        usable = [
            Quote(pair=quote.pair, time=quote.time_nanoseconds // NANOSECONDS_PER_SECOND, bid=quote.bid, ask=quote.ask)
            for quote in quotes
            if quote.tradeable and quote.bid is not None and quote.ask is not None and quote.bid <= quote.ask
        ]
        self._newest_nanoseconds = max([self._newest_nanoseconds, *(quote.time_nanoseconds for quote in quotes)])
        for quote in usable:
            self._metrics.of(QuoteMetrics).last_quote.labels(quote.pair).set(quote.time)
        if usable:
            self._sink(usable)
