"""The account at OANDA: what is open there, and closing it, once, if that is allowed. Nothing opens a position."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from services.executor.service import SERVICE
from shared.oanda.closing import (
    Cancelled,
    Closed,
    CloseIntent,
    NothingOpen,
    Rejected,
    close_position,
    resume_close,
)
from shared.oanda.connection import OandaConnection
from shared.oanda.positions import OandaPosition, open_positions
from shared.store.port import Store
from shared.store.rows import SnapshotRow

_INTENT: Final = "oanda_close"


@dataclass(frozen=True)
class Refused:
    """The close was not even tried, for this reason."""

    reason: str


LIVE_TRADING_DISABLED: Final = Refused("live_trading_disabled")
BrokerClose: TypeAlias = Closed | NothingOpen | Cancelled | Rejected | Refused


class OandaBroker:
    """List and close the positions of an account; each close has a tag and is carried out once, whatever is lost."""

    def __init__(self, connection: OandaConnection, store: Store, *, enabled: bool) -> None:
        """Work on an account; without `enabled` (LIVE_TRADING_ENABLED) every close is refused."""
        self._connection = connection
        self._store = store
        self._enabled = enabled

    def positions(self) -> Sequence[OandaPosition]:
        """Return what is open at OANDA."""
        return open_positions(self._connection).positions

    def close(self, pair: str, tag: str) -> BrokerClose:
        """Close all that is open in a pair, and return what came of it.

        Called again with the same tag, after a crash or an answer that never came, it finds out what the first call has
        done before it does anything. Raises OandaAmbiguousError where that stays unknown, and other
        InfrastructureErrors where nothing was closed.
        """
        if not self._enabled:
            return LIVE_TRADING_DISABLED
        intent = self._remembered(tag)
        if intent is None:
            return close_position(self._connection, pair, tag, self._remember)
        return resume_close(self._connection, intent)

    def _remember(self, intent: CloseIntent) -> None:
        body = msgspec.json.encode(intent).decode()
        with self._store.transaction() as transaction:
            transaction.save_snapshots([SnapshotRow(SERVICE, _key(intent.tag), intent.last_transaction_id, body)])

    def _remembered(self, tag: str) -> CloseIntent | None:
        with self._store.reading() as reader:
            found = reader.snapshot(SERVICE, _key(tag))
        return None if found is None else msgspec.json.decode(found[1], type=CloseIntent)


def _key(tag: str) -> str:
    return f"{_INTENT}/{tag}"
