"""The audit log and what a check of it found, as the API answers them."""

from typing import Final

from pydantic import BaseModel, Field

from shared.anchors.examined import Examined
from shared.anchors.lines import AnchorsFound
from shared.store.rows.audit import AuditRow

_TIME: Final = "2014-05-08T11:45:00Z"


class AuditRecord(BaseModel):
    """Who did what; `detail_json` is kept as the text that the hash covers."""

    id: int = Field(examples=[42])
    ts_utc: str = Field(examples=[_TIME])
    actor: str = Field(examples=["executor"])
    action: str = Field(examples=["trade.opened"])
    command_id: int | None
    detail_json: str = Field(examples=['{"pair":"EUR_USD"}'])
    prev_hash: str = Field(examples=["0" * 64])
    hash: str = Field(examples=["9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab"])


class AnchorFinding(BaseModel):
    """What the anchors outside the database say: how many are sound, how far the last reaches, and the first bad one.

    Without `key_given` the signatures were checked against the key in the anchors themselves only.
    """

    count: int = Field(examples=[12])
    last_id: int | None = Field(examples=[4_180])
    last_time: str | None = Field(examples=[_TIME])
    not_covered: int = Field(examples=[31])
    first_bad: int | None
    why: str = Field(examples=[""])
    unfinished: bool
    key_given: bool


class TimeBack(BaseModel):
    """A record that says it was written before the one that it follows, and by how many seconds."""

    id: int = Field(examples=[17])
    time: str = Field(examples=[_TIME])
    after_id: int = Field(examples=[16])
    after_time: str = Field(examples=["2014-05-08T12:45:00Z"])
    seconds: int = Field(examples=[3_600])


class TimesBack(BaseModel):
    """Where times go back by more than a minute, which is no fault of the log; those of trading are the market's."""

    count: int = Field(examples=[1])
    records: list[TimeBack] = Field(description="The first of them, 20 at most.")


class AuditFinding(BaseModel):
    """What walking the audit log's chain found: the sound records, and the first bad one and why.

    `anchors` is null where the API has none to read; then an end that was cut off cannot be seen, and where anchors
    are to be there, `ok` is false.
    """

    ok: bool
    rows: int = Field(examples=[4_211])
    head: str = Field(examples=["9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab"])
    first_bad_id: int | None
    why: str = Field(examples=[""])
    differs: str = Field(examples=[""], description="The first command or trade that does not match the log.")
    anchors: AnchorFinding | None
    times_go_back: TimesBack
    anchors_lack: str = Field(examples=[""], description="Why there is no anchor to compare with, where one should be.")


def audit_finding(found: Examined, anchors: AnchorsFound | None) -> AuditFinding:
    """Return what was found of the audit log, of the rows that it tells of, and of its anchors where there are some."""
    check = found.check
    shown = None if anchors is None else AnchorFinding(**anchors.summary(check.rows))
    sound = anchors is None or anchors.first_bad is None
    return AuditFinding(
        **{**check._asdict(), "ok": check.ok and sound and not found.differs and not found.lacks},
        differs=found.differs,
        anchors=shown,
        anchors_lack=found.lacks,
        times_go_back=TimesBack(**found.clocks.summary()),
    )


def shown_audit(row: AuditRow) -> AuditRecord:
    """Return an audit record as it is stored."""
    return AuditRecord(**row._asdict())
