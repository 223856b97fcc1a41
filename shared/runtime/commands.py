"""Sending commands: how the command line and the API put what an operator asks for into the store."""

from typing import Final, NamedTuple

from shared.contracts.commands import canonical_payload, parse_command
from shared.contracts.errors import InputError
from shared.store.command_rows import CommandRow, NewCommand
from shared.store.port import Transaction
from shared.store.rows import AuditEntry

SENT: Final = "command.sent"
_LONGEST_KEY: Final = 200
_LONGEST_ACTOR: Final = 200


class Sent(NamedTuple):
    """A command as it is stored, and whether it is new: the same key returns the same command."""

    row: CommandRow
    is_new: bool


def send_command(transaction: Transaction, new: NewCommand) -> Sent:
    """Add a command and its audit record, or return the one that was sent with the same key before.

    Raises InputError where the command makes no sense, or where its key belongs to one with another payload.
    """
    command = parse_command(new.type, new.payload_json)
    _check_length("actor", new.actor, _LONGEST_ACTOR)
    if new.idempotency_key is not None:
        _check_length("idempotency key", new.idempotency_key, _LONGEST_KEY)
    row, is_new = transaction.add_command(new)
    if not is_new and not _same(row.payload_json, new.payload_json):
        raise InputError(
            f"the idempotency key '{new.idempotency_key}' belongs to command {row.id}, a {row.type} with another "
            "payload; use a new key"
        )
    if is_new:
        detail = {"type": command.type, "mode": command.mode, "pair": command.pair, "key": new.idempotency_key}
        transaction.append_audit([AuditEntry(new.created_time, new.actor, SENT, row.id, detail)])
    return Sent(row, is_new)


def _same(stored: str, sent: str) -> bool:
    try:
        return canonical_payload(stored) == canonical_payload(sent)
    except InputError:
        # Plain SQL may have put anything there.
        return False


def _check_length(what: str, text: str, longest: int) -> None:
    if not text.strip() or len(text) > longest or not text.isprintable():
        raise InputError(f"the {what} must be 1 to {longest} printable characters")
