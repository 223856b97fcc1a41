"""What all routes share: the market, the account, the faults, and the moment at which a request is answered."""

import threading
from dataclasses import dataclass, field
from typing import Final

from tests.simulators.oanda.account.ledger import Ledger
from tests.simulators.oanda.clock import VirtualClock
from tests.simulators.oanda.faults import Faults
from tests.simulators.oanda.forms import invalid
from tests.simulators.oanda.market import Market, PairMarket
from tests.simulators.oanda.moments import NANOSECONDS
from tests.simulators.oanda.prices import Quote, quote_at


@dataclass
class Exchange:
    """Everything behind the routes; whoever uses it holds the lock and has set the moment."""

    clock: Final[VirtualClock]
    faults: Final[Faults]
    market: Final[Market]
    ledger: Final[Ledger]
    lock: threading.RLock = field(default_factory=threading.RLock)
    moment: int = 0

    def server_now(self) -> int:
        """Return the server's time in nanoseconds, wrong if a fault says so."""
        return self.clock.now_nanoseconds() + round(self.faults.clock_skew_seconds * NANOSECONDS)

    def pair(self, name: str) -> PairMarket:
        """Return a pair's market; raise `ApiError` if there is none."""
        found = self.market.pairs.get(name)
        if found is None:
            raise invalid("instrument")
        return found

    def quote(self, name: str) -> Quote:
        """Return a pair's quote at the moment; raise `ApiError` if there is no such pair."""
        return quote_at(self.market, self.faults, self.pair(name), self.moment)
