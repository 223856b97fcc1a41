"""The verbs `audit`: read the audit log, check it against itself and its anchors, and make the key of anchors."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from services.cli.inputs import read_settings
from services.cli.options import AsJson, ConfigFile
from services.cli.output import DID_NOT_HOLD, Column, say, say_json, say_table
from services.cli.progress import bar
from services.cli.stored import Database, database_url, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.anchors.lines import AnchorsFound
    from shared.anchors.places import KnownAnchors
    from shared.settings.settings import Settings
    from shared.store.rows.runtime import AuditRow
    from shared.store.sql.audit import AuditCheck

_TOLD_EVERY = 1_000

AnchorsPath: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--anchors", metavar="FILE", help="Anchor file. Default: AUDIT_ANCHOR_PATH, else beside an SQLite database."
    ),
]
PublicKey: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--public-key",
        metavar="FILE|TEXT",
        help="Key that must have signed the anchors. Default: AUDIT_ANCHOR_PUBLIC_KEY, else that of the private key "
        "at hand.",
    ),
]


def register(program: typer.Typer) -> None:
    """Add the verbs."""
    audit = typer.Typer(help="Read and verify the audit log.", no_args_is_help=True)
    audit.command("tail")(tail)
    audit.command("verify")(verify)
    audit.command("keys")(keys)
    program.add_typer(audit, name="audit")


def tail(
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most so many records, newest first.")] = 20,
    database: Database = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the latest audit records."""
    import msgspec

    with reading(database, config) as reader:
        rows = reader.audit(limit)
    if as_json:
        say_json([{**row._asdict(), "detail": msgspec.json.decode(row.detail_json)} for row in rows])
        return
    columns = [Column("id", True), Column("time"), Column("actor"), Column("action"), Column("detail")]
    say_table("Audit log", columns, [(str(row.id), row.ts_utc, row.actor, row.action, row.detail_json) for row in rows])


def verify(
    anchors: AnchorsPath = None,
    public_key: PublicKey = None,
    database: Database = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> int:
    """Walk the hash chain of the audit log and compare it with the anchors that were kept outside the database.

    Exit code 3 at the first record, or the first anchor, that is not what it was.
    """
    from shared.anchors.places import read_anchors
    from shared.store.sql.audit import verify_audit

    settings = read_settings(config)
    known = _known(settings, database_url(database, settings), anchors, public_key)
    # Anchors first: every record that they have seen is then there to be read.
    found = read_anchors(known)
    with reading(database, config) as reader:
        newest = next(iter(reader.audit(1)), None)
        with bar("verifying", 0 if newest is None else newest.id) as progress:
            rows = _told(reader.audit_in_order(), progress)
            check = verify_audit(rows, () if found is None else found.witnesses())
    missing = anchors is not None and found is None
    holds = check.ok and not missing and (found is None or found.first_bad is None)
    if as_json:
        say_json({**check._asdict(), "ok": holds, "anchors": _anchors_document(known, found, check)})
    else:
        _say_chain(check)
        _say_anchors(known, found, check)
    return 0 if holds else DID_NOT_HOLD


def keys(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key is, or is to be made.")],
    as_json: AsJson = False,
) -> None:
    """Make a key that signs anchors, unless the file has one, and print the public key to verify them with."""
    from secrets import token_bytes

    from shared.anchors.lines import Signer
    from shared.anchors.places import make_key, read_key
    from shared.contracts.errors import InputError

    try:
        made = make_key(file, token_bytes)
        public = Signer(read_key(file)).public
    except OSError as fault:
        raise InputError(
            f"the key {file} cannot be made or read ({fault.strerror}); name a file that you may write"
        ) from fault
    if as_json:
        say_json({"private_key_file": str(file), "made": made, "public_key": public})
        return
    say(f"The private key {'is now' if made else 'was already'} in {file}; only the process that anchors may read it.")
    say(f"Public key  {public}")


def _known(settings: "Settings", url: str, anchors: Path | None, public_key: str | None) -> "KnownAnchors":
    from shared.anchors.places import known_anchors
    from shared.settings.keys import public_bytes

    known = known_anchors(settings.runtime, url)
    if anchors is not None:
        known = known._replace(path=anchors)
    if public_key is not None:
        text = _text_or_file(public_key)
        public_bytes(text, "--public-key")
        known = known._replace(key=text)
    return known


def _text_or_file(given: str) -> str:
    from shared.contracts.errors import InputError

    if given.startswith("audit-anchor-"):
        return given
    try:
        return Path(given).read_text("utf-8", "replace").strip()
    except OSError as fault:
        raise InputError(
            f"--public-key {given} cannot be read ({fault.strerror}); give a public key, or a file that holds one"
        ) from fault


def _told(rows: "Iterable[AuditRow]", progress: "Callable[[int], None]") -> "Iterator[AuditRow]":
    for count, row in enumerate(rows, start=1):
        if not count % _TOLD_EVERY:
            progress(count)
        yield row


def _anchors_document(
    known: "KnownAnchors", found: "AnchorsFound | None", check: "AuditCheck"
) -> dict[str, Any] | None:
    if known.path is None:
        return None
    if found is None:
        return {"file": str(known.path), "found": False}
    return {"file": str(known.path), "found": True, **found.summary(check.rows)}


def _say_chain(check: "AuditCheck") -> None:
    if check.ok:
        say(f"The audit chain is intact: {check.rows} records, head {check.head}.")
    else:
        say(f"The audit chain is broken at record {check.first_bad_id}: {check.why}.")


def _say_anchors(known: "KnownAnchors", found: "AnchorsFound | None", check: "AuditCheck") -> None:
    if known.path is None:
        say("No anchors are kept for this database: set AUDIT_ANCHOR_PATH, or give --anchors FILE.")
        return
    if found is None:
        say(f"There are no anchors: the file {known.path} does not exist. An end cut off would not be seen.")
        return
    summary = found.summary(check.rows)
    if found.first_bad is not None:
        say(f"The anchors in {known.path} are not what they were, from anchor {found.first_bad} on: {found.why}.")
    if summary["last_id"] is None:
        say(f"There is no sound anchor in {known.path}.")
    else:
        say(
            f"Sound anchors: {summary['count']}; the last, of {summary['last_time']}, reaches record "
            f"{summary['last_id']}; records after it, not yet covered: {summary['not_covered']}."
        )
    if not found.key_given:
        say("Signatures were checked against the key in the file itself only: give --public-key to know whose it is.")
    if found.unfinished:
        say("The last line is unfinished, as a crash leaves it; the next anchor mends it.")
