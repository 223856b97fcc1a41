"""Operator commands at the executor: each claimed, carried out and told of in one transaction, between two candles."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from services.executor.handlers import Answer, Execution, Operation
from services.executor.service import SERVICE, ExecutorWork
from shared.contracts.commands import CommandStatus, parse_command
from shared.contracts.errors import InputError
from shared.contracts.facts import CandleAssessed, Quote
from shared.runtime.consumer import StreamConsumer
from shared.runtime.crash import CrashPoint, no_crash
from shared.runtime.outgoing import Outgoing
from shared.store.command_rows import CommandRow
from shared.store.port import Store, Transaction
from shared.store.rows import AuditEntry
from shared.store.types import parse_time

CLAIMED: Final = "command.claimed"
STARTED: Final = "command.started"
COMPLETED: Final = "command.completed"
SETTLED: Final = "command.settled"
# Records that tell how far a command came; any other that carries its id is something it did.
_STEPS: Final = frozenset({"command.sent", CLAIMED, STARTED, COMPLETED, SETTLED})
_MOST_AT_ONCE: Final = 100
# Plain SQL may bring texts of any length; so many characters of them are audited.
_SHOWN: Final = 1_000


class Terms(NamedTuple):
    """On whose behalf commands are carried out, by which clock, and whether the broker's account may be touched."""

    holder: str
    clock: Callable[[], float]
    live_trading_enabled: bool


def no_price(_pair: str) -> Quote | None:
    """Know no price but the last closes."""
    return None


class CommandDesk:
    """Carry out what operators ask for, on the account of one executor."""

    def __init__(
        self,
        store: Store,
        consumer: StreamConsumer[CandleAssessed],
        work: ExecutorWork,
        terms: Terms,
        price_of: Callable[[str], Quote | None] = no_price,
        crash: CrashPoint = no_crash,
    ) -> None:
        """Act between two candles of a consumer; `price_of` tells the current price of a pair where one is known."""
        self._store = store
        self._consumer = consumer
        self._work = work
        self._terms = terms
        self._price_of = price_of
        self._crash = crash

    def execute_waiting(self) -> list[CommandRow]:
        """Carry out the commands that wait, oldest first, each in a transaction of its own, and return them as done."""
        with self._store.reading() as reader:
            waiting = len(reader.unfinished_commands(_MOST_AT_ONCE))
        done: list[CommandRow] = []
        for _ in range(waiting):
            finished = self._execute_next()
            if not finished:
                break
            done += finished
        return done

    def _execute_next(self) -> list[CommandRow]:
        finished: list[int] = []

        def act(transaction: Transaction, cursor: int, outgoing: Outgoing) -> None:
            finished.clear()
            # Claim and end are one transaction, so whatever is seen running was left behind by somebody else.
            stuck = [row for row in transaction.unfinished_commands(_MOST_AT_ONCE) if _is_running(row)]
            for left in stuck:
                self._settle(transaction, left)
                finished.append(left.id)
            row = transaction.claim_command(self._terms.holder, self._now())
            if row is not None:
                self._crash(f"{SERVICE}.command_claimed")
                self._execute(transaction, cursor, outgoing, row)
                finished.append(row.id)
                self._crash(f"{SERVICE}.command_done")

        self._consumer.interject(act)
        with self._store.reading() as reader:
            return [row for command_id in finished if (row := reader.command(command_id)) is not None]

    def _execute(self, transaction: Transaction, cursor: int, outgoing: Outgoing, row: CommandRow) -> None:
        now = self._now()
        asked = {"type": row.type[:_SHOWN], "payload": row.payload_json[:_SHOWN], "actor": row.actor}
        transaction.append_audit([_entry(now, row, CLAIMED, {"by": self._terms.holder, **asked})])
        try:
            answer = self._expired(row, now)
            if answer is None:
                command = parse_command(row.type, row.payload_json)
                transaction.append_audit([_entry(now, row, STARTED, {"mode": command.mode, "pair": command.pair})])
                operation = Operation(row, command, cursor, now, self._terms.live_trading_enabled)
                answer = Execution(transaction, outgoing, self._work, self._price_of, operation).answer()
        except InputError as refusal:
            answer = Answer(CommandStatus.FAILED, {"reason": "invalid", "detail": str(refusal)})
        self._finish(transaction, row, answer, COMPLETED)

    def _settle(self, transaction: Transaction, row: CommandRow) -> None:
        """End a command that somebody left running, by what the audit log knows of it; it is never done again."""
        trail = transaction.audit_of_command(row.id)
        ends = [msgspec.json.decode(record.detail_json) for record in trail if record.action == COMPLETED]
        if ends:
            answer = Answer(CommandStatus(ends[-1]["status"]), ends[-1]["result"])
        else:
            done = [record.action for record in trail if record.action not in _STEPS]
            answer = Answer(CommandStatus.FAILED, {"reason": "interrupted", "done": done})
        self._finish(transaction, row, answer, SETTLED)

    def _finish(self, transaction: Transaction, row: CommandRow, answer: Answer, action: str) -> None:
        now = self._now()
        body = msgspec.json.encode(answer.result).decode()
        transaction.finish_command(row.id, answer.status, body, now)
        detail = {"type": row.type[:_SHOWN], "status": answer.status, "result": answer.result}
        transaction.append_audit([_entry(now, row, action, detail)])

    def _expired(self, row: CommandRow, now: int) -> Answer | None:
        if row.expires_ts_utc is None:
            return None
        try:
            expires = parse_time(row.expires_ts_utc)
        except ValueError as fault:
            raise InputError(f"expires_ts_utc {row.expires_ts_utc[:60]!r} is not a time") from fault
        if now <= expires:
            return None
        return Answer(CommandStatus.SKIPPED, {"reason": "expired", "expired": row.expires_ts_utc})

    def _now(self) -> int:
        return int(self._terms.clock())


def _is_running(row: CommandRow) -> bool:
    return row.status == CommandStatus.RUNNING


def _entry(time: int, row: CommandRow, action: str, detail: dict[str, Any]) -> AuditEntry:
    return AuditEntry(time, SERVICE, action, row.id, detail)
