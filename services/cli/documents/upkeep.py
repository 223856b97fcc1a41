"""Documents of upkeep: `db backup`, `db restore`, `db prune` and `db size`."""

from typing import NotRequired, TypedDict

from services.cli.documents.kinds import Count, Hash, StoredTime, Time


class Contents(TypedDict):
    """What a database holds: enough to tell one copy from another."""

    candles: Count
    newest_candle_time: Time | None
    trades: Count
    open_trades: Count
    trade_hash: Hash
    newest_command: Count
    audit_records: Count
    audit_head: str
    newest_audit_time: StoredTime | None


class Backup(TypedDict):
    """A backup that was written; an older schema's contents are not counted."""

    ok: bool
    file: str
    bytes: Count
    anchors: str | None
    schema: str
    contents: Contents | None


class Restored(TypedDict):
    """A backup that was put in place, and whether entries are held until it is accepted."""

    ok: bool
    file: str
    database: str
    schema_of_backup: str
    replaced: bool
    entries_held: bool
    anchors_brought: bool
    contents: Contents


class OldRows(TypedDict):
    """The old rows of a table."""

    table: str
    rows: Count
    before_time: Time


class Prune(TypedDict):
    """What is old, with `dry_run`; else what was deleted, what it was proven by, and the room that it gave back."""

    ok: bool
    dry_run: bool
    database: NotRequired[str]
    bytes: NotRequired[Count]
    rows: NotRequired[Count]
    candles_to_replay: NotRequired[Count]
    tables: NotRequired[list[OldRows]]
    difference: NotRequired[str | None]
    deleted: NotRequired[dict[str, Count]]
    proven_until_time: NotRequired[Time | None]
    audit_id: NotRequired[Count | None]
    bytes_before: NotRequired[Count]
    bytes_after: NotRequired[Count]
    free_bytes: NotRequired[Count | None]
    not_given_back: NotRequired[str | None]


class TableSize(TypedDict):
    """A table's rows and bytes, and the times of its oldest and newest row."""

    table: str
    rows: Count
    table_bytes: Count
    index_bytes: Count
    oldest_time: StoredTime | None
    newest_time: StoredTime | None


class Size(TypedDict):
    """How much room a database takes; null where it does not say."""

    ok: bool
    database: str
    bytes: Count
    free_bytes: Count | None
    candles: Count
    bytes_per_candle: Count | None
    tables: list[TableSize]
