"""The sections of the parameters that may change while the platform runs."""

from typing import Final

from shared.core.strategies import STRATEGY_NAMES

# Limits of the gates, how much is risked, and what a pair has of its own: profile, sessions, spread limit.
SETTINGS_SECTIONS: Final = ("gates", "risk", "pairs")
SECTIONS: Final = STRATEGY_NAMES + SETTINGS_SECTIONS
