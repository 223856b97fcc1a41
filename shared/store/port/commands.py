"""The store's port for what operators ask for: commands, holds, and the audit trail of a command."""

from collections.abc import Sequence
from typing import Protocol

from shared.store.rows.audit import AuditRow
from shared.store.rows.commands import Backlog, CommandFilter, CommandRow, HoldRow, NewCommand
from shared.store.rows.listing import Listed, Span


class CommandReads(Protocol):
    """Read commands and holds."""

    def command(self, command_id: int) -> CommandRow | None:
        """Return one command."""
        ...

    def running_commands(self) -> list[CommandRow]:
        """Return commands that were claimed and have not ended, oldest first."""
        ...

    def backlog(self) -> Backlog:
        """Return how many commands wait, and since when."""
        ...

    def lately_sent(self, user: str, after: int, until: int) -> list[tuple[str, str]]:
        """Return type and time of the commands that a user or one of its tokens sent in a span, oldest first.

        Looked at are the thousand newest commands.
        """
        ...

    def list_commands(self, span: Span, wanted: CommandFilter) -> list[Listed[CommandRow]]:
        """Return commands by their number, newest first; the times of the span are those at which they were sent.

        A row of plain SQL whose time cannot be read is in no span that begins or ends.
        """
        ...

    def audit_of_command(self, command_id: int) -> list[AuditRow]:
        """Return the audit records of a command in order."""
        ...

    def holds(self) -> list[HoldRow]:
        """Return the holds in force, by scope and kind."""
        ...

    def all_holds(self) -> list[HoldRow]:
        """Return every hold that ever was, in order."""
        ...


class CommandWrites(Protocol):
    """Add, claim and finish commands; begin and end holds."""

    def add_command(self, new: NewCommand) -> tuple[CommandRow, bool]:
        """Add a command and return it with True, or the known one of the same type and key with False."""
        ...

    def release_key(self, command_id: int) -> None:
        """Take its idempotency key from a command, so that another one of its type may have it."""
        ...

    def claim_command(self, claimed_by: str, time: int) -> CommandRow | None:
        """Take the oldest command that waits and return it as running; nobody else gets it until we commit."""
        ...

    def finish_command(self, command_id: int, status: str, result_json: str, time: int) -> None:
        """Give a running command its final status; one that is not running is an InvariantError."""
        ...

    def skip_commands(self, result_json: str, time: int) -> list[CommandRow]:
        """Give every command that waits the status SKIPPED with a result, and return them, oldest first."""
        ...

    def begin_hold(self, row: HoldRow) -> None:
        """Add a hold; one of the same scope and kind that is in force is an InvariantError."""
        ...

    def end_holds(self, holds: Sequence[HoldRow], time: int, seq: int, actor: str, command_id: int | None) -> None:
        """End holds that are in force with the candle at `seq`; one that is not is an InvariantError."""
        ...
