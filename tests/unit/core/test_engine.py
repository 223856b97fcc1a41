"""The loops over columns: they make the machines' own steps, in the order given, and write what those returned."""

from random import Random
from typing import Any

import numpy as np
import pytest

from shared.contracts.instruments import instrument
from shared.core.columns import CandleColumns, CandleSeries, FactColumns
from shared.core.engine import (
    AssessmentColumns,
    OutcomeColumns,
    assess_columns,
    candle_at,
    empty_assessments,
    empty_outcomes,
)
from shared.core.jit import compiled, core_digest, jitable
from shared.core.market import market_step
from shared.core.risk import tolerant_floor
from shared.core.types import BUY
from tests.fixtures.market import (
    M5,
    TUESDAY,
    Desk,
    EngineRun,
    MarketShape,
    Setup,
    account_params,
    candle,
    facts,
    fresh_market,
    market_params,
    plain_pair_table,
    quiet_candles,
    random_candles,
    run_engine,
)

PAIRS = {"EUR_USD": 110_000, "GBP_USD": 130_000}


def random_setup(strategy: str = "vwap_rsi", granularity_seconds: int = M5) -> Setup:
    """Return a run of two pairs whose candles do not all stand side by side."""
    candles = {
        pair: random_candles(Random(place), 300, MarketShape(price=price, step=20, missing=0.2))
        for place, (pair, price) in enumerate(PAIRS.items())
    }
    market = {pair: market_params(pair, strategy, "aggressive", max_spread_points=9) for pair in PAIRS}
    draw = Random(7)
    calendar = {
        pair: [
            facts(
                each, market_open=draw.random() < 0.97, session_open=draw.random() < 0.9, news=int(draw.random() < 0.05)
            )
            for each in candles[pair]
        ]
        for pair in PAIRS
    }
    return Setup(candles, market, account_params(), calendar, granularity_seconds=granularity_seconds)


def column(run: EngineRun, name: str) -> list[float]:
    """Return a column that the engine wrote."""
    values: list[float] = np.frombuffer(run.written[name]).tolist()
    return values


@pytest.mark.parametrize("machine_code", [False, True])
def test_engine_makes_the_machines_own_steps_by_decision_time_and_pair(machine_code: bool) -> None:
    setup = random_setup()
    run = run_engine(setup, machine_code=machine_code)
    judged: list[Any] = []
    for pair in PAIRS:
        state, cells = fresh_market(setup.market[pair])
        for each, fact in zip(setup.candles[pair], setup.facts_of(pair), strict=True):
            state, assessment = market_step(state, cells, each, fact, setup.market[pair])
            judged.append((each.time, pair, each, assessment))
    desk, outcomes = Desk(*PAIRS), []
    for _, pair, each, assessment in sorted(judged, key=lambda row: row[:2]):
        outcome = desk.step(pair, each, assessment)
        outcomes.append((outcome.failed, outcome.reason, outcome.refusal, desk.state.open_positions, desk.state.equity))
    assert run.trades == desk.trades
    assert len(run.trades) > 3
    written = [column(run, f"OutcomeColumns.{name}") for name in OutcomeColumns._fields]
    assert list(zip(*written, strict=True)) == outcomes
    for name in AssessmentColumns._fields:
        assert len(set(column(run, f"AssessmentColumns.{name}"))) > 1, name
        np.testing.assert_array_equal(
            column(run, f"AssessmentColumns.{name}"), [getattr(row[3], name) for row in judged]
        )


@pytest.mark.parametrize("count", [0, 1, 2])
def test_engine_takes_the_shortest_of_markets(count: int) -> None:
    candles = random_candles(Random(3), count)
    params = market_params()
    state, cells = fresh_market(params)
    judged = []
    for each in candles:
        state, assessment = market_step(state, cells, each, facts(each), params)
        judged.append(assessment.market_state_verdict)
    columns: Any = zip(*candles, strict=True) if candles else ((),) * len(CandleColumns._fields)
    calendar: Any = ([1] * count, [1] * count, [0] * count, [0] * count)
    assessed = AssessmentColumns(*(column.tolist() for column in empty_assessments(count)))
    assess_columns(CandleColumns(*columns), FactColumns(*calendar), params, *fresh_market(params), assessed)
    assert list(assessed.market_state_verdict) == judged


def test_series_of_candles_gives_them_back() -> None:
    candles = random_candles(Random(4), 5)
    columns = (np.array(values) for values in zip(*candles, strict=True))
    series = CandleSeries(instrument("EUR_USD"), M5, *columns)
    assert list(series.candles()) == candles
    assert list(series.part(slice(1, 3)).candles()) == candles[1:3]


def test_table_of_no_pairs_has_empty_columns() -> None:
    assert set(map(len, plain_pair_table([]))) == {0}


@pytest.mark.parametrize("machine_code", [False, True])
def test_decision_time_is_the_open_plus_the_granularity(machine_code: bool) -> None:
    for granularity_seconds in (60, 300, 3_600):
        setup = random_setup(granularity_seconds=granularity_seconds)
        run = run_engine(setup, machine_code=machine_code)
        opens = {each.time for candles in setup.candles.values() for each in candles}
        assert {trade.entry_time - granularity_seconds for trade in run.trades} <= opens


@pytest.mark.parametrize("machine_code", [False, True])
def test_quiet_market_leaves_the_account_as_it_was(machine_code: bool) -> None:
    setup = Setup({"EUR_USD": quiet_candles(80)}, {"EUR_USD": market_params()})
    run = run_engine(setup, machine_code=machine_code)
    assert (run.trades, run.balance) == ([], setup.account.start_balance)
    assert set(column(run, "OutcomeColumns.equity")) == {float(setup.account.start_balance)}


def test_candle_of_a_row_has_all_its_fields() -> None:
    rows = [candle(TUESDAY + index, 110_000 + index, volume=index) for index in range(3)]
    columns = CandleColumns(*(np.array(values) for values in zip(*rows, strict=True)))
    assert [candle_at(columns, row) for row in range(3)] == rows


def test_empty_columns_have_the_length_asked_for() -> None:
    for columns in (empty_assessments(7), empty_outcomes(7)):
        assert {len(values) for values in columns} == {7}
    assert empty_assessments(1).signal.dtype.kind == "i"
    assert AssessmentColumns(*empty_assessments(0)).atr.dtype == np.float64


def test_compiled_function_does_what_the_plain_one_does_and_is_made_once() -> None:
    fast = compiled(tolerant_floor)
    assert fast is compiled(tolerant_floor)
    assert [fast(quotient) for quotient in (0.5, 1.0, 0.9999999999999)] == [0, 1, 1]


def test_marking_a_function_leaves_it_as_it_is() -> None:
    def double(value: int) -> int:
        return 2 * value

    assert double(BUY) == 2
    assert jitable(tolerant_floor) is tolerant_floor


def test_compiled_code_is_kept_under_a_digest_of_the_core() -> None:
    assert core_digest() == core_digest()
    assert len(core_digest()) == 16
    assert int(core_digest(), 16) >= 0
