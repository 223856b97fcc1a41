"""What a live market does of itself: weekends, days on which clocks change, and candles that are revised."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from services.ingest.metrics import FeedMetrics
from services.platform.platform import opened_store
from shared.contracts.instruments import instrument
from shared.core.columns import CandleSeries
from shared.core.types import Candle
from shared.store.engine import sqlite_url
from shared.store.port import Store
from tests.faults.outcome import Effects, Outcome, described, effects_of, missing, violations_of
from tests.faults.stage import PAIR, Stage
from tests.fixtures.live_run import WARM_UP, live_settings, trade_candles
from tests.fixtures.paper import run_paper
from tests.simulators.oanda import CandleKey, Faults, OandaSimulator, VirtualClock

_STEP: Final = 300
_NEW_YORK: Final = ZoneInfo("America/New_York")
_CLOSES: Final = 17
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6
# The Sundays on which New York and London changed their clocks, and one on which nobody did.
SUNDAYS: Final = ("2024-03-10", "2024-03-31", "2024-10-27", "2024-11-03", "2024-06-02")
_BEFORE, _AFTER = timedelta(days=2, hours=4), timedelta(days=1, hours=12)
_SEED: Final = 20_260_303
# Sessions by the clocks of two cities that change them on different days.
_EAGER: Final = {
    "SCALP_BOT_PAIRS__EUR_USD__STRATEGY": "vwap_rsi",
    "SCALP_BOT_PAIRS__EUR_USD__PROFILE": "aggressive",
    "SCALP_BOT_PAIRS__EUR_USD__SESSIONS": "07:00-21:00 Europe/London,17:00-04:00 America/New_York",
    "SCALP_BOT_STRATEGIES__VWAP_RSI__AGGRESSIVE__LO": "45",
    "SCALP_BOT_STRATEGIES__VWAP_RSI__AGGRESSIVE__HI": "55",
    "SCALP_BOT_STRATEGIES__VWAP_RSI__AGGRESSIVE__K": "5",
    "SCALP_BOT_RISK__RISK_PERCENT": "0.2",
    "SCALP_BOT_RISK__STOP_ATR": "0.5",
    "SCALP_BOT_RISK__TARGET_RATIO": "1",
    "SCALP_BOT_GATES__DAILY_LOSS_PERCENT": "100",
}


def weekends(stage: Stage, sundays: Sequence[str], revised_share: float = 0.0) -> list[Outcome]:
    """Follow a simulated OANDA over weekends, with the hours in which the market is closed, and clocks that change."""
    return [_followed(stage, sunday, revised_share, "live", f"weekend and clocks of {sunday}") for sunday in sundays]


def revised(stage: Stage, share: float) -> Outcome:
    """Follow a simulated OANDA that changes a share of its candles two minutes and a half after they were complete."""
    return _followed(stage, SUNDAYS[-1], share, "revised", "candles revised over the wire")


def _followed(stage: Stage, sunday: str, revised_share: float, row: str, fault: str) -> Outcome:
    series = weekend_series(sunday, _SEED)
    faults = Faults(seed=_SEED, revised_rate=revised_share, revised_after_seconds=_STEP / 2)
    folder = Path(tempfile.mkdtemp(dir=stage.folder, prefix="live_"))
    begin, end = int(series.time[WARM_UP]) + _STEP / 2, float(series.time[-1] + _STEP + 300)
    with OandaSimulator([series], VirtualClock(begin), faults, heartbeat_seconds=0.2) as simulator:
        process = trade_candles(simulator, [series], folder / "live.db", end, None, **_EAGER)
        settings = live_settings(simulator, [series], **_EAGER)
        forms = [simulator.served[CandleKey(PAIR, _STEP, time)] for time in series.time.tolist()]
    first = [each[0] for each in forms]
    revisions = sum(len(each) > 1 for each in forms)
    run_paper(folder / "undisturbed.db", [_series_of(first)], settings=settings)
    with (
        opened_store(sqlite_url(folder / "undisturbed.db")) as undisturbed,
        opened_store(sqlite_url(folder / "live.db")) as live,
    ):
        expected, found = _effects(undisturbed, begin), _effects(live, begin)
        violations = _violations(live, series)
    notes: dict[str, float | str] = {"candles": len(series.time), "trades": found["trades"].total()}
    lost, doubled = missing(expected, found), missing(found, expected)
    if lost or doubled:
        notes["differs"] = described(expected, found)
    if revised_share:
        notes["revised"] = revisions
        notes["told as refused"] = process.metrics.of(FeedMetrics).rejected_candles.labels(PAIR)._value.get()
    injected = revisions if revised_share else 1
    outcome = Outcome(row, fault, injected, lost, doubled, tuple(violations), notes=notes)
    stage.outcomes.append(outcome)
    return outcome


def _effects(store: Store, begin: float) -> Effects:
    """Return what can be lost or doubled; of the verdicts those on candles that closed while they were watched."""
    with store.reading() as reader:
        effects = dict(effects_of(reader))
        verdicts = [row for row in reader.gate_snapshots_after(0, len(effects["candles"])) if row.time > begin]
    effects["gate_snapshots"] = Counter(map(repr, verdicts))
    return effects


def _violations(store: Store, series: CandleSeries) -> list[str]:
    """Return every promise that was broken: those of any ledger, and that the gap ledger has the weekend alone."""
    with store.reading() as reader:
        found = violations_of(reader, None)
        gaps = [(gap.kind, gap.from_time, gap.to_time) for gap in reader.gaps(100)]
    times = series.time
    (place,) = np.flatnonzero(np.diff(times) > _STEP)
    weekend = ("weekend", int(times[place]) + _STEP, int(times[place + 1]))
    if gaps != [weekend]:
        found.append(f"the gap ledger has {gaps}, not {weekend}")
    return found


def _series_of(candles: Sequence[Candle]) -> CandleSeries:
    columns = [np.array(column) for column in zip(*candles, strict=True)]
    return CandleSeries(instrument(PAIR), _STEP, *columns)


def weekend_series(sunday: str, seed: int) -> CandleSeries:
    """Return candles from a Friday in the morning to a Monday in the evening, none while New York is closed."""
    midday = datetime.fromisoformat(f"{sunday}T12:00:00").replace(tzinfo=UTC)
    start, end = (int(each.timestamp()) for each in (midday - _BEFORE, midday + _AFTER))
    times = np.array([time for time in range(start, end, _STEP) if _is_open(time)], dtype=np.int64)
    mid = 110_000 + np.cumsum(np.random.default_rng(seed).integers(-25, 26, len(times)))
    sides = [(mid + half, mid + half + 30, mid + half - 30, mid + half + 5) for half in (-4, 4)]
    volume = (40 + np.arange(len(times)) % 23).astype(np.float64)
    return CandleSeries(instrument(PAIR), _STEP, times, *sides[0], *sides[1], volume)


def _is_open(seconds: int) -> bool:
    """Return whether the market is open, as a reader of a wall clock in New York would say."""
    local = datetime.fromtimestamp(seconds, _NEW_YORK)
    day, hour = local.weekday(), local.hour
    return not ((day == _FRIDAY and hour >= _CLOSES) or day == _SATURDAY or (day == _SUNDAY and hour < _CLOSES))
