"""The engine against a second, naive reading of the trading rules: verdicts, trades and equity to the last digit."""

import csv
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from functools import cache
from hashlib import sha256
from itertools import product
from random import Random
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
import pytest

from shared.calendar.economic import EconomicCalendar, EconomicEvent
from shared.calendar.facts import CalendarRules, PairCalendar
from shared.calendar.sessions import parse_window
from shared.contracts.instruments import instrument
from shared.core.market import MarketParams
from shared.core.risk import ENTRY_LEG, EXIT_LEG, RiskParams, slippage_points
from shared.core.strategies import strategy_named
from shared.core.types import EXIT_MODE_NAMES, REASON_NAMES, SECONDS_PER_DAY, SL_TP, TIMED, CalendarFacts, Candle
from tests.fixtures.market import (
    M5,
    TUESDAY,
    ClosedTrade,
    EngineRun,
    MarketShape,
    Setup,
    account_params,
    market_params,
    random_candles,
    risk_params,
    run_engine,
)
from tests.material import shared_material
from tests.tools.reference_engine import ReferenceEngine, Trade, trade_hash
from tests.tools.reference_market import ALLOWED_STATES, PairRules, ReferenceCandle, Rules, Side

PRICES: Final = {"JPY": 110_000, "GBP": 85_000, "USD": 120_000, "CHF": 105_000}
MOST_POSITIONS: Final = 2
NAMES: Final = tuple(ALLOWED_STATES)
STATIC_RATE: Final = Fraction(91_234, 100_000)


class Case(NamedTuple):
    """A random run: its pairs, strategy by pair, mode and figures."""

    pairs: tuple[str, ...]
    strategies: tuple[str, ...]
    mode: int
    seed: int
    optimistic: bool = False
    currency: str = "USD"
    max_slippage: int = 0
    candles: int = 700


def reference_candle(pair: str, each: Candle) -> ReferenceCandle:
    """Return a candle in exact prices."""
    grid = instrument(pair).points_per_price
    bid, ask = (Side(*(Fraction(points, grid) for points in side)) for side in (each[1:5], each[5:9]))
    return ReferenceCandle(each.time, bid, ask, each.volume)


def news_of(random: Random, candles: Sequence[Candle]) -> list[tuple[int, str]]:
    """Return events on and beside decision times, so that the 15 minutes are met exactly."""
    times = [random.choice(candles).time + random.choice((0, 0, 60, -1)) for _ in range(5)]
    return [(time, random.choice(("USD", "EUR", "JPY", "All", "NZD"))) for time in sorted(times)]


def sessions_of(random: Random) -> list[tuple[int, int, str]]:
    """Return one or two windows in one of the zones."""
    return [
        (start, min(24, start + random.randint(10, 20)), random.choice(("UTC", "America/New_York", "Asia/Tokyo")))
        for start in random.sample(range(8), random.randint(1, 2))
    ]


def calendar_facts(
    pair: str, candles: Sequence[Candle], sessions: list[tuple[int, int, str]], news: list[tuple[int, str]]
) -> list[CalendarFacts]:
    """Return what the project's own calendar says."""
    windows = tuple(parse_window(f"{start:02}:00-{end:02}:00 {zone}") for start, end, zone in sessions)
    events = tuple(EconomicEvent(time, currency, "event", "High") for time, currency in news)
    calendar = PairCalendar(CalendarRules(instrument(pair), windows), EconomicCalendar(events, TUESDAY))
    return [calendar.fact_at(each.time + M5, each.time) for each in candles]


class Drawn(NamedTuple):
    """What a case's seed made of it."""

    candles: dict[str, list[Candle]]
    market: dict[str, MarketParams]
    sessions: dict[str, list[tuple[int, int, str]]]
    news: list[tuple[int, str]]


def draw(case: Case) -> Drawn:
    """Draw candles, sessions and news of a case."""
    random = Random(case.seed)
    shape = MarketShape(step=random.choice((10, 20, 40)), gap=0.04, missing=0.03, spike=0.08)
    start = TUESDAY + random.choice((0, 0, 0, 2)) * SECONDS_PER_DAY
    candles = {
        pair: random_candles(random, case.candles, shape._replace(price=PRICES[pair[4:]]), start) for pair in case.pairs
    }
    profile = random.choice(("conservative", "normal", "aggressive"))
    market = {
        pair: market_params(pair, strategy, profile, max_spread_points=11)
        for pair, strategy in zip(case.pairs, case.strategies, strict=True)
    }
    sessions = {pair: sessions_of(random) for pair in case.pairs}
    return Drawn(candles, market, sessions, news_of(random, candles[case.pairs[0]]))


def risk_of(case: Case) -> RiskParams:
    """Return the risk parameters of a case."""
    return risk_params(max_slippage_points=case.max_slippage, slippage_seed=case.seed)


def engine_run(case: Case, drawn: Drawn) -> EngineRun:
    """Run a case through the engine, with the facts of the project's own calendar."""
    setup = Setup(
        drawn.candles,
        drawn.market,
        account_params(
            exit_mode=case.mode, optimistic=case.optimistic, risk=risk_of(case), max_open_positions=MOST_POSITIONS
        ),
        {pair: calendar_facts(pair, drawn.candles[pair], drawn.sessions[pair], drawn.news) for pair in case.pairs},
        case.currency,
        {"USD_CHF": STATIC_RATE.as_integer_ratio()},
    )
    return run_engine(setup, machine_code=True)


def reference_run(case: Case, drawn: Drawn) -> ReferenceEngine:
    """Run a case through the second reading."""
    risk = risk_of(case)

    def slip(pair: str, candle_time: int, leg: str) -> int:
        return slippage_points(risk, crc32(pair.encode()), candle_time, ENTRY_LEG if leg == "entry" else EXIT_LEG)

    pairs = {}
    for pair, strategy in zip(case.pairs, case.strategies, strict=True):
        parameters = dict(zip(strategy_named(strategy).parameters, drawn.market[pair].strategy, strict=True))
        pairs[pair] = PairRules(strategy, parameters, Fraction(11, 10), drawn.sessions[pair])
    rules = Rules(
        pairs=pairs,
        currency=case.currency,
        max_open_positions=MOST_POSITIONS,
        time_exit=case.mode == TIMED,
        optimistic=case.optimistic,
        news=drawn.news,
        static_rates={"USD_CHF": STATIC_RATE},
        slippage_points=slip,
    )
    exact = {pair: [reference_candle(pair, each) for each in drawn.candles[pair]] for pair in case.pairs}
    return ReferenceEngine(exact, rules).run()


@cache
def both_readings(case: Case) -> tuple[EngineRun, ReferenceEngine]:
    """Run a case through the engine and through the second reading."""
    drawn = draw(case)
    return engine_run(case, drawn), reference_run(case, drawn)


def in_points(trade: Trade) -> ClosedTrade:
    """Return a trade of the second reading in the engine's units, which it must fit exactly."""
    grid = instrument(trade.pair).points_per_price
    levels = [price * grid for price in (trade.entry_price, trade.sl, trade.tp, trade.exit_price)]
    entry, stop, target, leave = (int(level) for level in levels)
    quanta = trade.pnl * 10_000
    assert levels == [entry, stop, target, leave]
    assert quanta.denominator == 1
    return ClosedTrade(
        trade.pair,
        trade.side,
        trade.units,
        trade.entry_time,
        entry,
        stop,
        target,
        trade.exit_time,
        leave,
        trade.exit_reason,
        int(quanta),
        trade.ambiguous,
    )


def assert_same(run: EngineRun, reference: ReferenceEngine) -> None:
    """Compare verdicts, refusals and equity candle by candle, then the trades."""
    columns = {
        name: np.frombuffer(run.written[f"OutcomeColumns.{name}"]).astype(np.int64).tolist()
        for name in ("reason", "refusal", "equity", "failed")
    }
    rows = zip(*columns.values(), reference.judged, strict=True)
    for reason, refusal, equity, failed, judged in rows:
        expected = judged.failed[0] if judged.failed else judged.refusal if reason else ""
        found = REASON_NAMES[reason] if reason else "", REASON_NAMES[refusal] if refusal else "", failed.bit_count()
        assert found == (expected, judged.refusal, len(judged.failed)), judged
        assert Fraction(equity, 10_000) == judged.equity, judged
    assert run.trades == [in_points(trade) for trade in reference.closed]
    assert Fraction(run.balance, 10_000) == reference.balance


modes = pytest.mark.parametrize("mode", [SL_TP, TIMED], ids=lambda mode: EXIT_MODE_NAMES[mode])
SEEDS: Final = range(10, 16)


def four_pairs(mode: int, seed: int) -> Case:
    """Return a case of four pairs that convert each other's profits, with all strategies."""
    pairs = ("EUR_GBP", "EUR_USD", "GBP_USD", "USD_JPY")
    strategies = tuple(NAMES[(seed + place) % len(NAMES)] for place in range(len(pairs)))
    return Case(pairs, strategies, mode, seed, seed % 2 == 1, max_slippage=seed % 3 * 3)


def other_currencies(mode: int, seed: int) -> tuple[Case, Case]:
    """Return a case with an account in euros, and one with a fixed rate and a cross without any."""
    euros = Case(("EUR_JPY", "EUR_USD", "GBP_USD"), NAMES, mode, seed, currency="EUR")
    return euros, Case(("EUR_CHF", "EUR_GBP", "USD_JPY"), NAMES[::-1], mode, seed)


@modes
@pytest.mark.parametrize("strategy", NAMES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_pair_is_traded_alike(strategy: str, mode: int, seed: int) -> None:
    assert_same(*both_readings(Case(("EUR_USD",), (strategy,), mode, seed, optimistic=seed == 2)))


@modes
@pytest.mark.parametrize("seed", SEEDS)
def test_several_pairs_and_strategies_are_traded_alike(mode: int, seed: int) -> None:
    assert_same(*both_readings(four_pairs(mode, seed)))


@modes
@pytest.mark.parametrize("seed", [21, 22, 23])
def test_account_in_euros_and_fixed_rates_are_traded_alike(mode: int, seed: int) -> None:
    for case in other_currencies(mode, seed):
        assert_same(*both_readings(case))


def test_cases_reach_what_they_are_meant_to_compare() -> None:
    cases = [four_pairs(mode, seed) for mode in (SL_TP, TIMED) for seed in SEEDS]
    cases += [case for mode in (SL_TP, TIMED) for seed in (21, 22, 23) for case in other_currencies(mode, seed)]
    references = [both_readings(case)[1] for case in cases]
    judged = [each for reference in references for each in reference.judged]
    trades = [trade for reference in references for trade in reference.closed]
    assert {reason for each in judged for reason in each.failed} == {*REASON_NAMES[1:15]} - {"news_calendar_missing"}
    assert {each.refusal for each in judged} == {"", "stop_inside_spread", "no_conversion_rate", "size_below_minimum"}
    assert {trade.exit_reason for trade in trades} == {"stop_loss", "take_profit", "time_exit", "daily_halt"}
    assert {(trade.side, trade.strategy) for trade in trades} == set(product(("BUY", "SELL"), NAMES))
    assert sum(trade.ambiguous for trade in trades) > 2
    assert len(trades) > 200


def test_recorded_market_is_traded_alike() -> None:
    """Real candles hold what no random market does: thin hours, weekends and prices that stand still."""
    candles = {pair: recorded_candles(pair) for pair in ("EUR_USD", "NZD_USD")}
    for mode, strategy in product((SL_TP, TIMED), NAMES):
        case = Case(tuple(candles), (strategy, strategy), mode, 1)
        sessions = {pair: [(0, 24, "UTC")] for pair in candles}
        market = {pair: market_params(pair, strategy, max_spread_points=11) for pair in candles}
        drawn = Drawn(candles, market, sessions, [(TUESDAY + 5 * SECONDS_PER_DAY, "USD")])
        run, reference = engine_run(case, drawn), reference_run(case, drawn)
        assert_same(run, reference)
        assert len(run.trades) > 3


def test_hash_of_the_second_reading_is_that_of_the_written_lines() -> None:
    entry, stop, target = (Fraction(text) for text in ("101.5", "101.2", "102.1"))
    later = Trade("USD_JPY", "vwap_rsi", "BUY", 7, TUESDAY, entry, stop, target)
    later.exit_time, later.exit_price, later.exit_reason = TUESDAY + M5, Fraction(102), "time_exit"
    later.pnl = Fraction("0.035")
    entry, stop, target = (Fraction(text) for text in ("1.38676", "1.387", "1.38628"))
    first = Trade("EUR_USD", "ema_vwap", "SELL", 9, TUESDAY, entry, stop, target)
    first.exit_time, first.exit_price, first.exit_reason = TUESDAY + M5, Fraction("1.387"), "stop_loss"
    first.pnl = Fraction("-0.0022")
    lines = (
        "EUR_USD|ema_vwap|SELL|9|2014-04-29T00:00:00Z|1.38676|1.38700|1.38628|"
        "2014-04-29T00:05:00Z|1.38700|stop_loss|-0.0022\n"
        "USD_JPY|vwap_rsi|BUY|7|2014-04-29T00:00:00Z|101.500|101.200|102.100|"
        "2014-04-29T00:05:00Z|102.000|time_exit|0.0350"
    )
    assert trade_hash([later, first]) == sha256(lines.encode()).hexdigest()


def recorded_candles(pair: str) -> list[Candle]:
    """Return candles of the reference material."""
    with shared_material("data", f"{pair}_M5_2014-05.csv").open(encoding="ascii") as file:
        rows = list(csv.DictReader(file))

    def points(row: dict[str, str], field: str) -> int:
        return int(Fraction(row[field]) * 100_000)

    return [
        Candle(
            int(datetime.fromisoformat(row["time"]).timestamp()),
            points(row, "bid_open"),
            points(row, "bid_high"),
            points(row, "bid_low"),
            points(row, "bid_close"),
            points(row, "ask_open"),
            points(row, "ask_high"),
            points(row, "ask_low"),
            points(row, "ask_close"),
            float(row["volume"]),
        )
        for row in rows
    ]
