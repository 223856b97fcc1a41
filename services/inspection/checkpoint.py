"""Up to where a ledger was proven before the candles that lead there were pruned, and the state that it had there.

The state is kept in the store, its hash in the audit log, so that neither can be changed without the other.
"""

from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from services.inspection.differences import DifferenceError
from shared.store.port import Reader
from shared.store.rows.ledger import TradeRow
from shared.store.rows.runtime import SnapshotRow

# In whose name the state is kept.
KEEPER: Final = "upkeep"
PRUNED: Final = "database.pruned"
_KEY: Final = "proven"


class ProvenState(NamedTuple):
    """All that a replay goes on from: the machines, the versions of the parameters they go by, and the trades so far.

    Open trades are as they were opened; closed ones are in the ledger, and `closed_hash` is the hash of them all.
    """

    desks: dict[str, str]
    versions: dict[str, int]
    account: str
    account_version: int
    trades: int
    closed_hash: str
    open_trades: list[TradeRow]

    def text(self) -> str:
        """Return the one JSON text of the state."""
        return msgspec.json.encode(self, order="sorted").decode()


class Checkpoint(NamedTuple):
    """The place `seq` of the last candle that the state contains, when that was decided upon, and who tells of it."""

    seq: int
    time: int
    audit_id: int
    state: str

    @property
    def digest(self) -> str:
        """Return the hash of the state, as the audit log tells it."""
        return state_digest(self.state)

    def row(self) -> SnapshotRow:
        """Return the row that keeps it."""
        return SnapshotRow(service=KEEPER, key=_KEY, seq=self.seq, body_json=msgspec.json.encode(self).decode())


def state_digest(text: str) -> str:
    """Return the hash by which a state is known."""
    return sha256(text.encode()).hexdigest()


def checkpoint_of(reader: Reader) -> Checkpoint | None:
    """Return the checkpoint of a database, None where nothing was ever pruned.

    Raises DifferenceError where it cannot be read.
    """
    found = reader.snapshot(KEEPER, _KEY)
    if found is None:
        return None
    try:
        return msgspec.json.decode(found[1], type=Checkpoint)
    except msgspec.DecodeError as fault:
        raise DifferenceError(f"the proven state cannot be read ({fault})") from fault


def pruned_until(reader: Reader) -> int | None:
    """Return up to when candles may have been pruned, None where none ever were or nobody can tell."""
    try:
        found = checkpoint_of(reader)
    except DifferenceError:
        return None
    return None if found is None else found.time


def proven_state(reader: Reader, checkpoint: Checkpoint) -> ProvenState:
    """Return the state of a checkpoint; raises DifferenceError where it is not the one that the audit log tells of."""
    record = reader.audit_record(checkpoint.audit_id)
    told = {} if record is None or record.action != PRUNED else msgspec.json.decode(record.detail_json)
    if (told.get("up_to_seq"), told.get("state")) != (checkpoint.seq, checkpoint.digest):
        raise DifferenceError(
            f"the proven state at candle {checkpoint.seq} is not the one that record {checkpoint.audit_id} of the "
            "audit log tells of"
        )
    return msgspec.json.decode(checkpoint.state, type=ProvenState)
