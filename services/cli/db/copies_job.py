"""`scalpbot db backup` and `scalpbot db restore`."""

from collections.abc import Iterator
from pathlib import Path

from services.cli.configuration import read_settings
from services.cli.database import database_url, url_read
from services.cli.documents import upkeep
from services.cli.documents.upkeep import Backup, Restored
from services.cli.options import AtDatabase
from services.cli.terminal.confirmed import confirmed
from services.cli.terminal.output import bytes_text, note, say, say_figures, say_json
from services.cli.terminal.progress import share
from services.upkeep.backup import back_up
from services.upkeep.contents import Contents
from services.upkeep.restore import Order, Prospect, restore
from shared.anchors.places import known_anchors
from shared.contracts.times import format_time
from shared.store.engine import shown_place


def backup(file: Path, where: AtDatabase, as_json: bool) -> None:
    """Write a backup and print what is in it."""
    url = url_read(where)
    with share("copying") as progress:
        done = back_up(url, known_anchors(read_settings(where.config).runtime, url), file, progress)
    anchors = None if done.anchors is None else str(done.anchors)
    if as_json:
        copied: Backup = {
            "ok": True,
            "file": str(file),
            "bytes": done.file_bytes,
            "anchors": anchors,
            "schema": done.schema,
            "contents": None if done.contents is None else _document(done.contents),
        }
        say_json(copied)
        return
    say(f"The backup of {shown_place(url)} is {file}: {bytes_text(done.file_bytes)}, schema {done.schema}.")
    say(f"The anchors of its log are {anchors}." if anchors else "There were no anchors of its log to copy.")
    if done.contents is not None:
        say()
        say_figures("It holds", figures(done.contents))


def restore_verb(file: Path, where: AtDatabase, *, replaces: bool, yes: bool, as_json: bool) -> None:
    """Put a backup in place, after it was said what that does, and print what it did."""
    settings = read_settings(where.config)
    url = database_url(where.database, settings)
    order = Order(file=file, url=url, known=known_anchors(settings.runtime, url), replaces=replaces)

    def agreed(prospect: Prospect) -> None:
        for sentence in warnings(prospect):
            note(sentence)
        if prospect.replaces:
            confirmed(f"Put {file} in the place of {shown_place(url)}?", yes)

    with share("restoring") as progress:
        done = restore(order, progress, agreed)
    if as_json:
        restored: Restored = {
            "ok": True,
            "file": str(file),
            "database": shown_place(url),
            "schema_of_backup": done.schema,
            "replaced": done.replaces,
            "entries_held": bool(done.held),
            "anchors_brought": done.brings_anchors,
            "contents": _document(done.contents),
        }
        say_json(restored)
        return
    say(f"{shown_place(url)} is now what {file} holds.")
    say()
    say_figures("It holds", figures(done.contents))
    say("Look with `scalpbot audit verify` and `scalpbot parity`; `scalpbot users list` shows who may sign in.")


def figures(contents: Contents) -> Iterator[tuple[str, str]]:
    """Yield what a database holds, by name."""
    newest = contents.newest_candle_time
    yield "candles until now", f"{contents.candles:,}"
    yield "newest candle until", "-" if newest is None else format_time(newest)
    yield "trades", f"{contents.trades:,}, of which {contents.open_trades} open"
    yield "trade hash", contents.trade_hash
    yield "audit records", f"{contents.audit_records:,}"
    yield "audit head", contents.audit_head


def warnings(prospect: Prospect) -> Iterator[str]:
    """Yield what somebody must know before a backup is put in place, each in a sentence."""
    contents, present = prospect.contents, prospect.present
    newest = "no candle yet" if contents.newest_candle_time is None else format_time(contents.newest_candle_time)
    until = contents.newest_audit_time or "before anything was recorded"
    yield f"The backup is of schema {prospect.schema}, goes up to {newest}, and its log up to {until}."
    if prospect.replaces and present is None:
        yield "The database in its place is of another schema; all that it holds will be lost."
    elif present is not None and prospect.follows:
        lost = (
            f"{present.candles - contents.candles:,} candles",
            f"{present.trades - contents.trades:,} trades",
            f"{present.newest_command - contents.newest_command:,} commands",
            f"{present.audit_records - contents.audit_records:,} audit records",
        )
        yield f"Newer in the present database, and lost with it: {', '.join(lost[:-1])} and {lost[-1]}."
    elif present is not None:
        yield "The present database is not a later state of the backup; all that it holds will be lost."
    if prospect.held:
        yield (
            "Whoever trades next will hold all entries and end all sessions and tokens, until "
            f"`scalpbot db accept-restore`: {prospect.held}."
        )
        yield "Look through the users: who was disabled or demoted since the backup is not any more."
    if prospect.brings_anchors:
        yield (
            "The anchors come with it. Bring the key that signed them as well: with another one entries are held until "
            "`scalpbot db accept-restore`."
        )


def _document(contents: Contents) -> upkeep.Contents:
    newest = contents.newest_candle_time
    return {
        "candles": contents.candles,
        "newest_candle_time": None if newest is None else format_time(newest),
        "trades": contents.trades,
        "open_trades": contents.open_trades,
        "trade_hash": contents.trade_hash,
        "newest_command": contents.newest_command,
        "audit_records": contents.audit_records,
        "audit_head": contents.audit_head,
        "newest_audit_time": contents.newest_audit_time,
    }
