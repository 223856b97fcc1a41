"""Judged candles are kept in columns; what is alike in very many rows is written once, and referred to."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

from shared.contracts.errors import InvariantError
from shared.contracts.granularity import SECONDS_BY_NAME
from shared.contracts.times import format_day
from shared.core.types import MARKET_STATE_NAMES, REASON_NAMES, SIDE_NAMES, Side
from shared.store.postgresql import copy_statement
from shared.store.tables.metadata import Identity, identity, optional, required
from shared.store.types import ExactDecimal, Granularity, TradingDay, UtcTime
from shared.store.views import VIEWS

revision: Final = "0016"
down_revision: Final = "0015"
branch_labels: Final = None
depends_on: Final = None

_CHUNK: Final = 2_000
_PRICES: Final = tuple(f"{side}_{part}" for side in ("bid", "ask") for part in ("open", "high", "low", "close"))
_GATES: Final = ("session", "spread", "news", "open_position", "daily_loss", "market_state", "signal")
_OF_MARKET: Final = ("session", "spread", "news", "market_state")
_FIGURES: Final = ("atr", "atr_median", "adx")
_READINGS: Final = tuple(f"reading_{place}" for place in range(1, 7))
_CIRCUMSTANCES: Final = ("stream", "pair", "granularity", "strategy", "params_hash", "params_version")
_LIMITS: Final = tuple(f"{gate}_limit" for gate in _GATES)
_VALUES: Final = tuple(f"{gate}_value" for gate in _GATES)
_GATE_REASONS: Final = tuple(f"{gate}_reason" for gate in _GATES)
_READING_NAMES: Final = tuple(f"{reading}_name" for reading in _READINGS)
_COPIED: Final = ("id", "ts_utc", "pair", "strategy", "final_signal", "reason", "failed_gates", "seq", "candle_time")
_INDEXES: Final = {
    "ix_gate_snapshots_pair_candle_time": ["pair", "candle_time"],
    "ix_gate_snapshots_candle_time": ["candle_time", "seq"],
}
# Names on PostgreSQL that those of the new tables would meet.
_KEYS: Final = ("pk_assessments", "gate_snapshots_pkey", "uq_gate_snapshots_seq")

_Alike = tuple[Any, ...]


def upgrade() -> None:
    """Make both tables anew, write every row of them as it would be written now, and add the views."""
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for index in _INDEXES:
        op.drop_index(index, "gate_snapshots")
    for table in ("assessments", "gate_snapshots"):
        op.rename_table(table, f"{table}_before")
    if not on_sqlite:
        for key in _KEYS:
            op.execute(f"ALTER INDEX {key} RENAME TO {key}_before")
        op.execute("ALTER SEQUENCE gate_snapshots_id_seq RENAME TO gate_snapshots_before_id_seq")
    _move_assessments()
    _move_gate_snapshots()
    for table in ("assessments", "gate_snapshots"):
        op.drop_table(f"{table}_before")
    if not on_sqlite:
        op.execute("SELECT setval('gate_snapshots_id_seq', max(id)) FROM gate_snapshots")
    for index, columns in _INDEXES.items():
        op.create_index(index, "gate_snapshots", columns)
    for statement in VIEWS:
        op.execute(statement)


def _move_assessments() -> None:
    index = sa.Index("ix_assessed_by_params_hash", "params_hash")
    alike = _Alikes(op.create_table("assessed_by", *_circumstances(), index), _CIRCUMSTANCES)
    made = op.create_table("assessments", *_assessments())

    def rewritten(row: Mapping[str, Any]) -> dict[str, Any]:
        body = msgspec.json.decode(row["body_json"])
        candle, verdicts = body["candle"], body["verdicts"]
        seq, previous_seq = row["seq"], candle.get("previous_seq", row["seq"] - 1)
        circumstances = (
            *(candle["stream"], candle["pair"], candle["granularity_seconds"], body["strategy"], body["params_hash"]),
            body.get("params_version") or None,
        )
        figures = (*(body[name] for name in _FIGURES), *body["readings"])
        title, currency, minutes = body["news"] or (None, None, None)
        return {
            "seq": seq,
            "previous_seq": None if previous_seq == seq - 1 else previous_seq,
            "assessed_by_id": alike.place(circumstances),
            "candle_time": candle["time"],
            **{name: candle[name] for name in _PRICES},
            "volume": candle["volume"],
            "trading_day": format_day(body["trading_day"]),
            **{f"{gate}_reason": _reason(REASON_NAMES[verdicts[gate]]) for gate in _OF_MARKET},
            "signal": SIDE_NAMES[Side(body["signal"])],
            "market_state": MARKET_STATE_NAMES[body["market_state"]],
            "spread_points": body["spread_points"],
            **dict(zip((*_FIGURES, *_READINGS), figures, strict=True)),
            "news_title": title,
            "news_currency": currency,
            "news_minutes": minutes,
        }

    _move(made, ("seq", "body_json"), rewritten)


def _move_gate_snapshots() -> None:
    index = sa.Index("ix_judged_by_params_hash", "params_hash")
    limits = [*required(sa.Text, *_LIMITS), *optional(sa.Text, *_READING_NAMES)]
    names = (*_CIRCUMSTANCES, *_LIMITS, *_READING_NAMES)
    alike = _Alikes(op.create_table("judged_by", *_circumstances(), *limits, index), names)
    made = op.create_table("gate_snapshots", *_gate_snapshots())

    def rewritten(row: Mapping[str, Any]) -> dict[str, Any]:
        verdicts = msgspec.json.decode(row["verdicts_json"])
        # Their figures are those of the assessment, to the last bit.
        readings = list(msgspec.json.decode(row["indicators_json"]))[len(_FIGURES) :]
        key = (
            *(row["stream"], row["pair"], SECONDS_BY_NAME[row["granularity"]], row["strategy"], row["params_hash"]),
            row["params_version"],
            *(verdict["limit"] for verdict in verdicts),
            *(*readings, *[None] * (len(_READING_NAMES) - len(readings))),
        )
        return {
            **{name: row[name] for name in _COPIED},
            "judged_by_id": alike.place(key),
            **{name: verdict["value"] for name, verdict in zip(_VALUES, verdicts, strict=True)},
            **{name: _reason(verdict["reason"]) for name, verdict in zip(_GATE_REASONS, verdicts, strict=True)},
        }

    columns = dict.fromkeys((*_COPIED, *_CIRCUMSTANCES, "verdicts_json", "indicators_json"))
    _move(made, tuple(columns), rewritten)


class _Alikes:
    """A table of what many rows have alike, and the ids of its rows."""

    def __init__(self, table: sa.Table, names: Sequence[str]) -> None:
        self._table, self._names = table, names
        self._places: dict[_Alike, int] = {}

    def place(self, alike: _Alike) -> int:
        """Return the id, adding what is new."""
        place = self._places.get(alike)
        if place is None:
            values = dict(zip(self._names, alike, strict=True))
            adding = sa.insert(self._table).values(values).returning(self._table.c.id)
            place = self._places[alike] = op.get_bind().execute(adding).scalar_one()
        return place


def _move(made: sa.Table, read: Sequence[str], rewritten: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
    """Fill a table from the one before it, some rows at a time, past the types of columns, which nothing changes."""
    connection = op.get_bind()
    names = [column.name for column in made.columns]
    if connection.dialect.name == "sqlite":
        insert = f"INSERT INTO {made.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
    else:
        insert = copy_statement(made.name, names)
    before = f"{made.name}_before"
    wanted = f"SELECT {', '.join(read)} FROM {before} WHERE seq > :last ORDER BY seq LIMIT {_CHUNK}"  # noqa: S608
    total = connection.execute(sa.text(f"SELECT count(*) FROM {before}")).scalar_one()  # noqa: S608
    config = op.get_context().config
    progress = None if config is None else config.attributes.get("progress")
    last, done = 0, 0
    while rows := connection.execute(sa.text(wanted), {"last": last}).mappings().all():
        values = [_values(before, dict(row), rewritten) for row in rows]
        connection.exec_driver_sql(insert, [tuple(each[name] for name in names) for each in values])
        last, done = rows[-1]["seq"], done + len(rows)
        if progress is not None:
            progress(done, total)


def _values(
    table: str, row: Mapping[str, Any], rewritten: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    try:
        return rewritten(row)
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, ValueError) as fault:
        where = f"table {table.removesuffix('_before')}, row {row['seq']}"
        raise InvariantError(f"{where}: its JSON cannot be understood: {type(fault).__name__}: {fault}") from fault


def _reason(name: str) -> str | None:
    return None if name == REASON_NAMES[0] else name


def _circumstances() -> list[SchemaItem]:
    return [
        identity(),
        *required(sa.Text, "stream", "pair"),
        *required(Granularity, "granularity"),
        *required(sa.Text, "strategy", "params_hash"),
        *optional(sa.BigInteger, "params_version"),
    ]


def _assessments() -> list[SchemaItem]:
    return [
        sa.Column("seq", Identity, autoincrement=False, nullable=False),
        *optional(sa.BigInteger, "previous_seq"),
        *required(sa.BigInteger, "assessed_by_id"),
        *required(UtcTime, "candle_time"),
        *required(ExactDecimal, *_PRICES),
        *required(sa.Double, "volume"),
        *required(TradingDay, "trading_day"),
        *optional(sa.Text, *(f"{gate}_reason" for gate in _OF_MARKET)),
        *required(sa.Text, "signal", "market_state"),
        *required(sa.BigInteger, "spread_points"),
        *optional(sa.Double, *_FIGURES, *_READINGS),
        *optional(sa.Text, "news_title", "news_currency"),
        *optional(sa.Double, "news_minutes"),
        sa.PrimaryKeyConstraint("seq", name="pk_assessments"),
    ]


def _gate_snapshots() -> list[SchemaItem]:
    return [
        identity(),
        *required(UtcTime, "ts_utc"),
        *required(sa.Text, "pair", "strategy", "final_signal", "reason"),
        *required(sa.Integer, "failed_gates"),
        *required(sa.BigInteger, "seq"),
        *required(UtcTime, "candle_time"),
        *required(sa.BigInteger, "judged_by_id"),
        *required(sa.Text, *_VALUES),
        *optional(sa.Text, *_GATE_REASONS),
        sa.UniqueConstraint("seq", name="uq_gate_snapshots_seq"),
        sa.CheckConstraint("final_signal IN ('BUY', 'SELL', 'NONE')", name="ck_gate_snapshots_final_signal"),
    ]
