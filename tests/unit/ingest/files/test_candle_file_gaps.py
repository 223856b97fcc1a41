"""Gaps between candles, and the summary of a candle file."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from services.ingest.files.candle_file import CandleFile
from services.ingest.files.layout import BID_ASK_LAYOUT, MID_LAYOUT
from services.ingest.files.summary import check_candle_file
from services.ingest.gaps import Gap, find_gaps
from shared.contracts.errors import InputError
from shared.contracts.instruments import instrument
from shared.contracts.vocabulary import GapKind


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def gaps_between(*times: str, granularity_seconds: int = 300) -> list[Gap]:
    return find_gaps(np.array([at(time) for time in times], np.int64), granularity_seconds)


def test_consecutive_candles_have_no_gaps() -> None:
    assert gaps_between("2014-05-01T00:00", "2014-05-01T00:05", "2014-05-01T00:10") == []


def test_a_closed_weekend_is_not_missing_candles() -> None:
    gaps = gaps_between("2014-05-02T20:55", "2014-05-04T21:00")
    assert gaps == [Gap(at("2014-05-02T21:00"), at("2014-05-04T21:00"), 0, GapKind.WEEKEND)]


def test_the_weekend_on_which_new_york_changes_its_clocks_is_closed_too() -> None:
    gaps = gaps_between("2024-03-08T21:55", "2024-03-10T21:00")
    assert [gap.kind for gap in gaps] == [GapKind.WEEKEND]


def test_a_gap_around_the_weekend_that_is_an_hour_shorter_counts_the_open_market_alone() -> None:
    gaps = gaps_between("2024-03-08T21:50", "2024-03-10T21:05")
    assert gaps == [Gap(at("2024-03-08T21:55"), at("2024-03-10T21:05"), 2, GapKind.NO_TICKS)]


@pytest.mark.parametrize(("after", "missing"), [("2024-03-07T21:00", 564), ("2024-03-07T22:00", 576)])
def test_a_gap_as_long_as_a_weekend_within_the_week_is_missing_throughout(after: str, missing: int) -> None:
    gaps = gaps_between("2024-03-05T21:55", after)
    assert gaps == [Gap(at("2024-03-05T22:00"), at(after), missing, GapKind.OUTAGE)]


def test_a_gap_into_the_weekend_counts_the_candles_of_the_open_market() -> None:
    gaps = gaps_between("2014-05-02T20:45", "2014-05-04T21:10")
    assert gaps == [Gap(at("2014-05-02T20:50"), at("2014-05-04T21:10"), 4, GapKind.NO_TICKS)]


@pytest.mark.parametrize(
    ("after", "missing", "kind"),
    [("00:10", 1, GapKind.NO_TICKS), ("00:35", 6, GapKind.NO_TICKS), ("00:40", 7, GapKind.OUTAGE)],
)
def test_up_to_six_candles_may_have_had_no_ticks(after: str, missing: int, kind: GapKind) -> None:
    gaps = gaps_between("2014-05-01T00:00", f"2014-05-01T{after}")
    assert gaps == [Gap(at("2014-05-01T00:05"), at(f"2014-05-01T{after}"), missing, kind)]


def test_a_long_outage_over_a_weekend_leaves_the_weekend_out() -> None:
    (gap,) = gaps_between("2014-05-01T00:00", "2014-05-08T00:00", granularity_seconds=3600)
    assert (gap.missing_candles, gap.kind) == (7 * 24 - 48 - 1, GapKind.OUTAGE)


def test_daily_candles_from_friday_to_sunday_have_a_weekend_between_them() -> None:
    gaps = gaps_between("2014-05-01T21:00", "2014-05-04T21:00", granularity_seconds=86_400)
    assert [gap.kind for gap in gaps] == [GapKind.WEEKEND]


def test_the_summary_of_a_file_tells_its_candles_gaps_spreads_and_bad_rows(tmp_path: Path) -> None:
    def row(time: str, ask_close: str) -> str:
        return f"{time}:00Z,1.38000,1.38000,1.38000,1.38000,{ask_close},{ask_close},{ask_close},{ask_close},5"

    times = ("2014-05-02T20:40", "2014-05-02T20:45", "2014-05-02T20:55", "2014-05-04T21:00", "2014-05-04T21:05")
    rows = [row(time, "1.38010") for time in times[:-1]]
    path = tmp_path / "candles.csv"
    path.write_text("\n".join([BID_ASK_LAYOUT.header, *rows, row(times[-1], "1.38100"), row(times[0], "1.38010")]))
    summary = check_candle_file(CandleFile(path, instrument("EUR_USD")), model_spread_points=3)
    assert (summary.instrument.name, summary.header_kind, summary.granularity) == ("EUR_USD", "bid/ask", "M5")
    assert (summary.rows, summary.candles) == (6, 5)
    assert (summary.first_time, summary.last_time) == (at(times[0]), at(times[-1]))
    assert (summary.median_spread_pips, round(summary.p95_spread_pips, 9)) == (1.0, 8.2)
    assert summary.gaps_by_kind == {GapKind.WEEKEND: 1, GapKind.NO_TICKS: 1, GapKind.OUTAGE: 0}
    assert summary.missing_candles == 1
    assert [bad.line for bad in summary.rejected] == [7]


def test_the_spread_of_a_file_with_mid_prices_is_the_models(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    path.write_text(f"{MID_LAYOUT.header}\n2014-05-01T00:00:00Z,1.38,1.38,1.38,1.38,5\n")
    source = CandleFile(path, instrument("EUR_USD"))
    summary = check_candle_file(source, model_spread_points=3, granularity_seconds=60)
    assert (summary.header_kind, summary.median_spread_pips, summary.gaps) == ("mid", 0.3, ())


def test_the_summary_of_a_file_without_candles_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    path.write_text(BID_ASK_LAYOUT.header)
    with pytest.raises(InputError, match="there are no candles after the header"):
        check_candle_file(CandleFile(path, instrument("EUR_USD")), model_spread_points=3)
