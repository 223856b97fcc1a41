"""Holds: stops of entries, most of them by a person, which rank before gate 1 and never keep an exit back."""

from collections.abc import Callable, Sequence

from services.executor.settlement import Given
from shared.contracts.commands import EVERY_PAIR
from shared.contracts.times import format_time
from shared.contracts.vocabulary import HoldKind
from shared.core.types import HOLD
from shared.store.port import Reader
from shared.store.rows.commands import HoldRow


def held(given: Given, holds: Sequence[HoldRow], pair: str, seq: int) -> Given:
    """Return what is added to the candle of a pair at `seq`, which brings no entry where one of the holds is on it."""
    if any(_is_on(hold, pair, seq) for hold in holds):
        return given._replace(conditions=given.conditions._replace(hold=HOLD))
    return given


def _is_on(hold: HoldRow, pair: str, seq: int) -> bool:
    return (
        hold.scope in (EVERY_PAIR, pair) and hold.since_seq < seq and (hold.ended_seq is None or seq <= hold.ended_seq)
    )


class HoldWatch:
    """What is known of the holds, so that each is told once when it begins or is first seen, and when it ends."""

    def __init__(self, tell: Callable[[HoldRow, bool], None]) -> None:
        """Know none; `tell` is told a hold and whether it is in force."""
        self._tell = tell
        self._known: dict[tuple[str, str], HoldRow] = {}

    def look(self, reader: Reader) -> None:
        """Tell what changed since the last time."""
        now = {(hold.scope, hold.kind): hold for hold in reader.holds()}
        for place, hold in now.items():
            if place not in self._known:
                self._tell(hold, True)
        for place, hold in self._known.items():
            if place not in now:
                self._tell(hold, False)
        self._known = now


def hold_sentence(hold: HoldRow, in_force: bool) -> str:
    """Return a hold, or its end, in words."""
    pairs = "on all pairs" if hold.scope == EVERY_PAIR else f"in {hold.scope}"
    if hold.kind == HoldKind.RESTORED:
        return _restored_sentence(hold, in_force)
    name = hold.kind.replace("_", " ")
    if not in_force:
        return f"entries {pairs} are no longer held by the {name} of {hold.actor}"
    return f"entries {pairs} are held by the {name} that {hold.actor} set at {format_time(hold.since_time)}"


def _restored_sentence(hold: HoldRow, in_force: bool) -> str:
    if not in_force:
        return "entries are no longer held for a restored database; it was accepted"
    return (
        f"entries on all pairs are held since {format_time(hold.since_time)}: the database is not the one that its "
        "anchors saw, as after a restore; look with `scalpbot audit verify`, then accept it with `scalpbot db "
        "accept-restore`"
    )
