"""Holds: stops of entries by a person, which rank before gate 1 and never keep an exit back."""

from collections.abc import Sequence

from services.executor.settlement import Given
from shared.contracts.commands import EVERY_PAIR
from shared.core.types import HOLD
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
