"""The port of the store: messages that were decided together with their effect."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from shared.contracts.envelope import WireMessage
from shared.store.rows.outbox import StagedMessage


class OutboxReads(Protocol):
    """Read messages that wait."""

    def unsent_outbox(self, limit: int, producer: str | None = None, stream: str | None = None) -> list[StagedMessage]:
        """Return messages that were not yet sent, of one producer or stream or of all, in the order of staging.

        Within a transaction nobody else gets them until it ends, and those that another has taken are left out.
        """
        ...

    def outbox_count(self, producer: str | None = None) -> int:
        """Return the number of messages that were not yet sent, of one producer or of all."""
        ...


class OutboxWrites(Protocol):
    """Stage messages, and note what became of them."""

    def stage_outbox(self, rows: Sequence[WireMessage]) -> None:
        """Stage messages for sending; one with a known message id is an InvariantError."""
        ...

    def mark_outbox_sent(self, ids: Iterable[int], time: int) -> None:
        """Note that these messages were confirmed at `time`."""
        ...

    def delete_sent_outbox(self, before: int, limit: int = 1_000, producer: str | None = None) -> int:
        """Delete at most `limit` messages that were sent before a time, the oldest first, and return their number.

        With a producer only its own.
        """
        ...
