"""Live paper trading on the simulated OANDA decides as the backtest does, whatever is wrong with the feed."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from services.ingest.files.candle_file import parse_candle_argument, read_candle_file
from services.ingest.metrics import FeedMetrics
from services.inspection.csv_export import closed_trades
from services.inspection.parity import check_parity
from services.platform.platform import opened_store
from shared.contracts.errors import InputError
from shared.contracts.shown import trade_hash
from shared.core.columns import CandleSeries
from shared.core.types import STALE_DATA, Candle
from shared.store.engine import sqlite_url
from tests.fixtures.backtested import run_backtest
from tests.fixtures.live_run import WARM_UP, KeptLog, live_settings, trade_candles
from tests.fixtures.paper import first_candles, sample_series
from tests.material import shared_material
from tests.simulators.oanda import CandleKey, Faults, OandaSimulator, ResponseFault, VirtualClock


def sample() -> list[CandleSeries]:
    return [first_candles(series, 700) for series in sample_series("EUR_USD", "USD_JPY")]


def real_euro() -> list[CandleSeries]:
    file = shared_material("data", "EUR_USD_M5_2014-05.csv")
    return [read_candle_file(parse_candle_argument(str(file)), model_spread_points=0).series]


def real_week() -> list[CandleSeries]:
    """Return real candles over a weekend."""
    return [first_candles(series, 900) for series in real_euro()]


def simulated(series: Sequence[CandleSeries], faults: Faults | None = None) -> OandaSimulator:
    """Return a simulator whose clock stands where the history for the warm-up is over."""
    step = series[0].granularity_seconds
    clock = VirtualClock(int(series[0].time[WARM_UP]) + step / 2, skips_weekends=True)
    return OandaSimulator(series, clock, faults, heartbeat_seconds=0.2)


def end_of(series: Sequence[CandleSeries]) -> float:
    return float(max(each.time[-1] for each in series) + series[0].granularity_seconds + 300)


def stored_candles(database: Path) -> dict[str, list[Candle]]:
    found: dict[str, list[Candle]] = {}
    with opened_store(sqlite_url(database)) as store, store.reading() as reader:
        for row in reader.candles_in_order():
            found.setdefault(row.pair, []).append(row.candle)
    return found


def ledger_hash(database: Path) -> str:
    with opened_store(sqlite_url(database)) as store, store.reading() as reader:
        difference = check_parity(reader, lambda _done: None).difference
        assert difference is None, difference
        return trade_hash(closed_trades(reader))


def gaps_explain_every_absent_slot(database: Path, step: int) -> None:
    """Check that stored candles and the rows of the gap ledger tile the time of every pair."""
    with opened_store(sqlite_url(database)) as store, store.reading() as reader:
        gaps = reader.gaps(100_000)
    for pair, candles in stored_candles(database).items():
        tiles = [gap for gap in gaps if gap.pair == pair and gap.kind != "backfilled"]
        absent = [time for gap in tiles for time in range(gap.from_time, gap.to_time, step)]
        times = [candle.time for candle in candles]
        assert sorted([*times, *absent]) == list(range(times[0], times[-1] + 1, step))
        assert {gap.kind for gap in tiles} <= {"weekend", "no_ticks"}


@pytest.mark.parametrize("market", [sample, real_week])
def test_weeks_of_live_candles_are_traded_as_the_backtest_trades_them(
    tmp_path: Path, market: Callable[[], list[CandleSeries]]
) -> None:
    series = market()
    with simulated(series) as simulator:
        trade_candles(simulator, series, tmp_path / "live.db", end_of(series))
        settings = live_settings(simulator, series)
        assert simulator.changing_requests == []
    assert {pair: len(candles) for pair, candles in stored_candles(tmp_path / "live.db").items()} == {
        each.instrument.name: len(each.time) for each in series
    }
    assert ledger_hash(tmp_path / "live.db") == trade_hash(run_backtest(series, settings).trades)
    gaps_explain_every_absent_slot(tmp_path / "live.db", series[0].granularity_seconds)


def test_every_fault_at_random_changes_no_decision_and_loses_no_candle_over_a_weekend(tmp_path: Path) -> None:
    series = real_week()
    faults = Faults.random(3, 0.1, alters_history=True)
    faults.slow_seconds_real = 0.01
    with simulated(series, faults) as simulator:
        trade_candles(simulator, series, tmp_path / "live.db", end_of(series))
        settings = live_settings(simulator, series)
        assert simulator.changing_requests == []
        existing = [simulator.existing_candles(each.instrument.name) for each in series]
        served = simulator.served
    stored, traded = stored_candles(tmp_path / "live.db"), []
    for each, candles in zip(series, existing, strict=True):
        pair, step = each.instrument.name, each.granularity_seconds
        mine = stored[pair]
        assert [candle.time for candle in mine] == [candle.time for candle in candles if candle.time >= mine[0].time]
        # A candle that is revised later stays what it was when it was traded, be it called complete by then or not.
        for stored_one, real in zip(mine, candles[-len(mine) :], strict=True):
            assert stored_one in (real, served.get(CandleKey(pair, step, real.time), [real])[0])
        columns = map(np.array, zip(*mine, strict=True))
        traded.append(CandleSeries(each.instrument, step, *columns))
    assert len(traded[0].time) > 0.9 * len(series[0].time) - WARM_UP
    assert ledger_hash(tmp_path / "live.db") == trade_hash(run_backtest(traded, settings).trades)
    gaps_explain_every_absent_slot(tmp_path / "live.db", series[0].granularity_seconds)


def test_feed_that_was_away_for_hours_brings_every_candle_and_no_entry_on_old_ones(tmp_path: Path) -> None:
    (series,) = sample_series("EUR_USD", candles=700)
    log = KeptLog()
    with simulated([series]) as simulator:
        begin, step = simulator.now(), series.granularity_seconds
        trade_candles(simulator, [series], tmp_path / "live.db", begin + 100 * step, log)
        # The program is not there for fifty candles, and the feed for some more.
        simulator.clock.advance(50 * step)
        simulator.faults.schedule(ResponseFault.UNAVAILABLE, times=200, path="latest")
        process = trade_candles(simulator, [series], tmp_path / "live.db", end_of([series]), log)
    assert [candle.time for candle in stored_candles(tmp_path / "live.db")["EUR_USD"]] == series.time.tolist()
    assert log.told("the live feed is away") == 1
    assert log.told("the live feed is back") == 1
    assert process.metrics.of(FeedMetrics).feed_errors._value.get() > 0
    with opened_store(sqlite_url(tmp_path / "live.db")) as store, store.reading() as reader:
        held = [row for row in reader.gate_snapshots(1_000) if row.reason == STALE_DATA]
        backfilled = [gap for gap in reader.gaps(100) if gap.kind == "backfilled"]
    assert len(held) >= 50
    assert sum(gap.missing_candles for gap in backfilled) >= 50
    ledger_hash(tmp_path / "live.db")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ({"OANDA_API_KEY": "0123456789abcdef-0123456789abcdef"}, "refused the token"),
        ({"OANDA_ACCOUNT_ID": "101-004-7654321-001"}, "forbidden"),
        ({"OANDA_ENV": "live"}, "use an account of the live environment, or choose practice"),
    ],
)
def test_credentials_that_do_not_fit_end_the_run_with_one_clear_sentence(
    tmp_path: Path, override: dict[str, str], words: str
) -> None:
    (series,) = sample_series("EUR_USD", candles=300)
    with simulated([series]) as simulator, pytest.raises(InputError, match=words) as refused:
        trade_candles(simulator, [series], tmp_path / "live.db", end_of([series]), None, **override)
    assert "\n" not in str(refused.value)
    for secret in (simulator.token, simulator.account_id, *override.values()):
        assert secret not in str(refused.value) or secret in ("live", "practice")


@pytest.mark.parametrize("fault", [ResponseFault.HTML, ResponseFault.CLOUDFLARE])
def test_page_instead_of_json_is_told_and_outlasted(tmp_path: Path, fault: ResponseFault) -> None:
    (series,) = sample_series("EUR_USD", candles=150)
    log = KeptLog()
    with simulated([series]) as simulator:
        settings_end = end_of([series])
        simulator.faults.schedule(fault, times=40, path="latest")
        trade_candles(simulator, [series], tmp_path / "live.db", settings_end, log)
    assert len(stored_candles(tmp_path / "live.db")["EUR_USD"]) == 150
    assert log.told("without JSON") > 0


def test_clock_that_is_wrong_is_told_measured_and_trades_nothing(tmp_path: Path) -> None:
    (series,) = sample_series("EUR_USD", candles=700)
    log = KeptLog()
    with simulated([series], Faults(clock_skew_seconds=-3_600.0)) as simulator:
        process = trade_candles(simulator, [series], tmp_path / "live.db", end_of([series]), log)
    assert log.told("this machine's clock is 3600 s ahead of the feed's") == 1
    assert round(process.metrics.of(FeedMetrics).clock_skew._value.get()) == 3_600
    with opened_store(sqlite_url(tmp_path / "live.db")) as store, store.reading() as reader:
        assert reader.trades(1) == []
        assert {row.reason for row in reader.gate_snapshots(1_000)} == {STALE_DATA}


def test_credentials_are_in_no_log_error_or_table(tmp_path: Path) -> None:
    series = sample_series("EUR_USD", candles=150)
    log = KeptLog()
    faults = Faults.random(5, 0.3)
    faults.slow_seconds_real = 0.01
    with simulated(series, faults) as simulator:
        trade_candles(simulator, series, tmp_path / "live.db", end_of(series), log)
        shown = json.dumps(live_settings(simulator, series).redacted())
    secrets = (simulator.token, simulator.account_id)
    connection = sqlite3.connect(tmp_path / "live.db")
    texts = [shown, str(log.lines), *connection.iterdump()]
    connection.close()
    assert len(texts) > 300
    assert not [text[:200] for text in texts for secret in secrets if secret in text]
