"""A broker that answers as a test says."""

import threading
from collections.abc import Callable, Sequence
from decimal import Decimal

from services.executor.commands.oanda_broker import BrokerClose
from shared.contracts.errors import InputError
from shared.oanda.closing import CloseFill, PositionClosed
from shared.oanda.positions import OandaPosition
from shared.store.port import Store, Transaction

FILL = CloseFill(Decimal(-1_000), Decimal("1.10000"), Decimal("-2.5"), 7)
CLOSED = PositionClosed((FILL,))


class Broker:
    """A broker that answers as a test says."""

    def __init__(self, *is_open: str, store: Store | None = None) -> None:
        self.is_open = is_open
        self.store = store
        self.has_begun: list[str] = []
        self.answers: dict[str, BrokerClose | Exception] = {}
        self.asked: list[tuple[str, str]] = []
        self.lists = True
        self.free = threading.Event()
        self.free.set()

    def positions(self) -> Sequence[OandaPosition]:
        if not self.lists:
            raise InputError("the token is refused")
        return [OandaPosition(pair, Decimal(1), Decimal(0)) for pair in self.is_open]

    def begun(self, _beginning: str) -> list[str]:
        return self.has_begun

    def close(self, pair: str, tag: str, fence: Callable[[Transaction], None]) -> BrokerClose:
        if self.store is not None:
            with self.store.transaction() as transaction:
                fence(transaction)
        self.asked.append((pair, tag))
        assert self.free.wait(30)
        answer = self.answers.get(pair, CLOSED)
        if isinstance(answer, Exception):
            raise answer
        return answer


def threads() -> list[threading.Thread]:
    """Return the threads in which a broker is asked to close something."""
    return [thread for thread in threading.enumerate() if thread.name == "closes at the broker"]


def wait_for_broker() -> None:
    """Wait until nothing is asked of a broker any more."""
    for thread in threads():
        thread.join(30)
