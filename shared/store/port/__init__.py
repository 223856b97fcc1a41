"""The port of the store: what a service may read, and what it may write in one transaction.

Every method raises InfrastructureError when the database cannot do its part now (locked, full, gone) and InvariantError
when a constraint refuses a row or a stored value makes no sense.
"""

from contextlib import AbstractContextManager
from typing import Protocol

from shared.store.port.audit import AuditReads, AuditWrites
from shared.store.port.commands import CommandReads, CommandWrites
from shared.store.port.leases import LeaseReads, LeaseWrites
from shared.store.port.ledger import LedgerReads, LedgerWrites
from shared.store.port.listing import ListReads
from shared.store.port.market import MarketReads, MarketWrites
from shared.store.port.outbox import OutboxReads, OutboxWrites
from shared.store.port.params import ParamsReads, ParamsWrites
from shared.store.port.pruning import PruningReads, PruningWrites
from shared.store.port.runtime import RuntimeReads, RuntimeWrites
from shared.store.port.second_factors import SecondFactorReads, SecondFactorWrites
from shared.store.port.tokens import TokenReads, TokenWrites
from shared.store.port.users import UserReads, UserWrites


class Reader(
    MarketReads,
    LedgerReads,
    RuntimeReads,
    OutboxReads,
    LeaseReads,
    AuditReads,
    CommandReads,
    ParamsReads,
    UserReads,
    TokenReads,
    SecondFactorReads,
    ListReads,
    PruningReads,
    Protocol,
):
    """One consistent view of the store."""


class Transaction(
    Reader,
    MarketWrites,
    LedgerWrites,
    RuntimeWrites,
    OutboxWrites,
    LeaseWrites,
    AuditWrites,
    CommandWrites,
    ParamsWrites,
    UserWrites,
    TokenWrites,
    SecondFactorWrites,
    PruningWrites,
    Protocol,
):
    """Reads and writes that happen together or not at all."""


class Store(Protocol):
    """The one place that outlives the process."""

    def reading(self) -> AbstractContextManager[Reader]:
        """Open a consistent view for reading; it never blocks a writer."""
        ...

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that commits at the end of the block and rolls back on any exception.

        After an InfrastructureError it is not known whether a commit that had begun took place: read the cursor again
        before going on.
        """
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...
