"""The demo market behaves like a market and is the same everywhere; the sample is made of it."""

import hashlib
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from services.ingest.demo.market import DemoMarket, DemoTuning
from services.ingest.demo.news import demo_events, week_of
from services.ingest.files.candle_file import parse_candle_argument, read_candle_file
from services.ingest.files.layout import BID_ASK_LAYOUT, rows_are_sound
from services.ingest.gaps import find_gaps
from shared.calendar.economic import read_calendar
from shared.calendar.market_hours import market_open
from shared.calendar.zones import local_seconds
from shared.contracts.errors import InputError
from shared.contracts.granularity import SECONDS_BY_NAME
from shared.contracts.instruments import instrument
from shared.contracts.vocabulary import GapKind
from shared.core.columns import CandleSeries
from tests.tools.make_sample import (
    SAMPLE_END,
    SAMPLE_FOLDER,
    SAMPLE_PAIRS,
    SAMPLE_START,
    first_candles,
    sample_of,
    write_sample,
)

SAMPLE_SHA256 = {
    "EUR_USD_M5_sample.csv": "89ed73594c3424c0c79e7cd5abcd3cd93ca699fbe514f0e8b0cb9dd23d5263de",
    "GBP_USD_M5_sample.csv": "2341007f63ef7776c4e7ca67b296db9ae515a3c25902b9c2a6473d18a206d833",
    "USD_JPY_M5_sample.csv": "821af5abafe2473e71ccf751e52da067c52f98c04c87f000367d9a3c043876fb",
    "calendar_sample.json": "bd6ed9e9790b888e01653d50a21e28500dcde5d3c90a0cc4ff792d4a1046bad2",
}


def market(
    pair: str = "EUR_USD", seed: int = 1, granularity_seconds: int = 300, tuning: DemoTuning | None = None
) -> DemoMarket:
    return DemoMarket(instrument(pair), seed, SAMPLE_START, granularity_seconds, tuning or DemoTuning())


def same(one: CandleSeries, other: CandleSeries) -> bool:
    return all(np.array_equal(left, right) for left, right in zip(one.columns, other.columns, strict=True))


@pytest.mark.parametrize("name", sorted(SAMPLE_SHA256))
def test_sample_files_are_those_that_every_machine_makes(name: str) -> None:
    assert hashlib.sha256((SAMPLE_FOLDER / name).read_bytes()).hexdigest() == SAMPLE_SHA256[name]


def test_sample_can_be_made_again_to_the_last_byte(tmp_path: Path) -> None:
    write_sample(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {name: (SAMPLE_FOLDER / name).read_bytes() for name in SAMPLE_SHA256}


@pytest.mark.parametrize("pair", SAMPLE_PAIRS)
def test_sample_candles_are_five_whole_weeks_that_the_reader_takes(pair: str) -> None:
    path = SAMPLE_FOLDER / f"{pair}_M5_sample.csv"
    assert path.stat().st_size < 1_200_000
    series, rejected, _ = read_candle_file(parse_candle_argument(str(path)), model_spread_points=3)
    assert (rejected, series.granularity_seconds) == ([], 300)
    assert (int(series.time[0]), int(series.time[-1]) + 300) == (SAMPLE_START, SAMPLE_END)
    kinds = Counter(gap.kind for gap in find_gaps(series.time, 300))
    assert kinds[GapKind.WEEKEND] == 4
    assert kinds[GapKind.NO_TICKS] > 0


def test_sample_calendar_has_events_of_every_impact_inside_the_sample() -> None:
    calendar = read_calendar(SAMPLE_FOLDER / "calendar_sample.json")
    assert {event.impact for event in calendar.events} == {"High", "Medium", "Low"}
    assert all(SAMPLE_START <= event.time < SAMPLE_END for event in calendar.events)
    for pair in SAMPLE_PAIRS:
        assert len(calendar.high_impact(pair.split("_"))) >= 5


@pytest.mark.parametrize("name", SECONDS_BY_NAME)
def test_candles_of_every_granularity_are_sound_and_lie_on_the_open_market(name: str) -> None:
    series = first_candles(market(granularity_seconds=SECONDS_BY_NAME[name]), 300)
    assert rows_are_sound(np.array(series[3:-1]), BID_ASK_LAYOUT)
    assert len(series.time) == 300
    assert (np.diff(series.time) >= SECONDS_BY_NAME[name]).all()
    assert market_open(series.time).all()
    assert (series.volume >= 1).all()


def test_pair_and_seed_make_other_candles_and_nothing_else_does() -> None:
    assert same(first_candles(market(), 500), first_candles(market(), 500))
    assert not np.array_equal(first_candles(market(seed=2), 500).bid_close, first_candles(market(), 500).bid_close)
    assert not np.array_equal(first_candles(market("GBP_USD"), 500).volume, first_candles(market(), 500).volume)


def test_more_candles_continue_the_same_market() -> None:
    assert same(first_candles(market(), 2000), first_candles(market(), 9000).part(slice(2000)))


def test_stream_gives_the_same_candles_one_by_one() -> None:
    assert list(islice(market().stream(), 1600)) == list(first_candles(market(), 1600).candles())


@pytest.mark.parametrize("place", [0, 700, 1600])
def test_stream_can_be_taken_up_where_it_was_left(place: int) -> None:
    candles = list(first_candles(market(), 1700).candles())
    assert list(islice(market().stream(candles[place].time), 50)) == candles[place : place + 50]


def test_market_may_begin_in_the_middle_of_a_week() -> None:
    middle = SAMPLE_START + 2 * 86_400
    series = first_candles(DemoMarket(instrument("EUR_USD"), 1, middle), 10)
    assert int(series.time[0]) >= middle
    assert np.array_equal(
        series.bid_close[:1], first_candles(market(), 1000).bid_close[first_candles(market(), 1000).time == middle]
    )


def test_spreads_widen_at_the_rollover_and_are_mostly_narrow() -> None:
    series = sample_of(market())
    spreads = series.ask_close - series.bid_close
    rollover = local_seconds(series.time, "America/New_York") % 86_400 == 17 * 3600
    assert np.median(spreads[rollover]) > 30
    assert np.median(spreads) < 12


def test_prices_move_more_after_high_impact_news() -> None:
    calm = sample_of(market(tuning=DemoTuning(news_factor=1.0)))
    wild = sample_of(market(tuning=DemoTuning(news_factor=6.0)))
    events = [
        event.time
        for week in range(week_of(SAMPLE_START), week_of(SAMPLE_END) + 1)
        for event in demo_events(1, week)
        if event.impact == "High" and event.currency in {"EUR", "USD"}
    ]
    after = np.isin(wild.time, events)
    assert np.mean((wild.bid_high - wild.bid_low)[after]) > 3 * np.mean((calm.bid_high - calm.bid_low)[after])


def test_prices_stay_near_their_start_for_years() -> None:
    series = first_candles(market(granularity_seconds=3600), 60_000)
    assert series.bid_low.min() > 60_000
    assert series.bid_high.max() < 160_000


def test_a_market_of_an_impossible_granularity_is_refused() -> None:
    with pytest.raises(InputError, match="no granularity has 7 seconds"):
        first_candles(market(granularity_seconds=7), 1)
