"""The closed sets of words that are stored and shown, and the constants of the core that they stand for."""

from typing import Final

from shared.core.types import (
    EXIT_NAMES,
    KILL_SWITCH,
    OPERATOR_CLOSE,
    REASON_NAMES,
    SIDE_NAMES,
)

ENTRY: Final = "entry"
EXIT: Final = "exit"
QUOTE_PURPOSES: Final = (ENTRY, EXIT, EXIT_NAMES[OPERATOR_CLOSE], EXIT_NAMES[KILL_SWITCH])
GAP_KINDS: Final = ("weekend", "no_ticks", "outage", "backfilled")
REASON_OF_NAME: Final = {name: number for number, name in enumerate(REASON_NAMES)}
EXIT_OF_NAME: Final = {name: number for number, name in enumerate(EXIT_NAMES)}
SIDE_OF_NAME: Final = {name: side for side, name in SIDE_NAMES.items()}
PAUSE: Final = "pause"
KILL_SWITCH_HOLD: Final = "kill_switch"
ROLES: Final = ("viewer", "operator", "admin")
