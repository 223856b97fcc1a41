"""A database that is not the one that its anchors saw, as after a restore: no entries until somebody accepts it.

What was done after the copy was made is gone: a kill switch that was pulled is off again, sessions that were ended are
alive, and commands that were carried out wait again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from services.executor.commands.execution import hold_fields
from services.executor.metrics import tell_hold_outside
from services.executor.work import SERVICE
from shared.anchors.anchoring import anchored
from shared.anchors.fitting import misfit, set_aside
from shared.anchors.places import KnownAnchors, known_anchors
from shared.contracts.commands import EVERY_PAIR
from shared.contracts.errors import InputError
from shared.contracts.vocabulary import HoldKind
from shared.runtime.commands import COMPLETED, HOLD_ENDED, HOLD_SET
from shared.runtime.consumer import no_fence
from shared.runtime.process import Process
from shared.runtime.streams import ALL_ASSESSED
from shared.settings.environment import RuntimeSettings
from shared.store.port import Store, Transaction
from shared.store.rows.audit import AuditEntry
from shared.store.rows.commands import HoldRow

# Audit records: what was found and ended before trading, and that a person took the database as it is.
RESTORE_FOUND: Final = "restore.found"
RESTORE_ACCEPTED: Final = "restore.accepted"
# In whose name entries are held.
SYSTEM: Final = "system"
_SKIPPED: Final = {"reason": "restored", "detail": "it waited in a database that was restored; send it again"}


class _Found(NamedTuple):
    """Why a database is not the one that its anchors saw, and the holds in force for such a reason, now or before."""

    why: str
    held: list[HoldRow]


class Accepted(NamedTuple):
    """What accepting a restored database did."""

    why: str
    anchors_kept_as: Path | None
    commands_skipped: int
    sessions_ended: int
    tokens_ended: int
    kill_switch_was_on: bool


def hold_where_restored(
    process: Process,
    store: Store,
    runtime: RuntimeSettings,
    store_url: str,
    fence: Callable[[Transaction], None] = no_fence,
) -> None:
    """Hold all entries where a database is not the one that its anchors saw.

    To be called before anything is traded, and whenever an anchor does not fit.

    Anchors beside an SQLite file in which nothing was ever recorded are those of a file that was deleted: they are set
    aside. Raises InfrastructureError where the database is away.
    """
    known, now = known_anchors(runtime, store_url), int(process.clock())
    try:
        if runtime.audit_anchor_path is None and known.path is not None and _is_anothers(store, known):
            if (aside := set_aside(known.path, now)) is not None:
                process.log.warning("the anchors of another database were set aside", file=str(aside))
            return
        found = _found(store, known, now, fence)
    except OSError as fault:
        # An anchor cannot be written there either, which is told again and again.
        process.log.error("database not compared with its anchors", reason=str(fault), file=str(known.path))
        return
    if found.why:
        process.log.error("database restored", reason=found.why, file=str(known.path))
    for hold in found.held:
        tell_hold_outside(process, hold, True)


@contextmanager
def proven(
    process: Process, store: Store, runtime: RuntimeSettings, store_url: str, fence: Callable[[Transaction], None]
) -> Iterator[None]:
    """Anchor the audit log while the block lasts; hold entries where it is not the one that its anchors saw.

    That is asked at the start and again with every anchor. Raises InputError where a key is missing or cannot be used.
    """
    hold = partial(hold_where_restored, process, store, runtime, store_url, fence)
    hold()
    with anchored(process, store, runtime, store_url, misfits=hold):
        yield


def accept_restored(store: Store, known: KnownAnchors, actor: str, now: int) -> Accepted:
    """Take a restored database as it is: new anchors begin, and the kill switch holds entries until it is released.

    Raises InputError where there is nothing to accept, or where the anchors cannot be set aside.
    """
    try:
        # First on its own: should we be ended between two steps, entries are still held.
        why, held = _found(store, known, now, no_fence)
        if not held:
            raise InputError("there is nothing to accept: the database is the one that its anchors saw")
        with store.transaction() as transaction:
            return _accept(transaction, known.path if why else None, why, actor, now)
    except OSError as fault:
        raise InputError(
            f"the anchors {known.path} cannot be read or renamed ({fault.strerror}); accept the database as whoever "
            "writes them"
        ) from fault


def _accept(transaction: Transaction, anchors: Path | None, why: str, actor: str, now: int) -> Accepted:
    # Whoever trades waits here: each candle is traded under the one hold or under the other.
    cursor = transaction.cursor(SERVICE, ALL_ASSESSED)
    holds = transaction.holds()
    ended = [hold for hold in holds if hold.kind == HoldKind.RESTORED]
    transaction.end_holds(ended, now, cursor, actor, None)
    entries: list[tuple[str, dict[str, Any]]] = [(HOLD_ENDED, hold_fields(hold)) for hold in ended]
    is_on = any(hold.kind == HoldKind.KILL_SWITCH for hold in holds)
    if not is_on:
        entries.append((HOLD_SET, hold_fields(_begun(transaction, HoldKind.KILL_SWITCH, actor, now, cursor))))
    ended_too = _end_what_is_of_the_past(transaction, now)
    kept_as = None if anchors is None else set_aside(anchors, now)
    accepted = Accepted(why=why, anchors_kept_as=kept_as, kill_switch_was_on=is_on, **ended_too)
    entries.append(
        (RESTORE_ACCEPTED, {**accepted._asdict(), "anchors_kept_as": None if kept_as is None else str(kept_as)})
    )
    transaction.append_audit([_entry(now, actor, action, detail) for action, detail in entries])
    return accepted


def _is_anothers(store: Store, known: KnownAnchors) -> bool:
    with store.reading() as reader:
        return reader.newest_audit_id() == 0 and misfit(reader, known) != ""


def _found(store: Store, known: KnownAnchors, now: int, fence: Callable[[Transaction], None]) -> _Found:
    """Compare, and begin a hold where there is a reason and none yet."""
    with store.transaction() as transaction:
        fence(transaction)
        why = misfit(transaction, known)
        held = [hold for hold in transaction.holds() if hold.kind == HoldKind.RESTORED]
        if why and not held:
            cursor = transaction.cursor(SERVICE, ALL_ASSESSED)
            held = [_begun(transaction, HoldKind.RESTORED, SYSTEM, now, cursor)]
            detail = {"why": why, **_end_what_is_of_the_past(transaction, now)}
            entries: list[tuple[str, dict[str, Any]]] = [(RESTORE_FOUND, detail), (HOLD_SET, hold_fields(held[0]))]
            transaction.append_audit([_entry(now, SYSTEM, action, detail) for action, detail in entries])
        return _Found(why, held)


def _begun(transaction: Transaction, kind: HoldKind, actor: str, now: int, cursor: int) -> HoldRow:
    hold = HoldRow(scope=EVERY_PAIR, kind=kind, actor=actor, since_time=now, since_seq=cursor, command_id=None)
    transaction.begin_hold(hold)
    return hold


def _end_what_is_of_the_past(transaction: Transaction, now: int) -> dict[str, int]:
    """Skip the commands that wait, end all sessions and tokens, and return how many those were."""
    skipped = transaction.skip_commands(msgspec.json.encode(_SKIPPED).decode(), now)
    transaction.append_audit(
        [
            _entry(now, SYSTEM, COMPLETED, {"type": row.type, "status": row.status, "result": _SKIPPED}, row.id)
            for row in skipped
        ]
    )
    return {
        "commands_skipped": len(skipped),
        "sessions_ended": transaction.revoke_all_sessions(),
        "tokens_ended": transaction.revoke_all_tokens(),
    }


def _entry(now: int, actor: str, action: str, detail: dict[str, Any], command_id: int | None = None) -> AuditEntry:
    return AuditEntry(time=now, actor=actor, action=action, command_id=command_id, detail=detail)
