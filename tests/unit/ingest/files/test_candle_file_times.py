"""The granularity of a candle file is what its rows show, however many of them are bad."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from services.ingest.files.candle_file import CandleFile, CandleRead, read_candle_file
from services.ingest.files.continuation import file_so_far
from services.ingest.files.layout import BID_ASK_LAYOUT, MID_LAYOUT
from services.ingest.files.summary import check_candle_file
from shared.contracts.errors import InputError
from shared.contracts.granularity import parse_granularity
from shared.contracts.instruments import instrument
from shared.contracts.times import format_time

START = 1_704_672_000  # 2024-01-08T00:00:00Z, a Monday
GOOD = "1.27000,1.27005,1.26986,1.26989,186"
LOW_ABOVE_CLOSE = "1.27000,1.27005,1.26990,1.26989,186"
FIVE_MINUTES = 300


def row(time: int, rest: str = GOOD) -> str:
    return f"{format_time(time)},{rest}"


def source(folder: Path, rows: Sequence[str]) -> CandleFile:
    path = folder / "GBP_USD.csv"
    path.write_text("".join(f"{line}\n" for line in (MID_LAYOUT.header, *rows)), encoding="utf-8")
    return CandleFile(path, instrument("GBP_USD"))


def read(folder: Path, rows: Sequence[str], given: int | None = None, *, skip: bool = True) -> CandleRead:
    return read_candle_file(source(folder, rows), model_spread_points=8, granularity_seconds=given, skip_bad_rows=skip)


def refusal(folder: Path, rows: Sequence[str], given: int | None = None, *, skip: bool = True) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, rows, given, skip=skip)
    return str(caught.value)


def every_second(bad: str) -> list[str]:
    """Return 40 rows 5 minutes apart, whose times can all be read; every second one is bad."""
    return [row(START + place * FIVE_MINUTES, bad if place % 2 else GOOD) for place in range(40)]


@pytest.mark.parametrize("bad", [LOW_ABOVE_CLOSE, "1.27,1.27,1.27,x,1", "1.27", "0.00004,0.00004,0.00004,0.00004,1"])
def test_bad_rows_that_are_skipped_leave_gaps_and_do_not_change_the_granularity(tmp_path: Path, bad: str) -> None:
    summary = check_candle_file(source(tmp_path, every_second(bad)), model_spread_points=8)
    assert (summary.granularity, summary.candles, len(summary.rejected)) == ("M5", 20, 20)
    assert summary.missing_candles == 19


def test_rows_around_one_whose_time_cannot_be_read_do_not_tell_the_granularity(tmp_path: Path) -> None:
    rows = [row(START + place * FIVE_MINUTES) for place in range(30)]
    rows[1::2] = ["?" + text[1:] for text in rows[1::2]]
    assert "give it with --granularity" in refusal(tmp_path, rows)
    assert read(tmp_path, rows, FIVE_MINUTES).series.granularity_seconds == FIVE_MINUTES
    rows += [row(START + place * FIVE_MINUTES) for place in (30, 31)]
    assert read(tmp_path, rows).series.granularity_seconds == FIVE_MINUTES


@pytest.mark.parametrize(
    ("step", "given", "message"),
    [
        (300, 60, "the rows lie 5 min apart, so they are not M1 candles; give --granularity M5 or leave it out"),
        (300, 3600, "the rows lie 5 min apart, so they are not H1 candles; give --granularity M5 or leave it out"),
        (3600, 14_400, "the rows lie 1 h apart, so they are not H4 candles; give --granularity H1 or leave it out"),
        (180, 60, "the rows lie 3 min apart, so they are not M1 candles; give a file of M1 candles"),
    ],
)
def test_a_granularity_that_the_rows_contradict_is_refused(tmp_path: Path, step: int, given: int, message: str) -> None:
    rows = [row(START + place * step) for place in range(12)]
    for skip in (False, True):
        assert refusal(tmp_path, rows, given, skip=skip) == f"{tmp_path / 'GBP_USD.csv'}: {message}"


def test_a_thin_market_keeps_the_granularity_that_is_given(tmp_path: Path) -> None:
    rows = [row(START + 5 * place) for place in (0, 2, 3, 5, 8, 9, 11, 14, 18)]
    assert read(tmp_path, rows, 5).series.granularity_seconds == 5


def test_rows_apart_by_no_granularity_are_refused_with_those_that_there_are(tmp_path: Path) -> None:
    rows = [row(START + place * 180) for place in range(12)]
    message = refusal(tmp_path, rows)
    assert "the rows lie 3 min apart, and no granularity is that long; use one of S5, S10" in message


@pytest.mark.parametrize("given", [None, 300, 86_400])
@pytest.mark.parametrize(("kind", "days"), [("weekly", (0, 7, 14, 21)), ("monthly", (0, 31, 59, 90, 120, 151))])
def test_weekly_and_monthly_candles_are_refused_as_what_they_are(
    tmp_path: Path, kind: str, days: Sequence[int], given: int | None
) -> None:
    message = refusal(tmp_path, [row(START + day * 86_400) for day in days], given)
    assert message.endswith(f": {kind} candles are not traded; give candles of a day (D) or shorter")


def test_daily_candles_over_weekends_are_daily(tmp_path: Path) -> None:
    rows = [row(START + day * 86_400) for day in (0, 1, 2, 3, 4, 7, 8, 9)]
    assert read(tmp_path, rows).series.granularity_seconds == 86_400
    assert read(tmp_path, rows, 86_400).series.granularity_seconds == 86_400


@pytest.mark.parametrize("name", ["W", "M", "MN1"])
def test_the_name_of_weekly_or_monthly_candles_is_refused_as_what_it_is(name: str) -> None:
    with pytest.raises(InputError, match=r"(weekly|monthly) candles are not traded; use one of S5"):
        parse_granularity(name)


@pytest.mark.parametrize("skip", [False, True])
def test_rows_newest_first_are_refused_and_not_thrown_away(tmp_path: Path, skip: bool) -> None:
    rows = [row(START + place * FIVE_MINUTES) for place in reversed(range(12))]
    assert refusal(tmp_path, rows, skip=skip).endswith(
        ": the rows stand newest first, from 2024-01-08T00:55:00Z down to 2024-01-08T00:00:00Z; "
        "sort them by time, oldest first"
    )


def test_one_time_in_the_far_future_does_not_throw_all_later_rows_away(tmp_path: Path) -> None:
    rows = [row(START + place * FIVE_MINUTES) for place in range(12)]
    rows[2] = "2042" + rows[2][4:]
    assert refusal(tmp_path, rows).endswith(
        ":4: 9 of the 12 rows come after this line's time 2042-01-08T00:10:00Z and lie before it; "
        "sort the rows by time, or mend this line"
    )


def test_a_few_rows_out_of_order_are_bad_rows(tmp_path: Path) -> None:
    rows = [row(START + place * FIVE_MINUTES) for place in (0, 1, 2, 1, 3, 4, 0, 5)]
    found = read(tmp_path, rows)
    assert (len(found.series.time), [each.line for each in found.rejected]) == (6, [5, 8])


def test_a_file_of_shorter_candles_is_not_continued_with_longer_ones(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    prices = ",".join(["1.27000"] * 8)
    rows = [f"{format_time(START + place * 3600)},{prices},1" for place in range(8)]
    path.write_text("\n".join([BID_ASK_LAYOUT.header, *rows, ""]))
    with pytest.raises(InputError, match="holds H1 candles, so it is not continued with H4 ones"):
        file_so_far(path, instrument("GBP_USD"), 14_400)
