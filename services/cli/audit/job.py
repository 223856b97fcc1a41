"""`scalpbot audit`: the log as it is stored, its chain and its anchors, and their key."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from secrets import token_bytes
from typing import Final

from services.cli.configuration import read_settings
from services.cli.database import reading, reading_at, url_read
from services.cli.documents.proof import AnchorKey, Anchors, AuditRecord, AuditVerdict, TimeBack, TimesBack
from services.cli.documents.stored import read_json
from services.cli.options import AtDatabase, Between
from services.cli.terminal.output import DID_NOT_HOLD, say, say_json
from services.cli.terminal.progress import bar
from services.cli.terminal.tables import Column, say_table, time_cell
from services.cli.times import span_of
from shared.anchors.clocks import TOLERATED_SECONDS, Clocks
from shared.anchors.examined import examined
from shared.anchors.lines import AnchorsFound, Signer
from shared.anchors.places import KnownAnchors, known_anchors, make_key, read_anchors, read_key
from shared.contracts.errors import InputError, unwritable
from shared.settings.keys import public_bytes
from shared.settings.settings import Settings
from shared.store.rows.audit import AuditRow
from shared.store.sql.audit import AuditCheck

_SHOWN_EVERY: Final = 1_000


def tail(where: AtDatabase, limit: int, between: Between, as_json: bool) -> None:
    """Print the newest audit records."""
    span = span_of(between, limit, time.time())
    with reading(where) as reader:
        rows = reader.audit(limit) if span is None else [each.row for each in reader.list_audit(span)]
    if as_json:
        say_json([_record(row) for row in rows])
        return
    columns = [
        Column("id", True),
        Column("time"),
        Column("actor", cut=True),
        Column("action"),
        Column("detail", cut=True),
    ]
    cells = [(str(row.id), time_cell(row.ts_utc), row.actor, row.action, row.detail_json) for row in rows]
    say_table("Audit log (times UTC)", columns, cells, "`scalpbot audit tail --json` has all of it.")


def verify(where: AtDatabase, *, anchors: Path | None, public_key: str | None, as_json: bool) -> int:
    """Print whether chain, tables and anchors hold, and return the exit code that says so."""
    settings = read_settings(where.config)
    url = url_read(where)
    known = _known(settings, url, anchors, public_key)
    # Anchors first: every record that they have seen is then there to be read.
    found = read_anchors(known)
    # Who names a file expects anchors in it, however new the log is.
    now = time.time() if anchors is None else math.inf
    with reading_at(url) as reader:
        newest = next(iter(reader.audit(1)), None)
        with bar("verifying", 0 if newest is None else newest.id) as progress:
            check, differs, lacks, clocks = examined(reader, known, found, now, lambda rows: _counted(rows, progress))
    missing = anchors is not None and found is None
    holds = check.ok and not differs and not lacks and not missing and (found is None or found.first_bad is None)
    if as_json:
        document: AuditVerdict = {
            "ok": holds,
            "rows": check.rows,
            "head": check.head,
            "first_bad_id": check.first_bad_id,
            "why": check.why,
            "differs": differs,
            "times_go_back": _times_back(clocks),
            "anchors_lack": lacks,
            "anchors": _anchors_document(known, found, check),
        }
        say_json(document)
    else:
        _say_chain(check)
        _say_trail(check, differs)
        _say_clocks(clocks)
        _say_anchors(known, found, check, lacks)
    return 0 if holds else DID_NOT_HOLD


def keys(file: Path, as_json: bool) -> None:
    """Make the private key where there is none, and print the public one; raise InputError for a file out of reach."""
    try:
        made = make_key(file, token_bytes)
        public = Signer(read_key(file)).public
    except OSError as fault:
        sentence = f"the key {file} cannot be made or read ({fault.strerror}); name a file that you may read and write"
        raise unwritable(fault, file, sentence) from fault
    if as_json:
        document: AnchorKey = {"ok": True, "private_key_file": str(file), "made": made, "public_key": public}
        say_json(document)
        return
    say(f"The private key {'is now' if made else 'was already'} in {file}; only the process that anchors may read it.")
    say(f"Public key  {public}")


def _known(settings: Settings, url: str, anchors: Path | None, public_key: str | None) -> KnownAnchors:
    known = known_anchors(settings.runtime, url)
    if anchors is not None:
        known = known._replace(path=anchors)
    if public_key is not None:
        text = _text_or_file(public_key)
        public_bytes(text, "--public-key")
        known = known._replace(key=text)
    return known


def _text_or_file(given: str) -> str:
    if given.startswith("audit-anchor-"):
        return given
    try:
        return Path(given).read_text("utf-8", "replace").strip()
    except OSError as fault:
        raise InputError(
            f"--public-key {given} cannot be read ({fault.strerror}); give a public key, or a file with one"
        ) from fault


def _counted(rows: Iterable[AuditRow], progress: Callable[[int], None]) -> Iterator[AuditRow]:
    for count, row in enumerate(rows, start=1):
        if not count % _SHOWN_EVERY:
            progress(count)
        yield row


def _record(row: AuditRow) -> AuditRecord:
    detail, detail_text = read_json(row.detail_json)
    return {
        "id": row.id,
        "time": row.ts_utc,
        "actor": row.actor,
        "action": row.action,
        "command_id": row.command_id,
        "detail": detail,
        "detail_text": detail_text,
        "prev_hash": row.prev_hash,
        "hash": row.hash,
    }


def _times_back(clocks: Clocks) -> TimesBack:
    records: list[TimeBack] = [
        {
            "id": step.id,
            "time": step.time,
            "after_id": step.after_id,
            "after_time": step.after_time,
            "seconds": step.seconds,
        }
        for step in clocks.steps
    ]
    return {"count": clocks.count, "records": records}


def _anchors_document(known: KnownAnchors, found: AnchorsFound | None, check: AuditCheck) -> Anchors | None:
    if known.path is None:
        return None
    if found is None:
        return {"file": str(known.path), "found": False}
    return {"file": str(known.path), "found": True, **found.summary(check.rows)}


def _say_chain(check: AuditCheck) -> None:
    if check.ok:
        say(f"The audit chain is intact: {check.rows} records, head {check.head}.")
    else:
        say(f"The audit chain is broken at record {check.first_bad_id}: {check.why}.")


def _say_trail(check: AuditCheck, differs: str) -> None:
    if differs:
        say(f"The tables do not match the log: {differs}.")
    elif check.ok:
        say("Commands and trades match the log.")


def _say_clocks(clocks: Clocks) -> None:
    if not clocks.count:
        return
    first, *others = clocks.steps
    records = "1 record" if clocks.count == 1 else f"{clocks.count} records"
    numbers = ", ".join(str(step.id) for step in others) + (" ..." if clocks.count > len(clocks.steps) else "")
    more = f"; then at {numbers}" if others else ""
    say(
        f"Times go back by more than {TOLERATED_SECONDS} s at {records}, first at record "
        f"{first.id}: {first.time}, {first.seconds} s before record {first.after_id}{more}. "
        "A clock was put back, or clocks differ."
    )


def _say_anchors(known: KnownAnchors, found: AnchorsFound | None, check: AuditCheck, lacks: str) -> None:
    if known.path is None:
        say("No anchors are kept for this database: set AUDIT_ANCHOR_PATH, or give --anchors FILE.")
        return
    if found is None:
        say(f"There are no anchors: {lacks or f'{known.path} does not exist yet'}.")
        return
    summary = found.summary(check.rows)
    if found.first_bad is not None:
        say(f"The anchors in {known.path} were changed, from anchor {found.first_bad} on: {found.why}.")
    if summary["last_id"] is None:
        say(f"There is no valid anchor: {lacks or f'the log that {known.path} is for is new'}.")
    else:
        covers = f"covers the records up to {summary['last_id']}" if summary["last_id"] else "is of the empty log"
        say(
            f"Valid anchors: {summary['count']}; the last, made {summary['last_time']}, {covers}; records after it, "
            f"not covered yet: {summary['not_covered']}."
        )
    if not found.key_given:
        say("Signatures were checked only against the key in the file itself: give --public-key to check whose it is.")
    if found.unfinished:
        say("The last line is incomplete, as a crash leaves it; the next anchor repairs it.")
