"""Signs of life of the processes, and forgetting those that are long gone."""

from typing import Final

import msgspec

from shared.runtime.lease import Standing
from shared.store.port import Transaction
from shared.store.rows.leases import HeartbeatRow

_FORGOTTEN_SECONDS: Final = 86_400.0


class _Detail(msgspec.Struct):
    lease: str | None = None
    leads: bool | None = None


def leave_sign_of_life(transaction: Transaction, service: str, instance: str, standing: Standing | None = None) -> None:
    """Note that a process lives and whether it leads or waits, and forget every one that was silent for a day."""
    detail = {} if standing is None else standing._asdict()
    transaction.beat(service, instance, msgspec.json.encode(detail).decode())
    transaction.forget_heartbeats(_FORGOTTEN_SECONDS)


def standing_of(row: HeartbeatRow) -> Standing | None:
    """Return by which lease a process led or waited at its last sign of life; None for one that needs no lease."""
    detail = msgspec.json.decode(row.detail_json, type=_Detail)
    return None if detail.lease is None or detail.leads is None else Standing(detail.lease, detail.leads)
