"""Whether a database is the one that its anchors saw: asked before anything is traded in it."""

from pathlib import Path

from shared.anchors.file import AnchorError, ended_anchors, sync_folder
from shared.anchors.lines import Anchor, not_ours
from shared.anchors.places import KnownAnchors
from shared.contracts.times import format_time
from shared.store.port import Reader
from shared.store.sql.audit import hash_of


def misfit(reader: Reader, known: KnownAnchors) -> str:
    """Return why a database is not the one that its newest anchor saw, nothing where it is or there is no anchor.

    Raises OSError where the anchors cannot be read.
    """
    if known.path is None:
        return ""
    try:
        last = ended_anchors(known.path)
    except FileNotFoundError:
        return ""
    except AnchorError as fault:
        return str(fault)
    if last is None:
        return ""
    return not_ours(last, known.key) or unseen(reader, last)


def unseen(reader: Reader, anchor: Anchor) -> str:
    """Return that a database does not hold the record of an anchor, in a sentence; nothing where it does."""
    if not anchor.audit_id:
        # Made while the log was empty.
        return ""
    record = reader.audit_record(anchor.audit_id)
    if record is not None and record.hash == anchor.hash == hash_of(record):
        return ""
    return f"the database does not hold record {anchor.audit_id} as anchor {anchor.serial} of {anchor.time} saw it"


def set_aside(path: Path, now: int) -> Path | None:
    """Rename a file of anchors, so that new ones begin, and return its name; None where there is none. Raises OSError.

    The name tells until when they were kept; what has that name already stays.
    """
    if not path.exists():
        return None
    until = format_time(now).replace(":", "").replace("-", "")
    number = 1
    while (aside := path.with_name(f"{path.stem}.until-{until}-{number}{path.suffix}")).exists():
        number += 1
    path.rename(aside)
    sync_folder(path.parent)
    return aside
