"""One connection to the price stream: a snapshot, then sampled prices and heartbeats, line by line."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tests.simulators.oanda.exchange import Exchange
from tests.simulators.oanda.faults import StreamFault
from tests.simulators.oanda.forms import Response
from tests.simulators.oanda.moments import NANOSECONDS, Body, Moment
from tests.simulators.oanda.prices import Quote, quote_at, quote_of
from tests.simulators.oanda.ticks import Tick

_WINDOW: Final = NANOSECONDS // 4
_LOOK_SECONDS: Final = 0.01
_GARBAGE: Final = b'{"type":"PRICE","time":"20\x00\xff}{\n'

Send = Callable[[bytes], None]


class StreamCutError(Exception):
    """The stream breaks off here because a fault says so."""


class PriceStream:
    """What one client hears; in each window of 250 ms only the last price of a pair is sent."""

    def __init__(
        self, exchange: Exchange, names: Sequence[str], connection: int, *, unix_times: bool, samples_real_time: bool
    ) -> None:
        """Begin now; windows are of the market's time, or of real time."""
        self._exchange = exchange
        self._names = names
        self._connection = connection
        self._unix_times = unix_times
        self._samples_real_time = samples_real_time
        self._phase = self._seen = exchange.server_now()
        self._sampled_at = time.monotonic()
        self._was_open = exchange.market.is_open(self._seen)
        self._lines = 0
        self._is_silent = False
        self._prices_stopped = False

    def run(
        self,
        send: Send,
        is_gone: Callable[[], bool],
        stopping: threading.Event,
        *,
        snapshot: bool,
        heartbeat_seconds: float,
    ) -> None:
        """Send lines until the client is gone or the server stops; raise `StreamCutError` to break the connection."""
        if snapshot:
            for name in self._names:
                self._send(send, self._quote(name).body())
        beat_at = time.monotonic() + heartbeat_seconds
        while not stopping.wait(_LOOK_SECONDS) and not is_gone():
            prices = list(self._prices())
            if time.monotonic() >= beat_at:
                beat_at += heartbeat_seconds
                self._send(send, {"type": "HEARTBEAT", "time": Moment(self._exchange.server_now())})
            for quote in prices:
                self._send(send, quote.body())

    def _quote(self, name: str) -> Quote:
        exchange = self._exchange
        return quote_at(exchange.market, exchange.faults, exchange.pair(name), self._seen)

    def _prices(self) -> Iterator[Quote]:
        """Yield the prices since the last look, or none where a fault holds them back: those are lost."""
        exchange = self._exchange
        until = self._end_of_window()
        if until <= self._seen:
            return
        after, self._seen = self._seen, until
        stopped = exchange.faults.stream_prices_stopped or self._prices_stopped
        for tick, name in self._sampled(after, until):
            if exchange.market.is_open(tick.time) and not stopped:
                pair = exchange.pair(name)
                yield quote_of(exchange.market, exchange.faults, pair, tick, tradeable=True)
        is_open = exchange.market.is_open(until)
        if self._was_open and not is_open and not stopped:
            yield from map(self._quote, self._names)
        self._was_open = is_open

    def _end_of_window(self) -> int:
        now = self._exchange.server_now()
        if not self._samples_real_time:
            return now - (now - self._phase) % _WINDOW
        if time.monotonic() - self._sampled_at < _WINDOW / NANOSECONDS:
            return self._seen
        self._sampled_at = time.monotonic()
        return now

    def _sampled(self, after: int, until: int) -> list[tuple[Tick, str]]:
        """Return the last tick of each pair in each window, in order of time."""
        last: dict[tuple[str, int], Tick] = {}
        for name in self._names:
            for tick in self._exchange.pair(name).ticks_between(after, until):
                window = 0 if self._samples_real_time else (tick.time - self._phase - 1) // _WINDOW
                last[name, window] = tick
        return sorted((tick, name) for (name, _), tick in last.items())

    def _send(self, send: Send, body: Body) -> None:
        if self._exchange.faults.stream_silent or self._is_silent:
            return
        line = Response(200, body).encoded(unix_times=self._unix_times) + b"\n"
        self._lines += 1
        match self._exchange.faults.next_line(self._connection, self._lines):
            case StreamFault.ABRUPT_CLOSE:
                raise StreamCutError
            case StreamFault.CUT_LINE:
                send(line[: len(line) // 2])
                raise StreamCutError
            case StreamFault.SILENT_STALL:
                self._is_silent = True
                return
            case StreamFault.PRICES_STOP:
                self._prices_stopped = True
            case StreamFault.GARBAGE_LINE:
                send(_GARBAGE)
            case None:
                pass
        size = self._exchange.faults.stream_split_bytes or len(line)
        for at in range(0, len(line), size):
            send(line[at : at + size])
