"""Weeks of live trading on the simulated OANDA while everything about it fails at random, and what came of them."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from services.inspection.csv_export import closed_trades
from services.inspection.parity import check_parity
from shared.contracts.shown import trade_hash
from shared.core.columns import CandleSeries
from shared.core.types import SECONDS_PER_DAY, Candle
from shared.settings.settings import Settings
from shared.store.engine import sqlite_url
from shared.store.port import Reader
from shared.store.sql.audit import verify_audit
from shared.store.sql_store import open_store
from tests.fixtures.backtested import run_backtest
from tests.fixtures.deployed import Deployment, traded, wait_until
from tests.fixtures.live_run import WARM_UP, live_settings, trade_candles
from tests.fixtures.paper import sample_series
from tests.simulators.oanda import CandleKey, Faults, OandaSimulator, VirtualClock

PAIRS: Final = ("EUR_USD", "USD_JPY")
BY_MARKET: Final = "tests.tools.scalpbot_by_market"
# What a pair is waited for. Time of processes is slow beside that of the market.
_LATE_SECONDS: Final = 3600
_AFTER_SECONDS: Final = 4 * 3600
_HEARTBEAT_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 120.0


class Came(NamedTuple):
    """What came of a live run: counts, and each promise that was broken, in words."""

    shape: str
    market_days: float
    seconds: float
    requests: int
    faults: int
    kinds: int
    existing: int
    stored: int
    trades: int
    gaps: int
    trade_hash: str
    broken: tuple[str, ...]

    def line(self) -> str:
        """Return the run as a line of a report."""
        return (
            f"{self.shape}: {self.market_days:.1f} days of market time in {self.seconds:.0f} s, "
            f"{self.requests} requests, {self.faults} faults of {self.kinds} kinds; "
            f"{self.stored} of {self.existing} candles stored, {self.trades} trades, "
            f"{self.gaps} rows of gaps, trade hash {self.trade_hash[:12]}; "
            f"{'broken: ' + '; '.join(self.broken) if self.broken else 'nothing lost, doubled or decided otherwise'}"
        )


def market_of(days: float) -> list[CandleSeries]:
    """Return the sample's candles of a warm-up and so many days after it."""
    found = []
    for series in sample_series(*PAIRS):
        last = int(series.time[WARM_UP]) + days * SECONDS_PER_DAY
        found.append(series.part(slice(int(np.searchsorted(series.time, last)))))
    return found


def every_fault(seed: int, rate: float) -> Faults:
    """Return faults of every kind at random; bars are missing or revised, too, and complete with the next quote."""
    faults = Faults.random(seed, rate, alters_history=True)
    faults.completes_with_next_tick, faults.omits_incomplete_bars = True, False
    faults.slow_seconds_real = 0.01
    return faults


def live_embedded(folder: Path, days: float, seed: int, rate: float) -> Came:
    """Trade in one process, in step with the simulator's clock."""
    series, faults = market_of(days), every_fault(seed, rate)
    clock = _clock(series, 0.0)
    database, began = folder / "live.db", time.monotonic()
    with OandaSimulator(series, clock, faults, heartbeat_seconds=_HEARTBEAT_SECONDS) as simulator:
        trade_candles(simulator, series, database, _end_of(series))
        settings = live_settings(simulator, series)
        return _judged("embedded", sqlite_url(database), simulator, series, settings, began)


def live_deployed(deployment: Deployment, days: float, seed: int, rate: float, speed: float) -> Came:
    """Trade with the services as processes, each by the market's clock, which runs so many times as fast as time."""
    series, faults = market_of(days), every_fault(seed, rate)
    # Fills at prices between two candles are no backtest's; a book in which nobody offers anything brings none.
    faults.empty_books = True
    clock = _clock(series, speed)
    began, start, now = time.monotonic(), clock.now(), time.time()
    with OandaSimulator(series, clock, faults, heartbeat_seconds=_HEARTBEAT_SECONDS) as simulator:
        wanted = {
            "SCALP_BOT_LIVE__LATE_SECONDS": str(_LATE_SECONDS),
            "SCALP_BOT_LIVE__STALE_CANDLES": "100",
            "SCALP_BOT_LIVE__SILENT_SECONDS": "120",
        }
        settings = live_settings(simulator, series, **wanted)
        environ = {
            "OANDA_API_KEY": simulator.token,
            "OANDA_ACCOUNT_ID": simulator.account_id,
            "OANDA_REST_URL": simulator.address.rest_url,
            "OANDA_STREAM_URL": simulator.address.stream_url,
            "SCALP_BOT_GATES__NEWS_ON_MISSING": "allow",
            "SCALP_BOT_LIVE__GRANULARITY": "M5",
            "SCALP_BOT_LIVE__WARM_UP_CANDLES": str(WARM_UP),
            "SCALP_BOT_LIVE__POLL_SECONDS": "20",
            "SCALP_BOT_LIVE__CALENDAR_URL": "http://127.0.0.1:1/none",
            "MARKET_TIME": f"{start}:{now}:{speed}",
            **wanted,
        }
        for name in ("strategy", "executor"):
            deployment.start(name, "--mode", "LIVE", environ=environ, program=BY_MARKET)
        pairs = ",".join(PAIRS)
        deployment.start("ingest", "--feed", "oanda", "--pairs", pairs, environ=environ, program=BY_MARKET)
        left = (_end_of(series) + _AFTER_SECONDS - clock.now()) / speed
        wait_until(
            lambda: clock.now() >= _end_of(series) + _AFTER_SECONDS,
            left + 60,
            "the market is over",
            lambda: _alive(deployment),
        )
        _wait_until_settled(deployment)
        codes = {name: deployment.stop(name)[0] for name in ("ingest", "strategy", "executor")}
        came = _judged("deployed", deployment.store_url, simulator, series, settings, began)
    ended = tuple(f"{name} ended with {code}" for name, code in codes.items() if code)
    return came._replace(broken=came.broken + ended)


def _alive(deployment: Deployment) -> None:
    for name, process in deployment.running.items():
        assert process.poll() is None, f"{name} ended by itself:\n{deployment.log_of(name)[-2_000:]}"
    time.sleep(0.5)


def _wait_until_settled(deployment: Deployment) -> None:
    store = open_store(deployment.store_url)
    try:

        def settled() -> bool:
            with store.reading() as reader:
                last = reader.last_candle()
            return last is not None and traded(store) == last.seq

        wait_until(settled, _PATIENCE_SECONDS, "every candle is traded")
    finally:
        store.close()


def _clock(series: Sequence[CandleSeries], speed: float) -> VirtualClock:
    step = series[0].granularity_seconds
    return VirtualClock(int(series[0].time[WARM_UP]) + step / 2, speed, skips_weekends=not speed)


def _end_of(series: Sequence[CandleSeries]) -> float:
    return float(max(each.time[-1] for each in series) + series[0].granularity_seconds + 300)


def _judged(
    shape: str, url: str, simulator: OandaSimulator, series: Sequence[CandleSeries], settings: Settings, began: float
) -> Came:
    """Compare what is stored with the market that there was, and with the backtest of it."""
    seconds = time.monotonic() - began
    store = open_store(url)
    try:
        with store.reading() as reader:
            broken = list(_broken_ledger(reader))
            mine: dict[str, list[Candle]] = {each.instrument.name: [] for each in series}
            for row in reader.candles_in_order():
                mine[row.pair].append(row.candle)
            existing = 0
            for each in series:
                real = _existing_from(simulator, each, mine[each.instrument.name])
                existing += len(real)
                broken += _broken_candles(simulator, reader, each, mine[each.instrument.name], real)
            trades, gaps = closed_trades(reader), reader.gaps(1_000_000)
    finally:
        store.close()
    columns = [
        CandleSeries(
            each.instrument, each.granularity_seconds, *map(np.array, zip(*mine[each.instrument.name], strict=True))
        )
        for each in series
    ]
    live, past = trade_hash(trades), trade_hash(run_backtest(columns, settings).trades)
    if live != past:
        broken.append(f"trade hash {live[:12]}, but the backtest has {past[:12]}")
    if simulator.changing_requests:
        broken.append("something was changed at OANDA")
    drawn = simulator.faults.drawn
    return Came(
        shape=shape,
        market_days=(_end_of(series) - float(series[0].time[WARM_UP])) / SECONDS_PER_DAY,
        seconds=seconds,
        requests=len(simulator.requests),
        faults=sum(drawn.values()),
        kinds=len(drawn),
        existing=existing,
        stored=sum(map(len, mine.values())),
        trades=len(trades),
        gaps=len(gaps),
        trade_hash=live,
        broken=tuple(broken),
    )


def _existing_from(simulator: OandaSimulator, series: CandleSeries, mine: Sequence[Candle]) -> list[Candle]:
    first = mine[0].time if mine else 0
    return [candle for candle in simulator.existing_candles(series.instrument.name) if candle.time >= first]


def _broken_ledger(reader: Reader) -> list[str]:
    difference = check_parity(reader, lambda _done: None).difference
    return [
        *([f"parity: {difference}"] if difference is not None else []),
        *([] if verify_audit(reader.audit_in_order()).ok else ["the audit chain is broken"]),
    ]


def _broken_candles(
    simulator: OandaSimulator, reader: Reader, series: CandleSeries, mine: Sequence[Candle], real: Sequence[Candle]
) -> list[str]:
    """Return what is wrong with a pair's stored candles and with its part of the gap ledger."""
    pair, step = series.instrument.name, series.granularity_seconds
    times = [candle.time for candle in mine]
    broken = []
    if times != [candle.time for candle in real]:
        lost = {candle.time for candle in real} - set(times)
        broken.append(f"{pair}: {len(lost)} candles lost, {len(times) - len(set(times))} doubled")
    served, by_time = simulator.served, {candle.time: candle for candle in real}
    for candle in mine:
        # One that is revised later stays what it was when it was traded, be it called complete by then or not.
        forms = served.get(CandleKey(pair, step, candle.time), [])
        if candle != by_time.get(candle.time) and candle not in forms:
            broken.append(f"{pair}: a candle is stored that OANDA never had")
    tiles = [gap for gap in reader.gaps(1_000_000, pair) if gap.kind != "backfilled"]
    absent = [slot for gap in tiles for slot in range(gap.from_time, gap.to_time, step)]
    if sorted([*times, *absent]) != list(range(times[0], times[-1] + 1, step)):
        broken.append(f"{pair}: stored candles and gaps do not tile its time")
    return broken
