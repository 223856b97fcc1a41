"""The account at OANDA: what is open there, and closing it, once, if that is allowed. Nothing opens a position."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import msgspec

from services.executor.work import SERVICE
from shared.oanda.closing import (
    Cancelled,
    CloseIntent,
    NothingOpen,
    PositionClosed,
    Rejected,
    close_position,
    resume_close,
)
from shared.oanda.connection import OandaConnection
from shared.oanda.positions import OandaPosition, open_positions
from shared.runtime.consumer import no_fence
from shared.runtime.crash import CrashPoint, no_crash
from shared.store.port import Store, Transaction
from shared.store.rows.runtime import SnapshotRow

_INTENT: Final = "oanda_close"


@dataclass(frozen=True)
class NotAllowed:
    """The close was not even tried, for this reason."""

    reason: str


LIVE_TRADING_DISABLED: Final = NotAllowed("live_trading_disabled")
BrokerClose: TypeAlias = PositionClosed | NothingOpen | Cancelled | Rejected | NotAllowed


class OandaBroker:
    """List and close the positions of an account; each close has a tag and is carried out once, whatever is lost."""

    def __init__(
        self, connection: OandaConnection, store: Store, *, enabled: bool, crash: CrashPoint = no_crash
    ) -> None:
        """Work on an account; without `enabled` (LIVE_TRADING_ENABLED) every close is refused."""
        self._connection = connection
        self._store = store
        self._enabled = enabled
        self._crash = crash

    def positions(self) -> Sequence[OandaPosition]:
        """Return what is open at OANDA."""
        return open_positions(self._connection)

    def begun(self, beginning: str) -> list[str]:
        """Return the pairs whose close was begun under tags with this beginning."""
        with self._store.reading() as reader:
            found = [row for row in reader.snapshots(SERVICE) if row.key.startswith(_key(f"{beginning}-"))]
        return [_intent_in(row.body_json).pair for row in found]

    def close(self, pair: str, tag: str, fence: Callable[[Transaction], None] = no_fence) -> BrokerClose:
        """Close all that is open in a pair, and return what came of it; `fence` raises where we may not (any more).

        Called again with the same tag, after a crash or an answer that never came, it finds out what the first call has
        done before it does anything. Raises OandaAmbiguousError where that stays unknown, and other
        InfrastructureErrors where nothing was closed.
        """
        if not self._enabled:
            return LIVE_TRADING_DISABLED
        intent = self._remembered(tag, fence)
        if intent is None:
            return close_position(self._connection, pair, tag, partial(self._remember, fence=fence))
        return resume_close(self._connection, intent)

    def _remember(self, intent: CloseIntent, fence: Callable[[Transaction], None]) -> None:
        body = msgspec.json.encode(intent).decode()
        with self._store.transaction() as transaction:
            fence(transaction)
            transaction.save_snapshots(
                [SnapshotRow(service=SERVICE, key=_key(intent.tag), seq=intent.last_transaction_id, body_json=body)]
            )
        self._crash(f"{SERVICE}.broker_close_remembered")

    def _remembered(self, tag: str, fence: Callable[[Transaction], None]) -> CloseIntent | None:
        with self._store.transaction() as transaction:
            fence(transaction)
            found = transaction.snapshot(SERVICE, _key(tag))
        return None if found is None else _intent_in(found[1])


def _intent_in(body: str) -> CloseIntent:
    return msgspec.json.decode(body, type=CloseIntent)


def _key(tag: str) -> str:
    return f"{_INTENT}/{tag}"
