"""A copy of a database in one SQLite file, with the anchors of its log beside it."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from services.upkeep.contents import Contents, contents_of
from services.upkeep.whole_file import put_in_place, require_new, temporary_file, write_whole
from shared.anchors.places import KnownAnchors
from shared.contracts.errors import InputError
from shared.store.schema import STEPS
from shared.store.upkeep.copies import copy_out, looked_into

_ANCHORS_ENDING = ".anchors.jsonl"


class Backup(NamedTuple):
    """What was written: the file, its bytes, its schema, the copy of the anchors (None: there are none), what it holds.

    What a copy of an older schema holds is not looked into.
    """

    file: Path
    file_bytes: int
    schema: str
    anchors: Path | None
    contents: Contents | None


def anchors_beside(file: Path) -> Path:
    """Return where the anchors of a backup are kept."""
    return file.with_name(f"{file.name}{_ANCHORS_ENDING}")


def back_up(url: str, known: KnownAnchors, file: Path, progress: Callable[[int, int], None]) -> Backup:
    """Copy a database as it is at one moment into a new file, whoever trades in it meanwhile.

    `progress` is told how much is done, and of how much: pages or rows. Raises InputError where there is such a file,
    or where the database cannot be read, and InfrastructureError where it is away or a disk is full.
    """
    beside = anchors_beside(file)
    require_new(file)
    require_new(beside)
    # Anchors first: every record that they have seen is then in the copy.
    anchors = _anchors(known)
    with temporary_file(file) as temporary:
        schema = copy_out(url, temporary, progress)
        contents = None
        if schema == STEPS.current:
            with looked_into(temporary) as store, store.reading() as reader:
                contents = contents_of(reader)
        size = temporary.stat().st_size
        if anchors is not None:
            write_whole(beside, anchors)
        put_in_place(temporary, file)
    return Backup(
        file=file, file_bytes=size, schema=schema, anchors=None if anchors is None else beside, contents=contents
    )


def _anchors(known: KnownAnchors) -> bytes | None:
    if known.path is None:
        return None
    try:
        return known.path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise InputError(
            f"The anchors {known.path} cannot be read ({fault.strerror}): take the backup as whoever may read them."
        ) from fault
