"""The verbs `db`: is the database of the schema of this version, make it so, and take a restored one as it is."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from services.cli.db import copies_job, job, prune_job, size_job
from services.cli.groups import with_groups
from services.cli.options import AsJson, AtDatabase

Yes: TypeAlias = Annotated[bool, typer.Option("--yes", help="Do not ask; programs have to say it.")]

db = typer.Typer(
    name="db", help="Create, upgrade, check, back up, restore and prune the database.", no_args_is_help=True
)


@db.command()
@with_groups
def upgrade(at: AtDatabase, as_json: AsJson = False) -> None:
    """Create the database, or upgrade it to the schema of this version."""
    job.upgrade(at, as_json)


@db.command()
@with_groups
def check(at: AtDatabase, as_json: AsJson = False) -> int:
    """Compare the database's schema with the one of this version; exit code 3 if they differ."""
    return job.check(at, as_json)


@db.command("accept-restore")
@with_groups
def accept_restore(at: AtDatabase, as_json: AsJson = False) -> None:
    """Take a database that is not the one its anchors saw as it is: entries stay held, now by the kill switch.

    Ends all sessions and tokens, skips the commands that wait, and begins new anchors; the old ones are kept under
    another name.
    """
    job.accept_restore(at, as_json)


@db.command()
@with_groups
def backup(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="New file for the backup; nothing is overwritten.")],
    at: AtDatabase,
    as_json: AsJson = False,
) -> None:
    """Copy the database as it is at one moment into one SQLite file, whoever trades in it meanwhile.

    The anchors of the audit log are copied beside it, as FILE.anchors.jsonl.
    """
    copies_job.backup(file, at, as_json)


@db.command()
@with_groups
def restore(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File that `db backup` made.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of all that the database holds.")
    ] = False,
    yes: Yes = False,
    at: AtDatabase,
    as_json: AsJson = False,
) -> None:
    """Put a backup into a new or empty database, or in the place of one, as a whole or not at all.

    It says first what will be lost. Refused while somebody trades in the database.
    """
    copies_job.restore_verb(file, at, replaces=replace, yes=yes, as_json=as_json)


@db.command()
@with_groups
def size(*, at: AtDatabase, as_json: AsJson = False) -> None:
    """Show how much room the database takes, table by table with their indexes."""
    size_job.size(at, as_json)


@db.command()
@with_groups
def prune(
    *,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than",
            metavar="AGE",
            help="Age before the newest candle from which rows are old: 90d, 12w, 1y. Default: section retention "
            "of the settings.",
        ),
    ] = None,
    table: Annotated[
        list[str] | None, typer.Option("--table", metavar="NAME", help="Prune only this table; repeatable.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is old and delete nothing.")] = False,
    yes: Yes = False,
    at: AtDatabase,
    as_json: AsJson = False,
) -> int:
    """Delete old candles and what was judged of them, never the ledger nor the audit log; a platform may go on.

    What is old is proven once more and the state that it leads to is kept, so that `parity` holds from there on.
    Exit code 3 where the ledger differs from its replay; nothing is deleted then.
    """
    return prune_job.prune_verb(at, age=older_than, tables=table or (), dry_run=dry_run, yes=yes, as_json=as_json)
