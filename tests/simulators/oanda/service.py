"""What the simulator's two listeners share: who may ask, what was asked, and what was handed out."""

import json
import threading
import time
from collections import deque
from typing import Final, NamedTuple

from shared.core.types import Candle
from tests.simulators.oanda.exchange import Exchange
from tests.simulators.oanda.faults import Faults
from tests.simulators.oanda.forms import RecordedRequest, Request, Response
from tests.simulators.oanda.moments import NANOSECONDS, format_moment
from tests.simulators.oanda.routes import UNAUTHORIZED, answer

CLOCK_PATH: Final = "/simulator/clock"


class CandleKey(NamedTuple):
    """A candle that a client may have: pair, granularity in seconds, open time in seconds."""

    pair: str
    granularity_seconds: int
    time: int


class Manners(NamedTuple):
    """How the server behaves that is no fault; real seconds."""

    heartbeat_seconds: float
    samples_real_time: bool


class _Landing(NamedTuple):
    due: int
    request: Request


class Service:
    """Answer requests one after the other, each at its moment."""

    def __init__(self, exchange: Exchange, token: str, manners: Manners) -> None:
        """Serve one account to one token."""
        self.exchange: Final = exchange
        self.manners: Final = manners
        self.stopping: Final = threading.Event()
        self.requests: Final[list[RecordedRequest]] = []
        self.served: Final[dict[CandleKey, list[Candle]]] = {}
        self.failures: Final[list[BaseException]] = []
        self.connections = 0
        self.streams = 0
        self.rest_address = ""
        self._numbers = 0
        self._token = token
        self._landings: list[_Landing] = []
        self._recent: deque[float] = deque()
        self._lock = threading.Lock()

    @property
    def faults(self) -> Faults:
        """Return the switches."""
        return self.exchange.faults

    def record(self, request: Request) -> None:
        """Remember a request, whatever becomes of it."""
        now = self.exchange.clock.now()
        recorded = RecordedRequest(request.number, now, request.method, request.path, request.params, request.body)
        with self._lock:
            self.requests.append(recorded)

    def next_number(self) -> int:
        """Return the number of the next request, from 1."""
        with self._lock:
            self._numbers += 1
            return self._numbers

    def next_stream(self) -> int:
        """Return the number of the next stream, from 1."""
        with self._lock:
            self.streams += 1
            return self.streams

    def count_connection(self) -> None:
        """Count a connection that was accepted."""
        with self._lock:
            self.connections += 1

    def is_over_limit(self) -> bool:
        """Return whether this request is one too many within a real second."""
        most, now = self.faults.requests_per_second_real, time.monotonic()
        with self._lock:
            self._recent.append(now)
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            return 0 < most < len(self._recent)

    def refused(self, authorization: str) -> Response | None:
        """Return the answer to a request with a bad token, or None if it is good."""
        if authorization == f"Bearer {self._token}" and not self.faults.stale_token:
            return None
        return Response(401, {"errorMessage": UNAUTHORIZED})

    def answer(self, request: Request) -> Response:
        """Carry a request out, after those that were to land before it."""
        with self.exchange.lock:
            self.settle()
            self.exchange.moment = self.exchange.server_now()
            return answer(self.exchange, request, self.rest_address)

    def land_later(self, request: Request) -> None:
        """Carry a request out some time from now."""
        with self.exchange.lock:
            delay = round(self.faults.late_landing_seconds * NANOSECONDS)
            self._landings.append(_Landing(self.exchange.server_now() + delay, request))

    def settle(self) -> None:
        """Carry out what was to land by now."""
        with self.exchange.lock:
            now = self.exchange.server_now()
            due = [each for each in self._landings if each.due <= now]
            self._landings = [each for each in self._landings if each.due > now]
            for each in due:
                self.exchange.moment = each.due
                answer(self.exchange, each.request, self.rest_address)
            self.exchange.moment = now

    def note_served(self, response: Response) -> None:
        """Remember the candles that an answer handed out as complete, each with every form it had."""
        with self._lock:
            for each in response.served:
                key = CandleKey(each.pair, each.granularity_seconds, each.candle.time)
                forms = self.served.setdefault(key, [])
                if each.candle not in forms:
                    forms.append(each.candle)

    def clock_body(self) -> bytes:
        """Return the market's time, its speed and the real time at which it was so."""
        now = self.exchange.clock.now_nanoseconds()
        body = {
            "now": format_moment(now),
            "nowNanoseconds": now,
            "speed": self.exchange.clock.speed,
            "realNanoseconds": time.time_ns(),
        }
        return json.dumps(body).encode()
