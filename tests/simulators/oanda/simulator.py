"""The simulated OANDA as tests use it."""

from collections.abc import Iterable
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple

from shared.core.columns import CandleSeries
from shared.core.types import Candle
from tests.simulators.oanda.account.fills import MarketOrder, execute
from tests.simulators.oanda.account.ledger import Batch, Ledger
from tests.simulators.oanda.clock import VirtualClock
from tests.simulators.oanda.exchange import Exchange
from tests.simulators.oanda.faults import Faults
from tests.simulators.oanda.forms import RecordedRequest
from tests.simulators.oanda.market import Market
from tests.simulators.oanda.moments import NANOSECONDS
from tests.simulators.oanda.server import Listener
from tests.simulators.oanda.service import CLOCK_PATH, CandleKey, Manners, Service
from tests.simulators.oanda.ticks import Tick

_ACCOUNT_NUMBER: Final = "004-1234567-001"
_TOKENS: Final = {
    "practice": "5a1ec0de5a1ec0de5a1ec0de5a1ec0de-11111111111111111111111111111111",
    "live": "11fe0000c0de11fe0000c0de11fe0000-22222222222222222222222222222222",
}


class Address(NamedTuple):
    """Where the simulator listens; the first two end in /v3 as OANDA's own do."""

    rest_url: str
    stream_url: str
    clock_url: str


class OandaSimulator:
    """A server that behaves like OANDA on a market made of candle series; it serves while its context lasts.

    Use `token` and `account_id` to be let in; `wrong_token` belongs to the other environment. Faults may be changed
    at any time. What the server did wrong itself is raised when the context ends.
    """

    def __init__(
        self,
        series: Iterable[CandleSeries],
        clock: VirtualClock,
        faults: Faults | None = None,
        *,
        port: int = 0,
        stream_port: int = 0,
        environment: Literal["practice", "live"] = "practice",
        completion_lag_seconds: float = 0.0,
        heartbeat_seconds: float = 5.0,
        samples_real_time: bool = False,
        balance: Decimal = Decimal(100_000),
    ) -> None:
        """Take one series for each pair; heartbeats are in real seconds, the lag of complete bars is not."""
        self.clock: Final = clock
        self.faults: Final = faults or Faults()
        self.account_id: Final = ("101-" if environment == "practice" else "001-") + _ACCOUNT_NUMBER
        self.token: Final = _TOKENS[environment]
        self.wrong_token: Final = _TOKENS["live" if environment == "practice" else "practice"]
        self._ports = (port, stream_port)
        self._market = Market(series, self.faults, completion_lag_seconds)
        ledger = Ledger(self.account_id, "USD", balance, clock.now_nanoseconds())
        self._exchange = Exchange(clock, self.faults, self._market, ledger)
        self._service = Service(self._exchange, self.token, Manners(heartbeat_seconds, samples_real_time))
        self._listeners: list[Listener] = []

    def __enter__(self) -> "OandaSimulator":
        for port, streams in zip(self._ports, (False, True), strict=True):
            self._listeners.append(Listener(self._service, port, streams=streams))
        self._service.rest_address = self.address.rest_url.removesuffix("/v3")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _fault: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._service.stopping.set()
        for listener in self._listeners:
            listener.stop()
        if kind is None and self._service.failures:
            raise self._service.failures[0]

    @property
    def address(self) -> Address:
        """Return where the simulator listens."""
        rest, stream = (listener.address for listener in self._listeners)
        return Address(rest, stream, rest.removesuffix("/v3") + CLOCK_PATH)

    @property
    def requests(self) -> list[RecordedRequest]:
        """Return every request so far, oldest first, also those that were refused."""
        return list(self._service.requests)

    @property
    def changing_requests(self) -> list[RecordedRequest]:
        """Return the requests so far that could have changed the account: orders, closes, and anything but GET."""
        return [request for request in self.requests if request.method != "GET"]

    @property
    def connections(self) -> int:
        """Return how many connections were accepted so far."""
        return self._service.connections

    @property
    def streams(self) -> int:
        """Return how many price streams were opened so far."""
        return self._service.streams

    @property
    def served(self) -> dict[CandleKey, list[Candle]]:
        """Return the candles that were handed out as complete, each with the forms it had, in order."""
        return {key: list(forms) for key, forms in self._service.served.items()}

    @property
    def transactions(self) -> list[dict[str, Any]]:
        """Return everything that happened to the account, oldest first, late orders up to now included."""
        with self._exchange.lock:
            self._service.settle()
            return list(self._exchange.ledger.transactions)

    def now(self) -> float:
        """Return the market's time in seconds since the epoch."""
        return self.clock.now()

    def existing_candles(self, pair: str) -> list[Candle]:
        """Return the candles of a pair's series without those that the faults have taken away, unrevised."""
        return self._market.pairs[pair].existing()

    def ticks_between(self, pair: str, after_seconds: float, until_seconds: float) -> list[Tick]:
        """Return a pair's quotes after a time up to another, unsampled and before any fault; prices in points."""
        after, until = (round(each * NANOSECONDS) for each in (after_seconds, until_seconds))
        return list(self._market.pairs[pair].ticks_between(after, until))

    def open_position(self, pair: str, units: int) -> str:
        """Buy units at the current price, or sell if they are negative, and return the id of the trade.

        Raises ValueError if the order could not be filled, for instance on a weekend.
        """
        with self._exchange.lock:
            self._service.settle()
            self._exchange.moment = self._exchange.server_now()
            details = {"timeInForce": "FOK", "positionFill": "DEFAULT", "reason": "CLIENT_ORDER"}
            batch = Batch(self._exchange.ledger, self._exchange.moment)
            found = execute(self._exchange, batch, MarketOrder(pair, units, "MARKET_ORDER", details))
            if found.fill is None:
                raise ValueError(f"the position could not be opened: {(found.cancel or {}).get('reason')}")
            return str(found.fill["id"])

    def open_units(self, pair: str) -> int:
        """Return the units of a pair that are open, negative if sold."""
        with self._exchange.lock:
            self._service.settle()
            return sum(trade.units for trade in self._exchange.ledger.open_trades(pair))
