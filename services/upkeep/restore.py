"""A backup put in the place of a database, or where there is none yet: as a whole or not at all."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from services.upkeep.backup import anchors_beside
from services.upkeep.contents import Contents, contents_of
from services.upkeep.whole_file import put_in_place, temporary_file, write_whole
from shared.anchors.fitting import misfit
from shared.anchors.places import KnownAnchors
from shared.contracts.errors import InputError
from shared.store.engine import database_url, make_folder, shown_place
from shared.store.file_lock import locked_file
from shared.store.port import Reader
from shared.store.schema import SchemaState, check
from shared.store.sql_store import open_store
from shared.store.upkeep.copies import (
    Progress,
    copy_in,
    file_of,
    fill_server,
    holds_rows,
    is_file,
    looked_into,
    require_replaceable,
)
from shared.store.upkeep.sqlite_files import copy_over


class Order(NamedTuple):
    """What is restored: from which file, into which database with its anchors, and whether in the place of another."""

    file: Path
    url: str
    known: KnownAnchors
    replaces: bool


class Prospect(NamedTuple):
    """What is about to be restored, and what that does.

    `present` is what the database holds now, None where it is empty or of another schema; `follows` says that it is a
    later state of what the backup holds; `held` why entries will be held, nothing where they will not.
    """

    schema: str
    contents: Contents
    replaces: bool
    present: Contents | None
    follows: bool
    held: str
    brings_anchors: bool


def restore(order: Order, progress: Progress, agreed: Callable[[Prospect], None]) -> Prospect:
    """Put a backup in place and return what that did.

    `agreed` is told what is about to happen and raises where it shall not. Raises InputError for a file that is no
    sound backup, while somebody trades, and for a database with rows where none are to be replaced.
    """
    require_backup(order.file)
    if is_file(order.url):
        make_folder(database_url(order.url))
    require_replaceable(order.url)
    with locked_file(order.url):
        holds = holds_rows(order.url)
        if holds and not order.replaces:
            raise InputError(
                f"{shown_place(order.url)} holds a database; add --replace to put the backup in its place, or name "
                "another one with --db"
            )
        with _copied(order, progress) as (copy, schema):
            prospect = _prospect(order, copy, schema, holds)
            agreed(prospect)
            if prospect.brings_anchors and order.known.path is not None:
                order.known.path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(order.known.path, anchors_beside(order.file).read_bytes())
            _put(order, copy, progress)
    return prospect


def require_backup(file: Path) -> None:
    """Raise InputError where there is no file of a name."""
    if file.is_dir():
        raise InputError(f"{file} is a folder; name the file that `scalpbot db backup` made")
    if not file.exists():
        raise InputError(f"there is no file {file}; name the file that `scalpbot db backup` made")


@contextmanager
def _copied(order: Order, progress: Progress) -> Iterator[tuple[Path, str]]:
    """Yield a copy of the backup that was examined and is of the current schema, and the schema of the backup."""
    if is_file(order.url):
        with temporary_file(file_of(order.url)) as temporary:
            yield temporary, copy_in(order.file, temporary, progress)
        return
    with TemporaryDirectory(prefix="scalpbot-restore-") as folder:
        temporary = Path(folder) / "restored.db"
        yield temporary, copy_in(order.file, temporary, progress)


def _prospect(order: Order, copy: Path, schema: str, holds: bool) -> Prospect:
    known = order.known
    with looked_into(copy) as store, store.reading() as reader:
        contents = contents_of(reader)
        held = misfit(reader, known)
    present, follows = None, False
    if holds and check(order.url).state is SchemaState.CURRENT:
        with closing(open_store(order.url, only_to_read=True)) as store, store.reading() as reader:
            present, follows = contents_of(reader), _follows(reader, contents)
    brings = known.path is not None and not known.path.exists() and anchors_beside(order.file).exists()
    return Prospect(
        schema=schema,
        contents=contents,
        replaces=holds,
        present=present,
        follows=follows,
        held=held,
        brings_anchors=brings,
    )


def _follows(reader: Reader, contents: Contents) -> bool:
    if not contents.audit_records:
        return True
    record = reader.audit_record(contents.audit_records)
    return record is not None and record.hash == contents.audit_head


def _put(order: Order, copy: Path, progress: Progress) -> None:
    if not is_file(order.url):
        fill_server(copy, order.url, progress)
    elif file_of(order.url).exists():
        copy_over(copy, file_of(order.url), progress)
    else:
        put_in_place(copy, file_of(order.url))
