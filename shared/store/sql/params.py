"""Versions of the parameters in the store: saved by a person, put into force by the executor, kept for ever."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, func, select, update

from shared.contracts.errors import InvariantError
from shared.contracts.times import format_time
from shared.store.postgresql import SETTING_TURN
from shared.store.rows.listing import Listed, Span
from shared.store.rows.params import NewParams, ParamsRow
from shared.store.sql.session import Session
from shared.store.tables.params import STRATEGY_PARAMS

_COLUMNS = STRATEGY_PARAMS.c


class ParamsSession(Session):
    """Read, save and activate versions of the parameters."""

    def active_params_version(self) -> int:
        """Return the newest version in force, 0 while the run goes by what it was begun with."""
        query = select(func.max(_COLUMNS.version)).where(_COLUMNS.activated_ts_utc.is_not(None))
        return self._connection.execute(query).scalar() or 0

    def params_at(self, version: int) -> list[ParamsRow]:
        """Return the newest row of every section that is not newer than a version, in order."""
        return self._newest(select(func.max(_COLUMNS.version)).where(_COLUMNS.version <= version))

    def newest_params(self) -> list[ParamsRow]:
        """Return the newest row of every section, in force or not, in order of their versions."""
        return self._newest(select(func.max(_COLUMNS.version)))

    def list_params(self, sections: Sequence[str], span: Span) -> list[Listed[ParamsRow]]:
        """Return versions of some sections, newest first."""
        query = select(STRATEGY_PARAMS).where(_COLUMNS.section.in_(sections))
        if span.start is not None:
            query = query.where(_COLUMNS.created_ts_utc >= span.start)
        if span.end is not None:
            query = query.where(_COLUMNS.created_ts_utc < span.end)
        if span.before is not None:
            query = query.where(_COLUMNS.version < span.before[1])
        rows = self._connection.execute(query.order_by(_COLUMNS.version.desc()).limit(span.limit))
        return [Listed(row.created_ts_utc, row.version, _params_row(row)) for row in rows]

    def add_params(self, new: NewParams) -> ParamsRow:
        """Save a section as the next version and return it; it is not in force yet."""
        self._take_turns(SETTING_TURN)
        latest = self._connection.execute(select(func.max(_COLUMNS.version))).scalar() or 0
        row = ParamsRow(latest + 1, *new)
        self._add(STRATEGY_PARAMS, [(*row[:5], format_time(row.created_time), None, None)])
        return row

    def activate_params(self, version: int, time: int, command_id: int) -> None:
        """Put every version up to one into force that is not yet; that there is none is an InvariantError."""
        waiting = (_COLUMNS.version <= version, _COLUMNS.activated_ts_utc.is_(None))
        change = update(STRATEGY_PARAMS).where(*waiting)
        change = change.values(activated_ts_utc=time, activated_command_id=command_id)
        if self._connection.execute(change).rowcount < 1:
            raise InvariantError(f"version {version} of the parameters is in force already, or there is none")

    def _newest(self, versions: Select[Any]) -> list[ParamsRow]:
        newest = versions.group_by(_COLUMNS.section)
        query = select(STRATEGY_PARAMS).where(_COLUMNS.version.in_(newest)).order_by(_COLUMNS.version)
        return [_params_row(row) for row in self._connection.execute(query)]


def _params_row(row: Row[Any]) -> ParamsRow:
    return ParamsRow(*tuple(row))
