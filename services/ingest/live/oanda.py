"""OANDA as the source of live candles."""

from collections.abc import Sequence
from typing import Final

from services.ingest.live.tolerance import Tolerance
from shared.contracts.errors import MessageError
from shared.contracts.feed import FedCandle
from shared.core.types import Instrument
from shared.oanda.candles import (
    MOST_CANDLES,
    CandlePage,
    CandleSpecification,
    candles_between,
    fetch_candles,
    fewer_candles,
    latest_candles,
)
from shared.oanda.connection import OandaConnection
from shared.oanda.errors import OandaRefusedError
from shared.oanda.pricing import prices
from shared.oanda.times import NANOSECONDS_PER_SECOND

# The loop asks again by itself, and shows between two questions that it is alive.
_PATIENCE_SECONDS: Final = 5.0


class OandaSource:
    """Candles of one granularity, and the time, from a connection to OANDA."""

    def __init__(
        self,
        connection: OandaConnection,
        instruments: Sequence[Instrument],
        granularity_seconds: int,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        """Ask over a connection that has answered before; a question may take `patience_seconds` with all its tries."""
        self._connection = connection
        self._instruments = {each.name: each for each in sorted(set(instruments))}
        self._step = granularity_seconds
        self._patience_seconds = patience_seconds
        self._tolerance = Tolerance(connection.monotonic, answered_before=True)

    def latest(self, pairs: Sequence[str]) -> dict[str, list[FedCandle]]:
        """Return the last complete candle of each pair and the current one."""
        return self._tolerance.ask(lambda: self._latest(pairs))

    def since(self, pair: str, time: int, count: int) -> list[FedCandle]:
        """Return a pair's candles from an open time on, at least `count` unless there are no more until now."""
        return self._tolerance.ask(lambda: self._since(pair, time, count))

    def history(self, pair: str, count: int) -> list[FedCandle]:
        """Return a pair's last `count` complete candles, or as many as OANDA gives at once, and the current one."""
        return self._tolerance.ask(lambda: self._history(pair, count))

    def server_time(self) -> float:
        """Return OANDA's time now, as its prices tell it."""
        return self._tolerance.ask(self._server_time)

    def _latest(self, pairs: Sequence[str]) -> dict[str, list[FedCandle]]:
        wanted = [CandleSpecification(self._instruments[pair], self._step) for pair in pairs]
        pages = latest_candles(self._connection, wanted, patience_seconds=self._patience_seconds)
        return {page.pair: _fed(page) for page in pages if page.granularity_seconds == self._step}

    def _since(self, pair: str, time: int, count: int) -> list[FedCandle]:
        # A span that ends now spares the question whether the last page was the last.
        end = int(self._server_time()) + 1
        fed: list[FedCandle] = []
        for page in candles_between(
            self._connection,
            self._instruments[pair],
            self._step,
            time,
            end,
            page_size=count,
            patience_seconds=self._patience_seconds,
        ):
            fed += _fed(page)
            if len(fed) >= count:
                break
        return fed

    def _history(self, pair: str, count: int) -> list[FedCandle]:
        most = min(count + 1, MOST_CANDLES)
        while True:
            try:
                page = fetch_candles(
                    self._connection,
                    self._instruments[pair],
                    self._step,
                    count=most,
                    patience_seconds=self._patience_seconds,
                )
            except OandaRefusedError as refused:
                most = fewer_candles(refused, most)
            else:
                return _fed(page)

    def _server_time(self) -> float:
        snapshot = prices(
            self._connection, list(self._instruments.values())[:1], patience_seconds=self._patience_seconds
        )
        if snapshot.time_nanoseconds is None:
            raise MessageError("OANDA sent prices without its time")
        return snapshot.time_nanoseconds / NANOSECONDS_PER_SECOND


def _fed(page: CandlePage) -> list[FedCandle]:
    """Return the candles of a page in order; raise MessageError where one has no place in it."""
    if page.timeless:
        raise MessageError(page.timeless[0].reason)
    return sorted(page.candles, key=lambda each: each.time)
