"""Documents of proofs: `parity` and `audit`."""

from typing import Any, NotRequired, TypedDict

from services.cli.documents.kinds import Count, Hash, StoredTime, Time


class ReplayedFrom(TypedDict):
    """From where a ledger was replayed: what lies before was proven when it was pruned."""

    seq: Count
    from_time: Time
    audit_id: Count
    state: str


class Parity(TypedDict):
    """What was compared, and the first difference in words; candles that wait are stored and not traded yet."""

    ok: bool
    candles: Count
    waiting: Count
    trades: Count
    trade_hash: Hash
    difference: str | None
    checkpoint: ReplayedFrom | None


class TimeBack(TypedDict):
    """A record that says it was written before the one that it follows."""

    id: Count
    time: StoredTime
    after_id: Count
    after_time: StoredTime
    seconds: Count


class TimesBack(TypedDict):
    """Where times go back by more than a minute; the first records are named."""

    count: Count
    records: list[TimeBack]


class Anchors(TypedDict):
    """What the anchors outside the database say; where no file is found nothing more is known."""

    file: str
    found: bool
    count: NotRequired[Count]
    last_id: NotRequired[Count | None]
    last_time: NotRequired[StoredTime | None]
    not_covered: NotRequired[Count]
    first_bad: NotRequired[Count | None]
    why: NotRequired[str]
    unfinished: NotRequired[bool]
    key_given: NotRequired[bool]


class AuditVerdict(TypedDict):
    """Whether chain, tables and anchors hold, and where they do not."""

    ok: bool
    rows: Count
    head: str
    first_bad_id: int | None
    why: str
    differs: str
    times_go_back: TimesBack
    anchors_lack: str
    anchors: Anchors | None


class AnchorKey(TypedDict):
    """The key of anchors: where the private one is, whether it was made now, and the public one."""

    ok: bool
    private_key_file: str
    made: bool
    public_key: str


class AuditRecord(TypedDict):
    """Who did what; `detail_text` is there where plain SQL wrote a detail that is not JSON."""

    id: Count
    time: StoredTime
    actor: str
    action: str
    command_id: int | None
    detail: Any
    detail_text: str | None
    prev_hash: str
    hash: str
