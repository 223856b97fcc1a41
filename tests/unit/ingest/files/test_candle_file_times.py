"""The granularity of a candle file is what its rows show, however many of them are bad."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from services.ingest.files.candle_file import CandleFile, CandleRead, read_candle_file
from services.ingest.files.layout import MID_LAYOUT
from services.ingest.files.summary import check_candle_file
from shared.contracts.errors import InputError
from shared.contracts.times import format_time
from shared.core.types import instrument

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
    assert "tell it with --granularity" in refusal(tmp_path, rows)
    assert read(tmp_path, rows, FIVE_MINUTES).series.granularity_seconds == FIVE_MINUTES
    rows += [row(START + place * FIVE_MINUTES) for place in (30, 31)]
    assert read(tmp_path, rows).series.granularity_seconds == FIVE_MINUTES
