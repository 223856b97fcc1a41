"""Room that deleted rows leave, given back to the disk where nobody trades meanwhile."""

from collections.abc import Callable
from typing import NamedTuple

from shared.contracts.errors import InputError
from shared.store.faults import free_bytes
from shared.store.file_lock import locked_file
from shared.store.upkeep.copies import file_of, is_file
from shared.store.upkeep.sizes import Room, room_of
from shared.store.upkeep.sqlite_files import shrink

# A file written anew lies twice beside the old one for a moment: once as such, once as what is to be written into it.
_TIMES_NEEDED = 2


class Reclaimed(NamedTuple):
    """The bytes of a database now, those free in it for new rows, and why none went back to the disk."""

    total_bytes: int
    free_bytes: int | None
    why_not: str


def bytes_needed(room: Room) -> int:
    """Return how much room on the disk it takes to give free pages back."""
    return _TIMES_NEEDED * (room.total_bytes - (room.free_bytes or 0))


def reclaim(url: str, sign: Callable[[], None]) -> Reclaimed:
    """Give the free pages of an SQLite file back to the disk; `sign` is called now and then.

    That is left where somebody trades in it, where the disk has no room to write it anew, and to a server.
    """
    before = room_of(url)
    why = _why_not(url, before)
    if not why:
        try:
            with locked_file(url):
                shrink(file_of(url), sign)
        except InputError:
            why = "somebody trades in it; the room is used for new rows, and goes back with a prune while nobody does"
    after = room_of(url)
    return Reclaimed(after.total_bytes, after.free_bytes, why)


def _why_not(url: str, room: Room) -> str:
    if not is_file(url):
        return (
            "the server uses the room for new rows once autovacuum has been there; VACUUM FULL by the owner gives it "
            "back to the disk, and keeps everybody out of the tables meanwhile"
        )
    if not room.free_bytes:
        return "no page of it is free"
    left, needed = free_bytes(file_of(url)), bytes_needed(room)
    if left is not None and left < needed:
        return f"that needs {needed:,} bytes of the disk for a while, and {left:,} are free; new rows use the room"
    return ""
