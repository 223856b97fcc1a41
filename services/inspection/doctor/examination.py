"""The whole examination: all sections side by side, and the pairs that it is about."""

from collections.abc import Callable, Sequence
from typing import Final

from services.inspection.doctor.broker import broker_section
from services.inspection.doctor.findings import Finding, Limits, run_sections
from services.inspection.doctor.modes import modes_section
from services.inspection.doctor.network import network_section
from services.inspection.doctor.oanda import oanda_section
from services.inspection.doctor.stored import stored_section
from shared.settings.settings import Settings

_USUAL_PAIRS: Final = ("EUR_USD", "GBP_USD", "USD_JPY")
_USUAL_LIMITS: Final = Limits()


def examine(
    settings: Settings,
    store_url: str,
    pairs: Sequence[str],
    clock: Callable[[], float],
    *,
    limits: Limits = _USUAL_LIMITS,
) -> list[Finding]:
    """Return what is found of OANDA, the database and the broker, within the limits and whatever hangs or fails.

    Without pairs, instruments and prices are those of the pairs in the settings, candles those of the database.
    """
    traded = list(pairs) or sorted(settings.pairs) or list(_USUAL_PAIRS)
    sections = (
        network_section(settings, limits),
        oanda_section(settings, traded, clock=clock, limits=limits),
        stored_section(store_url, settings, pairs, clock=clock, limits=limits),
        modes_section(store_url, settings),
        broker_section(settings),
    )
    return run_sections(sections, limits.whole_seconds)
