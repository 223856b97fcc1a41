"""The compiled run over several pairs, against the same machines stepped one candle after another."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from services.backtest.result import FillRules
from services.backtest.run import judge_and_settle, judge_market, settle
from services.backtest.study import StudyOptions, study
from services.backtest.timeline import build_timeline
from services.backtest.walk_forward import split_run, walk_forward, window_spans
from shared.calendar.facts import PairCalendar
from shared.contracts.errors import InputError
from shared.contracts.instruments import instrument
from shared.contracts.runs import RunMode
from shared.core.account import AT_CLOSE, account_start, account_step
from shared.core.books import empty_books, empty_trade_log
from shared.core.columns import CandleSeries
from shared.core.market import market_step
from shared.core.types import SL_TP, TIMED, Candle, integers_in_list, list_of_floats, list_of_integers
from shared.settings.machine_params import account_params, conversion_table, market_params
from shared.settings.settings import Settings, load_settings
from tests.fixtures.backtested import calendar_facts, run_backtest
from tests.fixtures.market import fresh_market

_MONDAY = 1_399_248_000  # 2014-05-05T00:00:00Z


def _walk(pair: str, granularity_seconds: int, count: int, seed: int, *, start: int = _MONDAY) -> CandleSeries:
    """Return candles of a price that wanders, with quiet and lively hours and a spread that widens at times."""
    draws = np.random.default_rng(seed)
    reach = 1 + np.abs(np.sin(np.arange(count) / 40)) * 25
    close = {"JPY": 102_000}.get(pair[-3:], 138_000) + np.cumsum(draws.normal(0, reach)).astype(np.int64)
    opened = np.concatenate((close[:1], close[:-1])) + draws.integers(-2, 3, count)
    high = np.maximum(opened, close) + draws.integers(0, 20, count)
    low = np.minimum(opened, close) - draws.integers(0, 20, count)
    bid = (opened, high, low, close)
    spread = draws.integers(1, 14, count)
    time = start + granularity_seconds * np.arange(count)
    volume = draws.integers(1, 100, count).astype(np.float64)
    ask = (side + spread for side in bid)
    return CandleSeries._make((instrument(pair), granularity_seconds, time, *bid, *ask, volume))


def _three_pairs() -> list[CandleSeries]:
    return [_walk("USD_JPY", 300, 1_500, 1), _walk("EUR_USD", 300, 1_500, 2), _walk("GBP_USD", 900, 1_000, 3)]


def _settings(**overrides: str) -> Settings:
    """Return settings that trade a lot: around the clock, boldly, with slippage."""
    pairs = ("EUR_USD", "GBP_USD", "USD_JPY")
    return load_settings(
        None,
        {
            "SCALP_BOT_RISK__MAX_SLIPPAGE_PIPS": "0.3",
            "SCALP_BOT_GATES__DAILY_LOSS_PERCENT": "20",
            **{f"SCALP_BOT_PAIRS__{pair}__SESSIONS": "00:00-24:00 UTC" for pair in pairs},
            **{f"SCALP_BOT_PAIRS__{pair}__PROFILE": "aggressive" for pair in pairs},
            **overrides,
        },
    )


def _stepped(series: Sequence[CandleSeries], settings: Settings, rules: FillRules) -> tuple[list[tuple[int, ...]], int]:
    """Step plain machines through the candles; return the trades as numbers and the final balance."""
    ordered = sorted(series, key=lambda each: each.instrument.name)
    names = [each.instrument.name for each in ordered]
    events = sorted(
        (int(time) + each.granularity_seconds, name, place, row)
        for place, (each, name) in enumerate(zip(ordered, names, strict=True))
        for row, time in enumerate(each.time)
    )
    calendars = [PairCalendar(settings.calendar_rules(name, RunMode.BACKTEST)) for name in names]
    markets = [fresh_market(market_params(settings.pair(name))) for name in names]
    table = conversion_table(settings, [each.instrument for each in ordered], integers_in_list)
    books = empty_books(len(names), list_of_integers, list_of_floats)
    log = empty_trade_log(len(events), list_of_integers)
    params = account_params(settings, rules.exit_mode, rules.hold_candles, rules.optimistic)
    account = account_start(params)
    for decision_time, name, place, row in events:
        candle = Candle(*(column[row].item() for column in ordered[place].columns))
        fact = calendars[place].fact_at(decision_time, candle.time)
        state, cells = markets[place]
        state, assessment = market_step(state, cells, candle, fact, market_params(settings.pair(name)))
        markets[place] = (state, cells)
        account, _ = account_step(
            account, books, log, table, place, candle, assessment, decision_time, fact.trading_day, AT_CLOSE, params
        )
    trades = [tuple(column[row] for column in log) for row in range(account.closed_trades)]
    return trades, account.balance


_ALL_RULES = (FillRules(SL_TP), FillRules(SL_TP, optimistic=True), FillRules(TIMED, 3))


@pytest.mark.parametrize("rules", _ALL_RULES, ids=["pessimistic", "optimistic", "time_exit"])
def test_several_pairs_trade_as_if_each_candle_were_settled_by_hand(rules: FillRules) -> None:
    settings = _settings()
    expected, balance = _stepped(_three_pairs(), settings, rules)
    result = run_backtest(
        _three_pairs(),
        settings,
        exit_mode=rules.exit_mode,
        hold_candles=rules.hold_candles,
        optimistic=rules.optimistic,
    )
    assert len(result.trades) > 10
    assert {trade.entry.pair for trade in result.trades} == {"EUR_USD", "GBP_USD", "USD_JPY"}
    of_trade = attrgetter(
        *("entry.entry_time", "entry.entry_price", "exit.exit_time", "exit.exit_price", "exit.exit_reason", "profit")
    )
    assert [of_trade(trade) for trade in result.trades] == [
        (numbers[3], numbers[4], numbers[7], numbers[8], numbers[9], numbers[10]) for numbers in expected
    ]
    assert result.balance == balance


def test_the_order_of_the_files_does_not_matter() -> None:
    settings, series = _settings(), _three_pairs()
    assert run_backtest(series, settings).trades == run_backtest(series[::-1], settings).trades


@pytest.mark.parametrize("rules", _ALL_RULES, ids=["pessimistic", "optimistic", "time_exit"])
@pytest.mark.parametrize("candles_at_once", [1, 7, 700])
def test_a_run_in_parts_ends_as_one_stage_after_the_other_over_all_candles(
    rules: FillRules, candles_at_once: int
) -> None:
    settings, timeline = _settings(), build_timeline(_three_pairs())
    whole = judge_market(timeline, calendar_facts(timeline, settings, None), settings)
    expected = settle(whole, settings, rules)
    market, result = judge_and_settle(timeline, settings, None, rules, candles_at_once)
    assert len(result.trades) > 10
    assert (result.trades, result.open_positions, result.pending_entries, result.balance, result.equity) == (
        expected.trades,
        expected.open_positions,
        expected.pending_entries,
        expected.balance,
        expected.equity,
    )
    assert market.most_entries == whole.most_entries
    assert _bits((*market.facts, *market.assessed, *result.outcomes)) == _bits(
        (*whole.facts, *whole.assessed, *expected.outcomes)
    )


def _bits(columns: Sequence[NDArray[Any]]) -> list[bytes]:
    return [column.tobytes() for column in columns]


@pytest.mark.parametrize("candles", [1, 5, 4_000, 10_000])
def test_parts_follow_one_another_and_tear_no_moment_apart(candles: int) -> None:
    timeline = build_timeline(_three_pairs())
    first = 0
    for part in timeline.parts(candles):
        rows = np.concatenate([np.arange(timeline.length)[each] for each in part.rows_of_pairs])
        settled = timeline.sequence[first : part.last]
        assert sorted(rows.tolist()) == sorted(settled.tolist())
        assert not np.isin(timeline.decision_time[settled], timeline.decision_time[timeline.sequence[:first]]).any()
        first = part.last
    assert first == timeline.length


@pytest.mark.parametrize("rules", _ALL_RULES, ids=["pessimistic", "optimistic", "time_exit"])
def test_the_books_balance(rules: FillRules) -> None:
    outcome = study(_three_pairs(), _settings(), StudyOptions(rules))
    result, funnel = outcome.result, outcome.funnel
    assert result.balance == result.start_balance + sum(trade.profit for trade in result.trades)
    assert result.equity == result.balance + sum(position.unrealised for position in result.open_positions)
    assert result.equity == result.outcomes.equity[-1]
    if rules.exit_mode == SL_TP:
        assert funnel.passed == funnel.entries + sum(result.refusals.values())
    else:
        assert funnel.passed >= funnel.entries + sum(result.refusals.values()) + funnel.left_over


def test_a_position_that_is_open_at_the_end_is_reported_with_its_unrealised_profit() -> None:
    series, settings = _walk("USD_JPY", 300, 1_500, 1), _settings()
    first = run_backtest([series], settings).trades[0]
    entered = int(np.flatnonzero(series.time + 300 == first.entry.entry_time)[0]) + 1
    cut = series.part(slice(entered))
    result = run_backtest([cut], settings)
    (position,) = result.open_positions
    assert not result.trades
    assert (position.entry.entry_time, position.entry.entry_price) == (first.entry.entry_time, first.entry.entry_price)
    assert result.equity == result.balance + position.unrealised


def test_an_entry_decided_on_the_last_candle_is_left_over_in_time_exit() -> None:
    series, settings = _walk("USD_JPY", 300, 1_500, 1), _settings()
    first = run_backtest([series], settings, exit_mode=TIMED).trades[0]
    decided = int(np.flatnonzero(series.time == first.entry.entry_time)[0])
    cut = series.part(slice(decided))
    result = run_backtest([cut], settings, exit_mode=TIMED)
    assert [entry.side for entry in result.pending_entries] == [first.entry.side]


def test_a_pair_given_twice_and_no_candles_are_refused() -> None:
    series = _walk("EUR_USD", 300, 10, 2)
    with pytest.raises(InputError, match="EUR_USD is given twice"):
        run_backtest([series, series], _settings())
    with pytest.raises(InputError, match="no candles"):
        run_backtest([], _settings())


def test_ambiguous_trades_are_told_with_the_net_of_the_whole_run_either_way() -> None:
    settings = _settings(SCALP_BOT_RISK__STOP_ATR="0.5", SCALP_BOT_RISK__RISK_PERCENT="0.1")
    outcomes = [
        study(_three_pairs(), settings, StudyOptions(FillRules(SL_TP, optimistic=optimistic)))
        for optimistic in (False, True)
    ]
    ambiguities = [outcome.ambiguity for outcome in outcomes]
    assert ambiguities[0].trades > 0
    assert ambiguities[0].pessimistic_net == outcomes[0].result.net == ambiguities[1].pessimistic_net
    assert ambiguities[0].optimistic_net == outcomes[1].result.net == ambiguities[1].optimistic_net


def test_validation_starts_with_warm_indicators_and_a_fresh_account() -> None:
    settings, series = _settings(), _three_pairs()
    timeline = build_timeline(series)
    market = judge_market(timeline, calendar_facts(timeline, settings, None), settings)
    split = split_run(market, settings, FillRules(), 30.0, 30)
    assert split is not None
    assert split.train.candles + split.validation.candles == timeline.length
    assert split.train.candles == pytest.approx(0.7 * timeline.length, abs=3)
    assert split.train.end_time <= split.validation.end_time
    begin = split.validation.start_time
    cold = run_backtest([each.part(each.time >= begin) for each in series], settings)
    warm = settle(market, settings, FillRules(), split.train.candles)
    assert warm.start_balance == cold.start_balance
    assert int((warm.outcomes.failed >> 5 & 1).sum()) < int((cold.outcomes.failed >> 5 & 1).sum())


def test_no_validation_is_made_of_candles_that_do_not_suffice() -> None:
    outcome = study([_walk("EUR_USD", 300, 1, 2)], _settings(), StudyOptions(FillRules()))
    assert outcome.split is None


@pytest.mark.parametrize("anchored", [False, True])
def test_walk_forward_windows_validate_the_newest_candles_one_after_another(anchored: bool) -> None:
    timeline = build_timeline([_walk("EUR_USD", 300, 1_000, 2)])
    spans = list(window_spans(timeline, 4, anchored, 30.0))
    assert [validation.first for _, validation in spans[1:]] == [validation.last for _, validation in spans[:-1]]
    assert spans[-1][1].last == timeline.length
    for train, validation in spans:
        assert train.last == validation.first
        share = (train.last - train.first) / (validation.last - train.first)
        assert share == pytest.approx(0.7, abs=0.01) or anchored
    assert [train.first for train, _ in spans] == ([0] * 4 if anchored else sorted({train.first for train, _ in spans}))


def test_walk_forward_chooses_the_profile_on_training_alone() -> None:
    settings, series = _settings(), _three_pairs()
    timeline = build_timeline(series)
    facts = calendar_facts(timeline, settings, None)
    steps: list[None] = []
    walk = walk_forward(
        timeline,
        facts,
        settings,
        FillRules(),
        windows=2,
        anchored=False,
        validation_percent=30.0,
        fewest_trades=30,
        on_step=lambda: steps.append(None),
    )
    assert len(steps) == 5
    for window, (train, _) in zip(walk.windows, window_spans(timeline, 2, False, 30.0), strict=True):
        nets = {}
        for profile in ("conservative", "normal", "aggressive"):
            chosen = _settings(**{f"SCALP_BOT_PAIRS__{pair}__PROFILE": profile for pair in timeline.pairs})
            nets[profile] = settle(judge_market(timeline, facts, chosen), chosen, FillRules(), *train).net
        assert nets[window.profile] == max(nets.values())


def test_walk_forward_refuses_more_windows_than_the_candles_allow() -> None:
    timeline = build_timeline([_walk("EUR_USD", 300, 5, 2)])
    with pytest.raises(InputError, match="too few for 20 walk-forward windows"):
        list(window_spans(timeline, 20, False, 30.0))
