"""Versions of the parameters in the store: saved by a person, put into force by the executor, kept for ever."""

from collections.abc import Sequence

from sqlalchemy import func, select, update

from shared.contracts.errors import InvariantError
from shared.contracts.times import format_time
from shared.store.postgresql import SETTING_TURN
from shared.store.rows.listing import Listed, Span
from shared.store.rows.params import NewParams, ParamsRow
from shared.store.sql.session import Session, cut, picked
from shared.store.tables.params import STRATEGY_PARAMS

_COLUMNS = STRATEGY_PARAMS.c
# One character more than is allowed, so that a text that went past the constraints makes no sense.
_MOST_CHARACTERS = {"section": 101, "body_json": 1_000_001, "hash": 101, "actor": 201}
_PARAMS = cut(
    picked(STRATEGY_PARAMS, ParamsRow._fields, created_time="created_ts_utc", activated_time="activated_ts_utc"),
    _MOST_CHARACTERS,
)


class ParamsSession(Session):
    """Read, save and activate versions of the parameters."""

    def active_params_version(self) -> int:
        """Ask for the highest version that has a time of activation."""
        query = select(func.max(_COLUMNS.version)).where(_COLUMNS.activated_ts_utc.is_not(None))
        return self._connection.execute(query).scalar() or 0

    def newest_params(self, not_above: int | None = None) -> list[ParamsRow]:
        """Group by section for the highest version, and read those rows, in one statement."""
        newest = select(func.max(_COLUMNS.version)).group_by(_COLUMNS.section)
        if not_above is not None:
            newest = newest.where(_COLUMNS.version <= not_above)
        query = _PARAMS.where(_COLUMNS.version.in_(newest)).order_by(_COLUMNS.version)
        return [ParamsRow._make(row) for row in self._connection.execute(query)]

    def list_params(self, sections: Sequence[str], span: Span) -> list[Listed[ParamsRow]]:
        """Walk the primary key downwards; sections and times are filtered on the way."""
        query = _PARAMS.where(_COLUMNS.section.in_(sections))
        if span.start is not None:
            query = query.where(_COLUMNS.created_ts_utc >= span.start)
        if span.end is not None:
            query = query.where(_COLUMNS.created_ts_utc < span.end)
        if span.before is not None:
            query = query.where(_COLUMNS.version < span.before[1])
        rows = self._connection.execute(query.order_by(_COLUMNS.version.desc()).limit(span.limit))
        return [Listed(row.created_ts_utc, row.version, ParamsRow._make(row)) for row in rows]

    def add_params(self, new: NewParams) -> ParamsRow:
        """Take the settings' turn, then insert above the highest version."""
        self._take_turns(SETTING_TURN)
        latest = self._connection.execute(select(func.max(_COLUMNS.version))).scalar() or 0
        row = ParamsRow(version=latest + 1, **new._asdict())
        times = {"created_ts_utc": format_time(row.created_time), "activated_ts_utc": None}
        self._add(STRATEGY_PARAMS, [{**row._asdict(), **times}])
        return row

    def activate_params(self, version: int, time: int, command_id: int) -> None:
        """Update all in one statement, and judge by the number of rows updated."""
        waiting = (_COLUMNS.version <= version, _COLUMNS.activated_ts_utc.is_(None))
        change = update(STRATEGY_PARAMS).where(*waiting)
        change = change.values(activated_ts_utc=time, activated_command_id=command_id)
        if self._connection.execute(change).rowcount < 1:
            raise InvariantError(f"version {version} of the parameters is in force already, or there is none")
