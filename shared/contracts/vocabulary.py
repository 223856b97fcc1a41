"""The closed sets of words that are stored and shown, and the constants of the core by their names."""

from enum import StrEnum
from typing import Final

from shared.core.types import EXIT_NAMES, REASON_NAMES, SIDE_NAMES, ExitReason, Reason

REASON_OF_NAME: Final = {name: Reason(number) for number, name in enumerate(REASON_NAMES)}
EXIT_OF_NAME: Final = {name: ExitReason(number) for number, name in enumerate(EXIT_NAMES)}
SIDE_OF_NAME: Final = {name: side for side, name in SIDE_NAMES.items()}


class Role(StrEnum):
    """What a user may do; each role may do all that the one before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, least: "Role") -> bool:
        """Tell whether this role may do what another may."""
        ascending = tuple(Role)
        return ascending.index(self) >= ascending.index(least)


class GapKind(StrEnum):
    """Why candles are absent: the market was closed, nobody traded for a while, or the feed failed; or came late."""

    WEEKEND = "weekend"
    NO_TICKS = "no_ticks"
    OUTAGE = "outage"
    BACKFILLED = "backfilled"


class HoldKind(StrEnum):
    """Why entries are stopped: by a person, or because the database is not the one that its anchors saw."""

    PAUSE = "pause"
    KILL_SWITCH = "kill_switch"
    RESTORED = "restored"


class QuotePurpose(StrEnum):
    """What an applied quote did: it priced an entry, reached a stop or target, or closed at somebody's command.

    The last two are the names of those exits in the core.
    """

    ENTRY = "entry"
    EXIT = "exit"
    OPERATOR_CLOSE = "operator_close"
    KILL_SWITCH = "kill_switch"
