"""The verbs `audit`: read the audit log, check it against itself and its anchors, and make the key of anchors."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from services.cli.audit import job
from services.cli.groups import with_groups
from services.cli.options import AsJson, AtDatabase, Between

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


audit = typer.Typer(name="audit", help="Read and verify the audit log.", no_args_is_help=True)


@audit.command()
@with_groups
def tail(
    *,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="Show at most N records, newest first.")
    ] = 20,
    between: Between,
    at: AtDatabase,
    as_json: AsJson = False,
) -> None:
    """Show the latest audit records."""
    job.tail(at, limit, between, as_json)


@audit.command()
@with_groups
def verify(
    *, anchors: AnchorsPath = None, public_key: PublicKey = None, at: AtDatabase, as_json: AsJson = False
) -> int:
    """Verify the hash chain of the audit log, and compare it with the anchors kept outside the database.

    Exit code 3 at the first record, or the first anchor, that was changed.
    """
    return job.verify(at, anchors=anchors, public_key=public_key, as_json=as_json)


@audit.command()
def keys(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File of the private key; it is made if missing.")],
    as_json: AsJson = False,
) -> None:
    """Make a key that signs anchors, unless the file has one, and print the public key to verify them with."""
    job.keys(file, as_json)
