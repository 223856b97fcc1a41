"""Operator commands at the executor: each claimed, carried out and told of in one transaction, between two candles.

Those that close at the broker take two: in the first they are claimed and begin, in the second they end, once the
broker has answered. What the first left running is resumed by whoever leads then, and never done again.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from services.executor.commands.broker_answers import broker_answer
from services.executor.commands.broker_closes import CloseOrder, Ended
from services.executor.commands.execution import Answer, Operation, Terms, answer_to
from services.executor.work import SERVICE, ExecutorWork
from shared.contracts.commands import CommandStatus, default_expiry_seconds, parse_command
from shared.contracts.errors import InputError
from shared.contracts.times import format_time, parse_time
from shared.runtime.commands import CLAIMED, COMPLETED, SENT, SETTLED, STARTED, age_seconds
from shared.runtime.consumer import StreamConsumer
from shared.runtime.outgoing import Outgoing
from shared.store.port import Store, Transaction
from shared.store.rows.audit import AuditEntry, AuditRow
from shared.store.rows.commands import CommandRow

BROKER_CLOSE_BEGUN: Final = "broker.close_begun"
BROKER_POSITION_CLOSED: Final = "broker.position_closed"
# Records that tell how far a command came; any other that carries its id is something it did.
_STEPS: Final = frozenset({SENT, CLAIMED, STARTED, COMPLETED, SETTLED})
_MOST_AT_ONCE: Final = 100
# Plain SQL may bring texts of any length; so many characters of them are audited.
_SHOWN: Final = 1_000


class _BegunClose(msgspec.Struct):
    tag: str
    pair: str | None
    done: dict[str, Any]


class CommandDesk:
    """Carry out what operators ask for, on the account of one executor."""

    def __init__(self, store: Store, consumer: StreamConsumer[ExecutorWork], terms: Terms) -> None:
        """Act between two candles of a consumer."""
        self._store = store
        self._consumer = consumer
        self._terms = terms
        self._crash = terms.crash

    def execute_waiting(self) -> list[CommandRow]:
        """Carry out the commands that wait, oldest first, each in a transaction, and return those that ended.

        What goes on at the broker ends in a later call; none waits for it.
        """
        finished = [command_id for ended in self._ended() for command_id in self._end(ended)]
        with self._store.reading() as reader:
            waiting = reader.backlog().waiting + sum(map(self._is_left, reader.running_commands()))
        for _ in range(min(waiting, _MOST_AT_ONCE)):
            moved = self._execute_next(finished)
            if not moved:
                break
        if not finished:
            return []
        with self._store.reading() as reader:
            return [row for command_id in finished if (row := reader.command(command_id)) is not None]

    def _execute_next(self, finished: list[int]) -> bool:
        """Settle what was left running, claim the next command and carry it out; return whether there was any."""
        orders: list[CloseOrder] = []
        ends: list[int] = []

        def act(transaction: Transaction, cursor: int, outgoing: Outgoing) -> None:
            # Whatever is seen running, and is not at the broker for us, was left behind by somebody else.
            for left in filter(self._is_left, transaction.running_commands()):
                order = self._settle(transaction, left)
                ends.append(left.id) if order is None else orders.append(order)
            row = transaction.claim_command(self._terms.holder, self._now())
            if row is not None:
                self._crash(f"{SERVICE}.command_claimed")
                order = self._execute(transaction, cursor, outgoing, row)
                ends.append(row.id) if order is None else orders.append(order)
                self._crash(f"{SERVICE}.command_done")

        self._consumer.interject(act)
        finished += ends
        if self._terms.closes is not None:
            for order in orders:
                self._terms.closes.take(order)
        return bool(ends or orders)

    def _ended(self) -> list[Ended]:
        return [] if self._terms.closes is None else self._terms.closes.attend()

    def _end(self, ended: Ended) -> list[int]:
        """Tell what came of a command at the broker and return its number, unless another executor has told it."""
        command_id = ended.order.command_id
        finished: list[int] = []

        def act(transaction: Transaction, _cursor: int, _outgoing: Outgoing) -> None:
            row = transaction.command(command_id)
            if row is None or not _is_running(row):
                return
            answer, now = broker_answer(ended), self._now()
            transaction.append_audit([_entry(now, row, BROKER_POSITION_CLOSED, detail) for detail in answer.closed])
            self._finish(transaction, row, answer, COMPLETED)
            finished.append(command_id)
            self._crash(f"{SERVICE}.broker_close_told")

        self._consumer.interject(act)
        if self._terms.closes is not None:
            self._terms.closes.release(command_id)
        return finished

    def _is_left(self, row: CommandRow) -> bool:
        return self._terms.closes is None or not self._terms.closes.holds(row.id)

    def _execute(self, transaction: Transaction, cursor: int, outgoing: Outgoing, row: CommandRow) -> CloseOrder | None:
        """Carry out a claimed command, and return what is left to do at the broker."""
        now = self._now()
        asked = {"type": row.type[:_SHOWN], "payload": row.payload_json[:_SHOWN], "actor": row.actor[:_SHOWN]}
        transaction.append_audit([_entry(now, row, CLAIMED, {"by": self._terms.holder, **asked})])
        try:
            answer: Answer | CloseOrder | None = self._expired(row, now)
            if answer is None:
                command = parse_command(row.type, row.payload_json)
                transaction.append_audit([_entry(now, row, STARTED, {"mode": command.mode, "pair": command.pair})])
                operation = Operation(
                    transaction=transaction,
                    outgoing=outgoing,
                    work=self._consumer.work,
                    terms=self._terms,
                    row=row,
                    command=command,
                    cursor=cursor,
                    now=now,
                )
                answer = answer_to(operation)
        except InputError as refusal:
            answer = Answer(CommandStatus.FAILED, {"reason": "invalid", "detail": str(refusal)})
        if isinstance(answer, CloseOrder):
            begun = {"tag": answer.tag, "pair": answer.pair, "done": answer.done}
            transaction.append_audit([_entry(now, row, BROKER_CLOSE_BEGUN, begun)])
            return answer
        self._finish(transaction, row, answer, COMPLETED)
        return None

    def _settle(self, transaction: Transaction, row: CommandRow) -> CloseOrder | None:
        """End a command that somebody left running, by what the audit log knows of it; it is never done again.

        One that went on at the broker is returned instead, to be resumed.
        """
        trail = transaction.audit_of_command(row.id)
        ends = [msgspec.json.decode(record.detail_json) for record in trail if record.action == COMPLETED]
        begun = _begun_in(trail)
        if not ends and begun is not None and self._terms.closes is not None:
            return CloseOrder(command_id=row.id, tag=begun.tag, pair=begun.pair, done=begun.done)
        if ends:
            answer = Answer(CommandStatus(ends[-1]["status"]), ends[-1]["result"])
        else:
            done = [record.action for record in trail if record.action not in _STEPS]
            result: dict[str, Any] = {"reason": "interrupted", "done": done}
            if begun is not None:
                result["detail"] = "this run has no account to ask what was closed at the broker: look there"
            answer = Answer(CommandStatus.FAILED, result)
        self._finish(transaction, row, answer, SETTLED)
        return None

    def _finish(self, transaction: Transaction, row: CommandRow, answer: Answer, action: str) -> None:
        now = self._now()
        body = msgspec.json.encode(answer.result).decode()
        transaction.finish_command(row.id, answer.status, body, now)
        detail = {"type": row.type[:_SHOWN], "status": answer.status, "result": answer.result}
        transaction.append_audit([_entry(now, row, action, detail)])

    def _expired(self, row: CommandRow, now: int) -> Answer | None:
        """Return the answer to a command that was taken too late; plain SQL may have left its expiry to its type."""
        usual = default_expiry_seconds(row.type)
        if row.expires_ts_utc is not None:
            expires = _time_in(row, "expires_ts_utc")
        elif usual is not None:
            expires = _time_in(row, "created_ts_utc") + usual
        else:
            return None
        if now <= expires:
            return None
        told = {"reason": "expired", "expired": format_time(expires)}
        return Answer(CommandStatus.SKIPPED, {**told, "age_seconds": int(age_seconds(row.created_ts_utc, now))})

    def _now(self) -> int:
        return int(self._terms.clock())


def _time_in(row: CommandRow, column: str) -> int:
    text = str(getattr(row, column))
    try:
        return parse_time(text)
    except ValueError as fault:
        raise InputError(f"{column} {text[:60]!r} is not a time") from fault


def _is_running(row: CommandRow) -> bool:
    return row.status == CommandStatus.RUNNING


def _begun_in(trail: Sequence[AuditRow]) -> _BegunClose | None:
    begun = [record.detail_json for record in trail if record.action == BROKER_CLOSE_BEGUN]
    return msgspec.json.decode(begun[-1], type=_BegunClose) if begun else None


def _entry(time: int, row: CommandRow, action: str, detail: dict[str, Any]) -> AuditEntry:
    return AuditEntry(time=time, actor=SERVICE, action=action, command_id=row.id, detail=detail)
