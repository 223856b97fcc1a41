"""What the database says: its schema, its audit chain, how old its candles are, and how old the news."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from time import monotonic
from typing import Final

from services.inspection.doctor.findings import CheckGroup, Limits, Report
from shared.calendar.market_hours import is_market_open, open_seconds_between
from shared.contracts.errors import full_disk
from shared.contracts.granularity import granularity_name
from shared.contracts.runs import RunMode
from shared.contracts.times import format_time
from shared.runtime.news import calendar_age
from shared.settings.settings import Settings
from shared.store.engine import beside, database_url
from shared.store.faults import free_bytes, place
from shared.store.port import Reader, Store
from shared.store.rows.audit import AuditRow
from shared.store.schema import SchemaState, check, refusal
from shared.store.sql.audit import verify_audit
from shared.store.sql_store import open_store

STORE: Final = "store"
AUDIT: Final = "audit chain"
CANDLES: Final = "stored candles"
NEWS: Final = "news calendar"
_HOUR_SECONDS: Final = 3600
_MEBIBYTE: Final = 2**20
# A batch of candles takes some hundred kilobytes, and a log of them a few megabytes.
_TOO_LITTLE_BYTES: Final = _MEBIBYTE
_LITTLE_BYTES: Final = 64 * _MEBIBYTE
# A chain of many records is walked no longer than this share of the whole examination.
_AUDIT_SHARE: Final = 0.5


def stored_section(
    url: str, settings: Settings, pairs: Sequence[str], clock: Callable[[], float], limits: Limits
) -> CheckGroup:
    """Return the checks of a database; without pairs the candles of those that it holds are looked at."""

    def examine(report: Report) -> None:
        report.judge(STORE, partial(_look_at_store, url, report))
        if not report.has_passed(STORE):
            report.skip((AUDIT, CANDLES, NEWS), "there is no database to read")
            return
        store = open_store(url)
        try:
            seconds = _AUDIT_SHARE * limits.whole_seconds
            for name, look in (
                (AUDIT, partial(_look_at_audit, report, seconds=seconds)),
                (CANDLES, partial(_look_at_candles, report, settings=settings, pairs=pairs, now=int(clock()))),
                (NEWS, partial(_look_at_news, report, settings=settings, now=int(clock()))),
            ):
                report.judge(name, partial(_reading, store, look))
        finally:
            store.close()

    return CheckGroup((STORE, AUDIT, CANDLES, NEWS), examine)


def _reading(store: Store, look: Callable[[Reader], None]) -> None:
    # Each check has a view of its own: on PostgreSQL a refused one would take those after it along.
    with store.reading() as reader:
        look(reader)


def _look_at_store(url: str, report: Report) -> None:
    where = place(database_url(url))
    found = check(url)
    match found.state:
        case SchemaState.CURRENT:
            open_store(url).close()
            free = _free_bytes(url)
            if free is not None and free < _TOO_LITTLE_BYTES:
                raise full_disk(f"The database {where}")
            if free is not None and free < _LITTLE_BYTES:
                report.warn(
                    STORE, f"the disk of {where} has {free // _MEBIBYTE} MiB left: free some space before it is full"
                )
                return
            report.ok(STORE, f"{where} can be used and has the schema of this version, {found.wanted}")
        case SchemaState.EMPTY:
            report.warn(
                STORE, f"there is no database at {where} yet: `scalpbot paper` or `scalpbot db upgrade` creates it"
            )
        case SchemaState.OLDER:
            report.problem(
                STORE,
                f"{where} has schema {found.found} instead of {found.wanted}: back it up and run `scalpbot db upgrade`",
            )
        case SchemaState.DRAFT:
            report.problem(STORE, refusal(where, found))
        case SchemaState.NEWER:
            report.problem(
                STORE,
                f"{where} has schema {found.found}, newer than this program's {found.wanted}: run the newer program",
            )


def _free_bytes(url: str) -> int | None:
    """Return how many bytes are left beside an SQLite file; None for a server, whose disk is not seen from here."""
    file = beside(url, ".db")
    return None if file is None else free_bytes(file)


def _look_at_audit(report: Report, reader: Reader, *, seconds: float) -> None:
    timed = _Timed(seconds)
    found = verify_audit(timed.rows(reader.audit_in_order()))
    head = f"{found.rows:,} records, head {found.head}"
    if not found.ok:
        report.problem(
            AUDIT,
            f"the audit chain is broken at record {found.first_bad_id}: {found.why}; keep this database as evidence "
            "and continue with a backup",
        )
    elif timed.cut:
        report.ok(AUDIT, f"the first {head} are intact; `scalpbot audit verify` checks all of them")
    else:
        report.ok(AUDIT, f"the chain is intact: {head}")


class _Timed:
    """Rows until time is up; `cut` tells whether it was."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds
        self.cut = False

    def rows(self, rows: Iterable[AuditRow]) -> Iterator[AuditRow]:
        for row in rows:
            if monotonic() > self._end:
                self.cut = True
                return
            yield row


def _look_at_candles(report: Report, reader: Reader, *, settings: Settings, pairs: Sequence[str], now: int) -> None:
    granularities = reader.granularities()
    newest = {
        name: time
        for granularity in set(granularities.values())
        for name, time in reader.last_candle_times(granularity).items()
        if granularities.get(name) == granularity
    }
    looked_at = list(pairs) or sorted(newest)
    if not looked_at:
        report.ok(CANDLES, "the database holds no candles yet; a run adds them")
        return
    told = [
        _candle_told(pair, granularities.get(pair), newest.get(pair), settings.live.stale_candles, now)
        for pair in looked_at
    ]
    stale = [sentence for sentence, is_stale in told if is_stale]
    if stale:
        report.warn(CANDLES, f"{'; '.join(stale)}: start `scalpbot paper --mode LIVE` or `scalpbot run ingest`")
        return
    closed = "" if is_market_open(now) else " (the market is closed)"
    report.ok(CANDLES, f"{'; '.join(sentence for sentence, _ in told)}{closed}")


def _candle_told(pair: str, step: int | None, newest: int | None, stale_candles: int, now: int) -> tuple[str, bool]:
    """Return how old a pair's newest candle is, in words, and whether that is too old while the market is open."""
    if step is None or newest is None:
        return f"no candle of {pair} is stored", True
    told = f"{pair} {granularity_name(step)} up to {format_time(newest)}"
    # Only time in which candles could come makes one old.
    behind = max(0, open_seconds_between(newest + step, max(now, newest + step))) // step
    if behind <= stale_candles or not is_market_open(now):
        return told, False
    return f"{told}, {behind:,} candles behind (at most {stale_candles} are allowed)", True


def _look_at_news(report: Report, reader: Reader, *, settings: Settings, now: int) -> None:
    age = calendar_age(reader, now)
    blocked = settings.gates.blocks_without_news(RunMode.LIVE)
    effect = "the news gate then stops all live signals" if blocked else "the news gate then lets all live signals pass"
    if age is None:
        report.warn(NEWS, f"no news calendar is stored, and {effect}: a live run fetches it, see live.calendar_url")
        return
    hours, most = age.seconds / _HOUR_SECONDS, settings.gates.news_max_age_hours
    failed = "; the last attempt to fetch it failed" if age.asked_at > age.fetched_at else ""
    events = f"{age.events} events up to {format_time(age.last_event)}"
    told = f"the news calendar is {hours:.1f} h old and has {events}{failed}"
    if hours > most:
        report.warn(NEWS, f"{told}; over {most:g} h it counts as missing, and {effect}: check the log of the live run")
    elif failed:
        report.warn(
            NEWS, f"{told}; it still counts until it is {most:g} h old: check live.calendar_url and the network"
        )
    else:
        report.ok(NEWS, told)
