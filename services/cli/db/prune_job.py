"""`scalpbot db prune`: what is old, said first, then proven and deleted."""

import getpass
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Final

from services.cli.configuration import read_settings
from services.cli.database import url_read
from services.cli.documents.upkeep import OldRows, Prune
from services.cli.options import AtDatabase
from services.cli.terminal.confirmed import confirmed
from services.cli.terminal.output import DID_NOT_HOLD, bytes_text, note, say, say_json
from services.cli.terminal.progress import busy, share
from services.cli.terminal.tables import Column, say_table, time_cell
from services.upkeep.prune import Hands, Plan, Pruned, Steps, planned, prune_in_steps
from services.upkeep.space import Reclaimed, bytes_needed, reclaim
from shared.contracts.errors import InputError, shortened
from shared.contracts.times import format_time
from shared.settings.sections import RetentionSettings
from shared.store.engine import shown_place
from shared.store.port import Store
from shared.store.rows.pruning import Prunable
from shared.store.sql_store import open_store
from shared.store.upkeep.sizes import Room, room_of

_AGE: Final = re.compile(r"(\d{1,5})\s*(d|w|y)")
_DAYS: Final = {"d": 1, "w": 7, "y": 365}
# A view that is kept for longer keeps an SQLite file's log from being taken up.
_CANDLES_AT_ONCE: Final = 200_000


def prune_verb(
    where: AtDatabase, *, age: str | None, tables: Sequence[str], dry_run: bool, yes: bool, as_json: bool
) -> int:
    """Prune, after it was said what, and return the exit code that says whether the ledger held."""
    days = _days(age, tables, read_settings(where.config).retention)
    url = url_read(where)
    before = room_of(url)
    with closing(open_store(url)) as store:
        with busy("looking for what is old"), store.reading() as reader:
            plan = planned(reader, days)
        if dry_run or not (plan.total or plan.candles):
            _tell_plan(plan, url, before, as_json)
            return 0
        if not as_json:
            _tell_plan(plan, url, before, as_json)
        confirmed(f"Delete {plan.total:,} rows?", yes)
        done = _pruned(store, days, plan)
    with busy("giving free room back"):
        reclaimed = reclaim(url, lambda: None)
    _tell(done, before, reclaimed, as_json)
    return 0 if done.difference is None else DID_NOT_HOLD


def _days(age: str | None, names: Sequence[str], kept: RetentionSettings) -> dict[Prunable, int]:
    """Return after how many days the rows of each table are old; raises InputError where nothing says it."""
    tables = _tables(names)
    if age is not None:
        return dict.fromkeys(tables, _age(age))
    days = {table: kept.days(table) for table in tables}
    found = {table: count for table, count in days.items() if count}
    if not found:
        raise InputError(
            "the settings keep everything, so nothing is old; give --older-than 90d, or write section [retention]"
        )
    return found


def _tables(names: Sequence[str]) -> list[Prunable]:
    known = list(Prunable)
    if unknown := [name for name in names if name not in known]:
        raise InputError(
            f"--table {shortened(unknown[0])!r} cannot be pruned; choose {', '.join(known[:-1])} or {known[-1]}: all "
            "others are the ledger, its proof, or small"
        )
    return [table for table in known if not names or table in names]


def _age(text: str) -> int:
    found = _AGE.fullmatch(text.strip())
    days = int(found[1]) * _DAYS[found[2]] if found else 0
    if not days:
        raise InputError(
            f"--older-than {shortened(text)!r} is no age; write days, weeks or years, such as 90d, 12w or 1y"
        )
    return days


def _pruned(store: Store, days: Mapping[Prunable, int], whole: Plan) -> Pruned:
    """Prune, with a bar for what is proven and one for what is deleted."""
    with share("proving") as proving, share("deleting") as deleting:
        steps = Steps(_CANDLES_AT_ONCE, _of(proving, whole.candles), _of(deleting, whole.total))
        return prune_in_steps(store, days, whole, Hands(getpass.getuser(), time.time), steps)


def _of(tell: Callable[[int, int], None], total: int) -> Callable[[int], None]:
    return lambda done: tell(min(done, total), total)


def _tell_plan(plan: Plan, url: str, room: Room, as_json: bool) -> None:
    if as_json:
        tables: list[OldRows] = [
            {"table": each.table, "rows": plan.rows[each.table], "before_time": format_time(each.time)}
            for each in plan.old
        ]
        found: Prune = {
            "ok": True,
            "dry_run": True,
            "database": shown_place(url),
            "bytes": room.total_bytes,
            "rows": plan.total,
            "candles_to_replay": plan.candles,
            "tables": tables,
        }
        say_json(found)
        return
    columns = [Column("table"), Column("old rows", True), Column("before")]
    cells = [(each.table, f"{plan.rows[each.table]:,}", time_cell(format_time(each.time))) for each in plan.old]
    say_table(f"Old in {shown_place(url)} (times UTC)", columns, cells)
    if not plan.total:
        say("Nothing is old.")
        return
    note(f"{plan.candles:,} candles are replayed first: only what is proven is deleted.")
    if room.free_bytes is not None:
        note(
            f"The database has {bytes_text(room.total_bytes)}. Giving room back to the disk takes up to "
            f"{bytes_text(bytes_needed(room))} of it for a while, less what is deleted."
        )


def _tell(done: Pruned, before: Room, reclaimed: Reclaimed, as_json: bool) -> None:
    checkpoint = done.checkpoint
    if as_json:
        proven = None if checkpoint is None else format_time(checkpoint.time)
        document: Prune = {
            "ok": done.difference is None,
            "dry_run": False,
            "difference": done.difference,
            "deleted": {str(table): count for table, count in done.rows.items()},
            "proven_until_time": proven,
            "audit_id": None if checkpoint is None else checkpoint.audit_id,
            "bytes_before": before.total_bytes,
            "bytes_after": reclaimed.total_bytes,
            "free_bytes": reclaimed.free_bytes,
            "not_given_back": reclaimed.why_not or None,
        }
        say_json(document)
        return
    if done.difference is not None:
        say("The ledger differs from its replay, so what leads there is kept.")
        say(f"First difference: {done.difference}")
    say(f"Deleted {sum(done.rows.values()):,} rows.")
    if checkpoint is not None:
        say(
            f"`scalpbot parity` proves the ledger from {format_time(checkpoint.time)} on; what lies before was proven, "
            f"as record {checkpoint.audit_id} of the audit log tells."
        )
    say(f"The database had {bytes_text(before.total_bytes)} and has {bytes_text(reclaimed.total_bytes)}.")
    if reclaimed.why_not:
        say(f"No room went back to the disk: {reclaimed.why_not}.")
