"""The tables as they should be; the migrations lead there, and a test compares the two.

Prices and money are exact decimals, times UTC, closed sets are written by name, so that plain SQL is readable.
"""

from shared.store.tables import (
    audit,
    commands,
    judged,
    leases,
    ledger,
    market,
    outbox,
    params,
    runtime,
    second_factors,
    tokens,
    users,
)
from shared.store.tables.metadata import METADATA
from shared.store.triggers import attach_triggers
from shared.store.views import attach_views

__all__ = [
    "METADATA",
    "audit",
    "commands",
    "judged",
    "leases",
    "ledger",
    "market",
    "outbox",
    "params",
    "runtime",
    "second_factors",
    "tokens",
    "users",
]

attach_triggers(METADATA)
attach_views(METADATA)
