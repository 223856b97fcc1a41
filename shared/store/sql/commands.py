"""Commands and holds in the store: what operators asked for, claimed by one executor alone."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, func, literal, or_, select, text, update

from shared.contracts.commands import (
    LONGEST_ACTOR_CHARACTERS,
    LONGEST_HOLDER_CHARACTERS,
    LONGEST_KEY_CHARACTERS,
    LONGEST_PAYLOAD_CHARACTERS,
    LONGEST_RESULT_CHARACTERS,
    LONGEST_TYPE_CHARACTERS,
    CommandStatus,
)
from shared.contracts.errors import InvariantError
from shared.contracts.times import format_time
from shared.store.rows.audit import AuditRow
from shared.store.rows.commands import Backlog, CommandFilter, CommandRow, HoldRow, NewCommand
from shared.store.rows.listing import Listed, Span
from shared.store.sql.session import Session, cut, picked
from shared.store.tables.audit import AUDIT_LOG
from shared.store.tables.commands import COMMANDS, HOLDS, IN_FORCE, WAITS_OR_RUNS

# Written out, so that the database sees that it may use the index of the few rows that are not finished.
_WAITS_OR_RUNS: Final = text(WAITS_OR_RUNS)
_IN_FORCE: Final = text(IN_FORCE)
_HOLD: Final = picked(HOLDS, HoldRow._fields, since_time="since_ts_utc", ended_time="ended_ts_utc")
# Of a payload one character more is read, so that it is seen to be too long.
_MOST_CHARACTERS: Final = {
    "actor": LONGEST_ACTOR_CHARACTERS,
    "type": LONGEST_TYPE_CHARACTERS,
    "payload_json": LONGEST_PAYLOAD_CHARACTERS + 1,
    "idempotency_key": LONGEST_KEY_CHARACTERS,
    "result_json": LONGEST_RESULT_CHARACTERS,
    "claimed_by": LONGEST_HOLDER_CHARACTERS,
}
# So many of the newest commands are looked through for those of a user: more than any may send in a minute.
_LATELY: Final = 1_000
_COMMAND: Final = cut(picked(COMMANDS, CommandRow._fields), _MOST_CHARACTERS)


class CommandSession(Session):
    """Read and write commands and holds."""

    def command(self, command_id: int) -> CommandRow | None:
        """Look the id up in the primary key; bytes that plain SQL left behind are read as text."""
        row = self._connection.execute(_COMMAND.where(COMMANDS.c.id == command_id)).first()
        return None if row is None else _command_row(row)

    def running_commands(self) -> list[CommandRow]:
        """Read the partial index of what is unfinished, and keep what is claimed."""
        runs = (_WAITS_OR_RUNS, COMMANDS.c.status == CommandStatus.RUNNING.value)
        query = _COMMAND.where(*runs).order_by(COMMANDS.c.id)
        return [_command_row(row) for row in self._connection.execute(query)]

    def backlog(self) -> Backlog:
        """Count with a window beside the first waiting row, in one statement over the partial index."""
        waits = (_WAITS_OR_RUNS, COMMANDS.c.status == CommandStatus.PENDING.value)
        query = select(COMMANDS.c.created_ts_utc, func.count().over()).where(*waits).order_by(COMMANDS.c.id).limit(1)
        oldest = self._connection.execute(query).first()
        return Backlog(0, None) if oldest is None else Backlog(oldest[1], _text(oldest[0]))

    def lately_sent(self, user: str, after: int, until: int) -> list[tuple[str, str]]:
        """Walk the end of the primary key."""
        columns = COMMANDS.c
        newest = select(func.coalesce(func.max(columns.id), 0) - _LATELY).scalar_subquery()
        own = or_(columns.actor == user, columns.actor.startswith(f"{user}/", autoescape=True))
        query = select(columns.type, columns.created_ts_utc).where(columns.id > newest, own).order_by(columns.id)
        query = query.where(self._sent_at() > self._moment(after), self._sent_at() <= self._moment(until))
        return [(row.type, row.created_ts_utc) for row in self._connection.execute(query)]

    def list_commands(self, span: Span, wanted: CommandFilter) -> list[Listed[CommandRow]]:
        """Walk the primary key downwards; type, status and times are filtered on the way."""
        columns = COMMANDS.c
        query = _COMMAND.order_by(columns.id.desc()).limit(span.limit)
        if span.before is not None:
            query = query.where(columns.id < span.before[1])
        if wanted.type is not None:
            query = query.where(columns.type == wanted.type)
        if wanted.status is not None:
            query = query.where(columns.status == wanted.status)
        if span.start is not None:
            query = query.where(self._sent_at() >= self._moment(span.start))
        if span.end is not None:
            query = query.where(self._sent_at() < self._moment(span.end))
        return [Listed(0, row.id, _command_row(row)) for row in self._connection.execute(query)]

    def _sent_at(self) -> ColumnElement[Any]:
        column = COMMANDS.c.created_ts_utc
        # SQLite keeps what somebody wrote; its own function reads times in every form that it knows.
        return func.datetime(column) if self._keeps_text else column

    def _moment(self, seconds: int) -> ColumnElement[Any]:
        time = literal(seconds, COMMANDS.c.created_ts_utc.type)
        return func.datetime(time) if self._keeps_text else time

    @property
    def _keeps_text(self) -> bool:
        return self._connection.dialect.name == "sqlite"

    def audit_of_command(self, command_id: int) -> list[AuditRow]:
        """Use the partial index of records that have a command, in the order of their ids."""
        query = picked(AUDIT_LOG, AuditRow._fields).where(AUDIT_LOG.c.command_id == command_id).order_by(AUDIT_LOG.c.id)
        return [AuditRow._make(row) for row in self._connection.execute(query)]

    def holds(self) -> list[HoldRow]:
        """Read the partial unique index of what is in force, which has this order."""
        query = _HOLD.where(_IN_FORCE).order_by(HOLDS.c.scope, HOLDS.c.kind)
        return [HoldRow._make(row) for row in self._connection.execute(query)]

    def all_holds(self) -> list[HoldRow]:
        """Read the whole table by row id."""
        return [HoldRow._make(row) for row in self._connection.execute(_HOLD.order_by(HOLDS.c.id))]

    def add_command(self, new: NewCommand) -> tuple[CommandRow, bool]:
        """Insert or do nothing, in which case a second statement reads the row that was in the way."""
        values = {
            "created_ts_utc": new.created_time,
            "actor": new.actor,
            "type": new.type,
            "payload_json": new.payload_json,
            "status": CommandStatus.PENDING.value,
            "idempotency_key": new.idempotency_key,
            "expires_ts_utc": new.expires_time,
        }
        insert = self._insert(COMMANDS).values(values).on_conflict_do_nothing()
        added = self._connection.execute(insert.returning(*_COMMAND.selected_columns)).first()
        if added is not None:
            return _command_row(added), True
        same = (COMMANDS.c.type == new.type, COMMANDS.c.idempotency_key == new.idempotency_key)
        return _command_row(self._connection.execute(_COMMAND.where(*same)).one()), False

    def release_key(self, command_id: int) -> None:
        """Set it to NULL by primary key; the audit log has it still."""
        self._connection.execute(update(COMMANDS).where(COMMANDS.c.id == command_id).values(idempotency_key=None))

    def claim_command(self, claimed_by: str, time: int) -> CommandRow | None:
        """Choose and update in two statements; PostgreSQL locks the row and skips locked ones."""
        waits = COMMANDS.c.status == CommandStatus.PENDING.value
        query = select(COMMANDS.c.id).where(_WAITS_OR_RUNS, waits).order_by(COMMANDS.c.id).limit(1)
        if self._locks:
            query = query.with_for_update(skip_locked=True)
        oldest = self._connection.execute(query).scalar()
        if oldest is None:
            return None
        claim = update(COMMANDS).where(COMMANDS.c.id == oldest, waits)
        claim = claim.values(status=CommandStatus.RUNNING.value, claimed_by=claimed_by, started_ts_utc=time)
        return _command_row(self._connection.execute(claim.returning(*_COMMAND.selected_columns)).one())

    def finish_command(self, command_id: int, status: str, result_json: str, time: int) -> None:
        """Update where the row still runs, and judge by the number of rows updated."""
        running = (COMMANDS.c.id == command_id, COMMANDS.c.status == CommandStatus.RUNNING.value)
        end = update(COMMANDS).where(*running).values(status=status, result_json=result_json, finished_ts_utc=time)
        if self._connection.execute(end).rowcount != 1:
            raise InvariantError(f"command {command_id} cannot be finished: it is not running")

    def skip_commands(self, result_json: str, time: int) -> list[CommandRow]:
        """Update by the partial index of what is unfinished, in one statement."""
        waiting = (_WAITS_OR_RUNS, COMMANDS.c.status == CommandStatus.PENDING.value)
        skip = update(COMMANDS).where(*waiting)
        skip = skip.values(status=CommandStatus.SKIPPED.value, result_json=result_json, finished_ts_utc=time)
        skipped = self._connection.execute(skip.returning(*_COMMAND.selected_columns))
        return sorted(_command_row(row) for row in skipped)

    def begin_hold(self, row: HoldRow) -> None:
        """Insert one row; the partial unique index guards what is in force."""
        ended = None if row.ended_time is None else format_time(row.ended_time)
        times = {"since_ts_utc": format_time(row.since_time), "ended_ts_utc": ended}
        self._add(HOLDS, [{**row._asdict(), **times}])

    def end_holds(self, holds: Sequence[HoldRow], time: int, seq: int, actor: str, command_id: int | None) -> None:
        """Update hold by hold, judging each by the number of rows updated."""
        for hold in holds:
            this = (HOLDS.c.scope == hold.scope, HOLDS.c.kind == hold.kind, _IN_FORCE)
            end = update(HOLDS).where(*this)
            end = end.values(ended_ts_utc=time, ended_seq=seq, ended_by=actor, ended_command_id=command_id)
            if self._connection.execute(end).rowcount != 1:
                raise InvariantError(f"the {hold.kind} of {hold.scope} cannot be ended: it is not in force")


def _command_row(row: Row[Any]) -> CommandRow:
    # Plain SQL may have put bytes where text belongs.
    texts: dict[str, Any] = {name: _text(value) for name, value in row._mapping.items() if name != "id"}
    return CommandRow(id=row.id, **texts)


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return None if value is None else str(value)
