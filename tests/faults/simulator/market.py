"""Short markets in which much is traded, and the ledger that a run without faults ends with."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from services.executor.build import Outside
from services.ingest.feed import unstored
from services.platform.platform import Platform
from shared.contracts.runs import RunMode
from shared.core.columns import CandleSeries
from shared.settings.settings import Settings, load_settings
from tests.faults.simulator.database import LedgerTable, MemoryDatabase
from tests.fixtures.paper import NOON, sample_series

_PAIRS: Final = ("EUR_USD", "USD_JPY")
_CANDLES: Final = 100
# With three, each pair has one of its own, and one has nothing to do.
_PARTITIONS: Final = (1, 3)
# Where in the sample the pairs trade, win and lose; in the first the account is halted as well.
_STARTS: Final = (80, 1_770, 6_070)
_OVERRIDES: Final = {
    "SCALP_BOT_RISK__STOP_ATR": "0.7",
    "SCALP_BOT_RISK__MAX_SLIPPAGE_PIPS": "0.3",
    "SCALP_BOT_RISK__RISK_PERCENT": "2",
    "SCALP_BOT_GATES__DAILY_LOSS_PERCENT": "5",
    **{f"SCALP_BOT_PAIRS__{pair}__PROFILE": "aggressive" for pair in _PAIRS},
    **{f"SCALP_BOT_PAIRS__{pair}__MAX_SPREAD_PIPS": "9" for pair in _PAIRS},
    **{f"SCALP_BOT_PAIRS__{pair}__STRATEGY": "vwap_rsi" for pair in _PAIRS},
}


class SimulatedMarket(NamedTuple):
    """Candles to trade, the settings to trade them with, and the ledger that must come of it."""

    settings: Settings
    series: Sequence[CandleSeries]
    candles: int
    ledger: dict[str, LedgerTable]


def simulated_markets(database: MemoryDatabase) -> list[SimulatedMarket]:
    """Trade each market once without faults, in the embedded platform."""
    whole = sample_series(*_PAIRS)
    return [
        _market(database, partitions, [_cut(each, whole[0], start) for each in whole])
        for start in _STARTS
        for partitions in _PARTITIONS
    ]


def _market(database: MemoryDatabase, partitions: int, series: list[CandleSeries]) -> SimulatedMarket:
    settings = load_settings(None, {**_OVERRIDES, "SCALP_BOT_DEPLOYMENT__PARTITIONS": str(partitions)})
    database.reset(float)
    with database.store.reading() as reader:
        arrivals = unstored(reader, series)
    outside = Outside("simulated", lambda: NOON)
    Platform(database.store, settings, RunMode.OFFLINE, None, outside).replay(arrivals, lambda _done: None)
    return SimulatedMarket(settings, series, len(arrivals), database.ledger())


def _cut(series: CandleSeries, clock: CandleSeries, start: int) -> CandleSeries:
    first = int((series.time < clock.time[start]).sum())
    return series.part(slice(first, first + _CANDLES))
