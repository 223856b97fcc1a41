"""Messages that wait in the outbox."""

from typing import NamedTuple

from shared.contracts.envelope import WireMessage


class StagedMessage(NamedTuple):
    """A message waiting in the outbox under its row id."""

    id: int
    row: WireMessage
