"""Prices on their way between processes: each end has a thread of its own, so that the broker holds up nobody."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from shared.bus.backoff import Backoff
from shared.bus.rabbitmq_quotes import QuotePublisher, QuoteSubscription
from shared.contracts.codec import decode_quote, encode_quote
from shared.contracts.errors import InputError, MessageError
from shared.runtime.process import Process
from shared.runtime.quotes.board import QuoteBoard
from shared.runtime.quotes.metrics import QuoteMetrics

_NAP_SECONDS: Final = 0.05
_WAIT_SECONDS: Final = 0.25
_STOP_SECONDS: Final = 5.0
_FIRST_RETRY_SECONDS: Final = 0.5
_LONGEST_RETRY_SECONDS: Final = 5.0


@contextmanager
def sent_quotes(process: Process, broker_url: str, board: QuoteBoard) -> Iterator[None]:
    """Send what is put on the board, as long as the context is open."""
    publisher = QuotePublisher(broker_url, f"{process.instance}.quotes", _backoff(process))

    def send() -> None:
        for quote in board.take():
            publisher.publish(quote.pair, encode_quote(quote), quote.time)
        publisher.idle()

    with _repeated(process, "quotes sent", send, _NAP_SECONDS):
        yield
    publisher.close()


@contextmanager
def received_quotes(process: Process, broker_url: str, board: QuoteBoard) -> Iterator[None]:
    """Put what arrives on the board, as long as the context is open."""
    subscription = QuoteSubscription(broker_url, f"{process.instance}.quotes", _backoff(process))

    def receive() -> None:
        for body in subscription.take(_WAIT_SECONDS).values():
            try:
                quote = decode_quote(body)
            except MessageError as fault:
                process.log.warning("a quote was dropped", reason=str(fault))
                continue
            process.metrics.of(QuoteMetrics).last_quote.labels(quote.pair).set(quote.time)
            board.put([quote])

    with _repeated(process, "quotes received", receive, 0.0):
        yield
    subscription.close()


@contextmanager
def _repeated(process: Process, name: str, act: Callable[[], None], pause_seconds: float) -> Iterator[None]:
    """Do something again and again in a thread of its own; the broker's refusal ends it, and candles do without."""
    stopping = threading.Event()

    def run() -> None:
        try:
            while not stopping.wait(pause_seconds):
                act()
        except InputError as refused:
            process.log.error("quotes are not exchanged; stops are watched candle by candle", reason=str(refused))

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(_STOP_SECONDS)


def _backoff(process: Process) -> Backoff:
    return Backoff(_FIRST_RETRY_SECONDS, _LONGEST_RETRY_SECONDS, process.rng.random)
