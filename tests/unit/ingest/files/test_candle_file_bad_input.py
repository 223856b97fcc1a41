"""Every kind of bad candle file is refused in one sentence that tells where and why."""

import gzip
from pathlib import Path

import pytest

from services.ingest.files.candle_file import CandleFile, CandleRead, read_candle_file
from services.ingest.files.layout import BID_ASK_LAYOUT, MID_LAYOUT
from shared.contracts.errors import InputError
from shared.contracts.instruments import instrument

HEADER = BID_ASK_LAYOUT.header


def row(
    time: str = "2014-05-01T00:05:00Z",
    bid: str = "1.38676,1.38690,1.38669,1.38684",
    ask: str = "1.38686,1.38702,1.38680,1.38693",
    volume: str = "90",
) -> str:
    return f"{time},{bid},{ask},{volume}"


BEFORE = row("2014-05-01T00:00:00Z")
AFTER = row("2014-05-01T00:10:00Z")


def read(path: Path, *, skip_bad_rows: bool = False, granularity_seconds: int | None = 300) -> CandleRead:
    source = CandleFile(path, instrument("EUR_USD"))
    return read_candle_file(
        source, model_spread_points=3, granularity_seconds=granularity_seconds, skip_bad_rows=skip_bad_rows
    )


def written(folder: Path, *lines: str) -> Path:
    path = folder / "candles.csv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def refusal(path: Path, granularity_seconds: int | None = 300) -> str:
    with pytest.raises(InputError) as caught:
        read(path, granularity_seconds=granularity_seconds)
    return str(caught.value)


BAD_ROWS = [
    (row(bid=",1.38690,1.38669,1.38684"), "bid_open is missing"),
    (row(ask="1.38686,1.38702,1.38680,"), "ask_close is missing"),
    (row(bid="1.38676,high,1.38669,1.38684"), "bid_high 'high' is not a number"),
    (row(bid="1.38676,1_38690,1.38669,1.38684"), "bid_high '1_38690' is not a number"),
    (row(bid="1.38676,1.3869O,1.38669,1.38684"), "bid_high '1.3869O' is not a number"),
    (row(bid="1.38676,1.38.90,1.38669,1.38684"), "bid_high '1.38.90' is not a number"),
    (row(bid="1.38676,1.38690,.,1.38684"), "bid_low '.' is not a number"),
    (row(bid="1.38676,1.38690,NaN,1.38684"), "bid_low NaN is not a finite number"),
    (row(bid="1.38676,inf,1.38669,1.38684"), "bid_high inf is not a finite number"),
    (row(bid="1.38676,1.38690,1.38669,-Infinity"), "bid_close -Infinity is not a finite number"),
    (row(bid="1.38676,1.38690,0.00000,1.38684"), "bid_low 0.00000 is not above zero"),
    (row(bid="1.38676,1.38690,-1.3867,1.38684"), "bid_low -1.3867 is not above zero"),
    (row(bid="1.386765,1.38690,1.38669,1.38684"), "bid_open 1.386765 has more than 5 decimals"),
    (row(bid="1.3867600000000000000001,1.38690,1.38669,1.38684"), "has more than 5 decimals"),
    (row(bid="138676e-6,1.38690,1.38669,1.38684"), "bid_open 138676e-6 has more than 5 decimals"),
    (row(bid="1.38676,1e12,1.38669,1.38684"), "bid_high 1e12 is too large for a price"),
    (row(bid="1.38676,1.38670,1.38669,1.38660"), "bid_high 1.38670 is below bid_open 1.38676"),
    (row(bid="1.38676,1.38680,1.38669,1.38684"), "bid_high 1.38680 is below bid_close 1.38684"),
    (row(ask="1.38686,1.38702,1.38690,1.38693"), "ask_low 1.38690 is above ask_open 1.38686"),
    (row(ask="1.38699,1.38702,1.38695,1.38693"), "ask_low 1.38695 is above ask_close 1.38693"),
    (row(bid="1.38676,1.38660,1.38690,1.38684"), "bid_high 1.38660 is below bid_open 1.38676"),
    (row(ask="1.38675,1.38702,1.38670,1.38693"), "ask_open 1.38675 is below bid_open 1.38676"),
    (row(ask="1.38686,1.38702,1.38680,1.38683"), "ask_close 1.38683 is below bid_close 1.38684"),
    (row(volume=""), "volume is missing"),
    (row(volume="many"), "volume 'many' is not a number"),
    (row(volume="."), "volume '.' is not a number"),
    (row(volume="-1"), "volume -1 is negative"),
    (row(volume="nan"), "volume nan is not a finite number"),
    (row(volume="1e999"), "volume 1e999 is not a finite number"),
    (row(volume="90,1"), "the row has 11 fields instead of 10"),
    ("2014-05-01T00:05:00Z,1.38676", "the row has 2 fields instead of 10"),
    (row(time=""), "time is missing"),
    (row(time="yesterday"), "time 'yesterday' is not an ISO-8601 time such as 2014-05-01T00:00:00Z"),
    (row(time="1398902700"), "time '1398902700' is not an ISO-8601 time"),
    (row(time="2014-05-01T00:05:00"), "time '2014-05-01T00:05:00' has no zone"),
    (row(time="2014-05-01"), "time '2014-05-01' has no zone"),
    (row(time="2014-02-30T00:05:00Z"), "time '2014-02-30T00:05:00Z' has a date that does not exist"),
    (row(time="2014-05-01T24:05:00Z"), "has a time of day or an offset that does not exist"),
    (row(time="2014-05-01T00:60:00Z"), "has a time of day or an offset that does not exist"),
    (row(time="2014-05-01T00:05:00+24:00"), "has a time of day or an offset that does not exist"),
    (row(time="2014-05-01T00:05:00.5Z"), "does not lie on a whole second"),
    (row(time="2014-05-01T00:00:00Z"), "time 2014-05-01T00:00:00Z is a duplicate of the last good row's"),
    (
        row(time="2014-04-30T23:55:00Z"),
        "time 2014-04-30T23:55:00Z is unsorted, it comes before the last good row's 2014-05-01T00:00:00Z",
    ),
    (row(time="2014-05-01T00:06:00Z"), "time 2014-05-01T00:06:00Z is off the grid of M5"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_ROWS)
def test_a_bad_row_refuses_the_file_and_says_why(tmp_path: Path, bad: str, reason: str) -> None:
    path = written(tmp_path, HEADER, BEFORE, bad, AFTER)
    message = refusal(path)
    assert message.startswith(f"{path}:3: ")
    assert reason in message
    assert message.endswith("; mend it or use --skip-bad-rows")


@pytest.mark.parametrize(("bad", "reason"), BAD_ROWS)
def test_a_bad_row_is_dropped_and_reported_where_that_is_asked_for(tmp_path: Path, bad: str, reason: str) -> None:
    series, rejected, _ = read(written(tmp_path, HEADER, BEFORE, bad, AFTER), skip_bad_rows=True)
    assert series.time.tolist() == [1398902400, 1398903000]
    assert series.bid_open.tolist() == [138676, 138676]
    assert [(dropped.line, dropped.text) for dropped in rejected] == [(3, bad)]
    assert reason in rejected[0].reason


def test_the_first_five_bad_rows_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, BEFORE, *[row(volume="-1")] * 3, BEFORE, *[row(volume="x")] * 3, AFTER)
    assert refusal(path) == (
        f"{path}:3: volume -1 is negative; line 4: volume -1 is negative; line 5: volume -1 is negative; "
        "line 6: time 2014-05-01T00:00:00Z is a duplicate of the last good row's; line 7: volume 'x' is not a number; "
        "and 2 more bad rows; mend them or use --skip-bad-rows"
    )


def test_only_good_rows_count_as_the_last_one(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        HEADER,
        BEFORE,
        row("2014-05-01T09:00:00Z", volume="-1"),
        row("2014-05-01T08:01:00Z"),
        row("2014-05-01T00:05:00Z"),
        row("2014-05-01T00:05:00Z"),
        AFTER,
    )
    series, rejected, _ = read(path, skip_bad_rows=True)
    assert series.time.tolist() == [1398902400, 1398902700, 1398903000]
    assert [dropped.line for dropped in rejected] == [3, 4, 6]


def test_line_numbers_count_blank_lines(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, "", BEFORE, "", row(volume="x"))
    assert refusal(path).startswith(f"{path}:5: ")


def test_line_numbers_hold_after_many_good_blocks(tmp_path: Path) -> None:
    rows = [
        row(f"2014-{1 + day // 28:02}-{1 + day % 28:02}T{hour:02}:00:00Z") for day in range(336) for hour in range(24)
    ]
    path = written(tmp_path, HEADER, *rows, row(volume="x"))
    assert refusal(path, 3600).startswith(f"{path}:{len(rows) + 2}: volume 'x' is not a number")


def test_hours_above_one_must_be_whole(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, row("2014-05-01T21:30:00Z"))
    assert "time 2014-05-01T21:30:00Z is off the grid of H4" in refusal(path, 14_400)


def test_a_mid_price_below_half_the_spread_is_bad(tmp_path: Path) -> None:
    path = written(tmp_path, MID_LAYOUT.header, "2014-05-01T00:00:00Z,0.00002,0.00003,0.00001,0.00002,1")
    assert refusal(path) == (
        f"{path}:2: low 0.00001 is not above half the spread; its only row is bad, so mend the file"
    )


def test_another_header_is_refused_with_the_accepted_ones(tmp_path: Path) -> None:
    path = written(tmp_path, "Date,Open,High,Low,Close", BEFORE)
    assert refusal(path) == (
        f"{path}:1: the header 'Date,Open,High,Low,Close' is unknown; "
        f"it must be 'time,open,high,low,close,volume' or '{HEADER}'"
    )


@pytest.mark.parametrize("content", ["", "\n", "\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "candles.csv"
    path.write_text(content)
    assert refusal(path) == f"{path}:1: the file is empty; give a file with candles"


@pytest.mark.parametrize("content", [HEADER, f"{HEADER}\n", f"{HEADER}\n\n"])
def test_a_file_without_candles_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "candles.csv"
    path.write_text(content)
    assert refusal(path) == f"{path}:1: there are no candles after the header; give a file with candles"


def test_a_file_without_a_good_row_is_refused_even_if_bad_rows_are_skipped(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, row(volume="x"), row(volume="y"))
    with pytest.raises(InputError, match=r":2: volume 'x' is not a number; none of its 2 rows is good, so mend"):
        read(path, skip_bad_rows=True)
    path = written(tmp_path, HEADER, row(time="2014-05-01T00:06:00Z"))
    with pytest.raises(InputError, match=r":2: time .* is off the grid of M5; its only row is bad, so mend"):
        read(path, skip_bad_rows=True)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "absent.csv"
    assert refusal(path) == f"{path} does not exist; give the path of a candle file"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path} cannot be read: Is a directory; give a readable candle file"


def test_a_truncated_gzip_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n{BEFORE}\n".encode())[:-12])
    assert refusal(path) == f"{path} is a damaged gzip file; compress or copy it again"


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    path.write_bytes(bytes(range(256)) * 9)
    assert refusal(path) == f"{path} is not a text file; give a CSV file with candles"


def test_a_file_with_old_line_ends_is_refused_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    path.write_text("\r".join([HEADER, BEFORE, AFTER]), newline="")
    assert ":1: the lines end in carriage returns alone; save the file with line feeds" in refusal(path)


def test_lines_are_counted_from_the_top_of_a_file_that_begins_with_blank_ones(tmp_path: Path) -> None:
    path = written(tmp_path, "", "  ", HEADER, BEFORE, row(volume="x"), AFTER)
    assert refusal(path).startswith(f"{path}:5: volume 'x' is not a number")
    series, rejected, _ = read(path, skip_bad_rows=True)
    assert (len(series.time), rejected[0].text) == (2, row(volume="x"))
    assert refusal(written(tmp_path, "", "no header")).startswith(f"{path}:2: the header 'no header' is unknown")


def test_a_single_candle_needs_a_granularity(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, BEFORE)
    assert refusal(path, None) == (
        f"{path}: the times of a single candle show no granularity; give it with --granularity, for instance M5"
    )


def test_an_unusual_step_needs_a_granularity(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, BEFORE, row("2014-05-01T00:03:00Z"))
    assert refusal(path, None) == (
        f"{path}: the rows lie 3 min apart, and no granularity is that long; "
        "give it with --granularity, for instance M5"
    )


def test_an_impossible_granularity_is_refused(tmp_path: Path) -> None:
    assert "no granularity has 7 seconds" in refusal(written(tmp_path, HEADER, BEFORE), 7)
