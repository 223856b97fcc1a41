"""Prices on their way between processes: each end has a thread of its own, so that the broker holds up nobody."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from shared.bus.backoff import Backoff
from shared.bus.rabbitmq_quotes import QuotePublisher, QuoteSubscription
from shared.contracts.codec import decode_quote, encode_quote
from shared.contracts.errors import InputError, MessageError
from shared.runtime.process import Surroundings
from shared.runtime.quotes.board import QuoteBoard
from shared.runtime.quotes.metrics import QuoteMetrics

_NAP_SECONDS: Final = 0.05
_WAIT_SECONDS: Final = 0.25
_STOP_SECONDS: Final = 5.0
_FIRST_RETRY_SECONDS: Final = 0.5
_LONGEST_RETRY_SECONDS: Final = 5.0


@contextmanager
def sent_quotes(around: Surroundings, broker_url: str, board: QuoteBoard) -> Iterator[None]:
    """Send what is put on the board, as long as the context is open."""
    publisher = QuotePublisher(broker_url, f"{around.instance}.quotes", _backoff(around))

    def send() -> None:
        for quote in board.take():
            publisher.publish(quote.pair, encode_quote(quote), quote.time)
        publisher.idle()

    with _repeated(around, "quotes sent", send, _NAP_SECONDS):
        yield
    publisher.close()


@contextmanager
def received_quotes(around: Surroundings, broker_url: str, board: QuoteBoard) -> Iterator[None]:
    """Put what arrives on the board, as long as the context is open."""
    subscription = QuoteSubscription(broker_url, f"{around.instance}.quotes", _backoff(around))

    def receive() -> None:
        for body in subscription.take(_WAIT_SECONDS).values():
            try:
                quote = decode_quote(body)
            except MessageError as fault:
                around.log.warning("a quote was dropped", reason=str(fault))
                continue
            around.metrics.of(QuoteMetrics).last_quote.labels(quote.pair).set(quote.time)
            board.put([quote])

    with _repeated(around, "quotes received", receive, 0.0):
        yield
    subscription.close()


@contextmanager
def _repeated(around: Surroundings, name: str, act: Callable[[], None], pause_seconds: float) -> Iterator[None]:
    """Do something again and again in a thread of its own; the broker's refusal ends it, and candles do without."""
    stopping = threading.Event()

    def run() -> None:
        try:
            while not stopping.wait(pause_seconds):
                act()
        except InputError as refused:
            around.log.error("quotes are not exchanged; stops are watched candle by candle", reason=str(refused))

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(_STOP_SECONDS)


def _backoff(around: Surroundings) -> Backoff:
    return Backoff(_FIRST_RETRY_SECONDS, _LONGEST_RETRY_SECONDS, around.chance.random)
