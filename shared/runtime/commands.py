"""Sending commands: how the command line and the API put what an operator asks for into the store."""

from typing import Any, Final, NamedTuple

import msgspec

from shared.contracts.commands import (
    EVERY_PAIR,
    KEY,
    KEY_SECONDS,
    LONGEST_ACTOR_CHARACTERS,
    LONGEST_EXPIRY_SECONDS,
    LONGEST_KEY_CHARACTERS,
    SWITCHES_OFF,
    UNFINISHED,
    Command,
    CommandType,
    canonical_payload,
    default_expiry_seconds,
)
from shared.contracts.errors import InputError
from shared.contracts.times import parse_time
from shared.contracts.vocabulary import HoldKind
from shared.store.port import Reader, Transaction
from shared.store.rows.audit import AuditEntry
from shared.store.rows.commands import CommandRow, NewCommand

# Audit records: how far a command came, and what it changed.
SENT: Final = "command.sent"
CLAIMED: Final = "command.claimed"
STARTED: Final = "command.started"
COMPLETED: Final = "command.completed"
SETTLED: Final = "command.settled"
HOLD_SET: Final = "hold.set"
HOLD_ENDED: Final = "hold.ended"


class KeyTakenError(InputError):
    """An idempotency key belongs to another command than the one that was sent with it; send it with a new one."""


class Sent(NamedTuple):
    """A command as it is stored, and whether it is new: for a day the same key returns the same command.

    A pause or kill switch that was carried out and is not in force any more is sent anew, whatever its key.
    """

    row: CommandRow
    is_new: bool


def send_command(transaction: Transaction, command: Command, new: NewCommand) -> Sent:
    """Add a command and its audit record, or return the one that was sent with the same key before.

    `command` is what `new` asks for; without an expiry it gets that of its type. Raises InputError for an actor, key or
    expiry that cannot be, and KeyTakenError where the key belongs to a command with another payload or another expiry.
    """
    usual = default_expiry_seconds(command.type)
    if new.expires_time is None and usual is not None:
        new = new._replace(expires_time=new.created_time + usual)
    if new.expires_time is not None and new.expires_time - new.created_time > LONGEST_EXPIRY_SECONDS:
        raise InputError(f"a command must expire within {LONGEST_EXPIRY_SECONDS} seconds")
    _check_length("actor", new.actor, LONGEST_ACTOR_CHARACTERS)
    if new.idempotency_key is not None:
        _check_key(new.idempotency_key)
    row, is_new = transaction.add_command(new)
    if not is_new and _is_used_up(transaction, row, command, new):
        transaction.release_key(row.id)
        row, is_new = transaction.add_command(new)
    if not is_new and not (_same(row.payload_json, new.payload_json) and _lasts_as_long(row, new)):
        raise KeyTakenError(
            f"the idempotency key '{new.idempotency_key}' belongs to command {row.id}, a {row.type} with another "
            "payload or expiry; use a new key"
        )
    if is_new:
        detail = {"type": command.type, "mode": command.mode, "pair": command.pair, "key": new.idempotency_key}
        if command.reason is not None:
            detail["reason"] = command.reason
        transaction.append_audit(
            [AuditEntry(time=new.created_time, actor=new.actor, action=SENT, command_id=row.id, detail=detail)]
        )
    return Sent(row, is_new)


def _is_used_up(reader: Reader, row: CommandRow, command: Command, new: NewCommand) -> bool:
    """Tell whether a key no longer stands for the command that was sent with it first."""
    if row.status in UNFINISHED:
        return False
    if age_seconds(row.created_ts_utc, new.created_time) > KEY_SECONDS:
        return True
    if command.type not in SWITCHES_OFF or not _same(row.payload_json, new.payload_json):
        return False
    kind = HoldKind.KILL_SWITCH if command.type is CommandType.KILL_SWITCH_ON else HoldKind.PAUSE
    return (command.pair or EVERY_PAIR, kind) not in {(hold.scope, hold.kind) for hold in reader.holds()}


def command_fields(row: CommandRow) -> dict[str, Any]:
    """Return a command as named values, its payload as it is stored and its result decoded."""
    result = row.result_json
    try:
        return {**row._asdict(), "result_json": None if result is None else msgspec.json.decode(result)}
    except msgspec.DecodeError:
        # Plain SQL may have put anything there.
        return row._asdict()


def age_seconds(created_ts_utc: str, now: float) -> float:
    """Return how long ago a command was sent, as its row says; 0 where plain SQL wrote no time that can be read."""
    try:
        return max(0.0, round(now - parse_time(created_ts_utc), 3))
    except ValueError:
        return 0.0


def _same(stored: str, sent: str) -> bool:
    try:
        return canonical_payload(stored) == canonical_payload(sent)
    except InputError:
        # Plain SQL may have put anything there.
        return False


def _lasts_as_long(row: CommandRow, new: NewCommand) -> bool:
    """Return whether both may wait for as long: sent again later, a command expires later."""
    if row.expires_ts_utc is None or new.expires_time is None:
        return row.expires_ts_utc is None and new.expires_time is None
    try:
        seconds = parse_time(row.expires_ts_utc) - parse_time(row.created_ts_utc)
    except ValueError:
        return False
    return seconds == new.expires_time - new.created_time


def _check_key(key: str) -> None:
    if len(key) > LONGEST_KEY_CHARACTERS or not KEY.fullmatch(key):
        allowed = f"only A-Z, a-z, 0-9, '.', '_', ':' and '-', 1 to {LONGEST_KEY_CHARACTERS} of them"
        raise InputError(f"the idempotency key may hold {allowed}")


def _check_length(what: str, text: str, longest: int) -> None:
    if not text.strip() or len(text) > longest or not text.isprintable():
        raise InputError(f"the {what} must be 1 to {longest} printable characters")
