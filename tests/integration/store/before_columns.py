"""A database of the schema before judged candles were kept in columns, with rows as they were written then."""

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Final

import pytest
from sqlalchemy import Connection, insert, select, text

from shared.contracts.codec import encode_assessed
from shared.contracts.facts import CandleAssessed
from shared.contracts.granularity import granularity_name
from shared.contracts.times import format_time
from shared.core.types import REASON_NAMES, SIDE_NAMES
from shared.store import schema
from shared.store.engine import database_url, open_engine, writing
from shared.store.rows.market import GateSnapshotRow
from shared.store.schema import STEPS, Steps, upgrade
from shared.store.sql_store import open_store
from shared.store.tables.metadata import METADATA

BEFORE: Final = "0015"
_JUDGED: Final = ("assessed_by", "assessments", "judged_by", "gate_snapshots")
_MOST: Final = 1_000_000


def make_before(url: str, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bring a database to an earlier schema and no further."""
    versions = STEPS.versions[: STEPS.versions.index(version) + 1]
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "STEPS", Steps(STEPS.folders, versions))
        upgrade(url)


def copy_to_before(current: str, before: str) -> None:
    """Write all rows of a database of the current schema into an empty one of the schema before."""
    engine, target = open_engine(database_url(current)), open_engine(database_url(before))
    with closing(open_store(current)) as store, store.reading() as reader:
        facts, judged = reader.assessments_after(0, _MOST), reader.gate_snapshots_after(0, _MOST)
    with engine.connect() as source, writing(target).begin() as connection:
        for table in METADATA.sorted_tables:
            rows = [] if table.name in _JUDGED else source.execute(select(table)).mappings().all()
            if rows:
                connection.execute(insert(table), [dict(row) for row in rows])
        add_before(connection, facts, judged)
    engine.dispose()
    target.dispose()


def add_before(connection: Connection, facts: Sequence[CandleAssessed], judged: Sequence[GateSnapshotRow]) -> None:
    """Write what was judged as JSON, hash and names in every row."""
    _add(connection, "assessments", facts, _assessment)
    _add(connection, "gate_snapshots", judged, _gate_snapshot)


def _add(connection: Connection, table: str, rows: Sequence[Any], written: Callable[[Any], dict[str, Any]]) -> None:
    values = [written(row) for row in rows]
    names = list(values[0])
    places = ", ".join(f":{name}" for name in names)
    connection.execute(text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"), values)


def _assessment(fact: CandleAssessed) -> dict[str, Any]:
    return {
        "stream": fact.closed.stream.replace("candles", "assessed"),
        "seq": fact.seq,
        "pair": fact.closed.pair,
        "candle_time": format_time(fact.closed.candle.time),
        "strategy": fact.strategy,
        "params_hash": fact.params_hash,
        "body_json": encode_assessed(fact),
    }


def _gate_snapshot(row: GateSnapshotRow) -> dict[str, Any]:
    return {
        "ts_utc": format_time(row.time),
        "pair": row.pair,
        "strategy": row.strategy,
        "final_signal": SIDE_NAMES[row.final_signal],
        "reason": REASON_NAMES[row.reason],
        "failed_gates": row.failed_gates,
        "stream": row.stream,
        "seq": row.seq,
        "granularity": granularity_name(row.granularity_seconds),
        "candle_time": format_time(row.candle_time),
        "verdicts_json": json.dumps(row.verdicts.in_words()),
        "indicators_json": json.dumps(row.indicators),
        "params_hash": row.params_hash,
        "params_version": row.params_version or None,
    }
