"""However a candle file is spoilt, the quick reader and a plain one see the same candles and the same bad rows."""

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.files.candle_file import CandleFile, read_candle_file
from services.ingest.files.layout import BID_ASK_LAYOUT, MID_LAYOUT, CandleLayout
from services.ingest.files.plain_rows import parse_plain_rows
from services.ingest.files.rows import parse_rows
from shared.contracts.errors import InputError
from shared.contracts.instruments import instrument
from shared.contracts.times import format_time

START = 1_398_902_400
DIGITS = 5
SPREAD_POINTS = 3
SPOILS = (
    "",
    "nan",
    "-1",
    "0",
    "x",
    "1.386765",
    "1.3867600",
    ".5",
    "7.",
    ".",
    "1..2",
    "1/2",
    "9e-1",
    "1.1",
    "99.9",
    "1234567.5",
)
TIME_SPOILS = (
    "",
    "2014-05-01T00:00:00",
    "2014-05-01T00:00:00Z",
    "2014-05-01T02:05:00+02:00",
    "2014-05-01 00:10:00Z",
    "2014-05-32T00:00:00Z",
    "2014-05-01T00:07:00Z",
    "2014-05-01T99:00:00Z",
    "2014-05-01T00:0/:00Z",
    "2014-05-01T00:15:00.000Z",
)

Rows = list[list[str]]


@st.composite
def good_rows(draw: st.DrawFn, layout: CandleLayout) -> Rows:
    rows: Rows = []
    time = START
    trimmed = draw(st.booleans())
    for _ in range(draw(st.integers(1, 8))):
        fields = [format_time(time)]
        for side in range(len(layout.sides)):
            opened, close = (draw(st.integers(99_990, 100_010)) + 50 * side for _ in range(2))
            high = max(opened, close) + draw(st.integers(0, 20))
            low = min(opened, close) - draw(st.integers(0, 20))
            texts = (f"{points / 10**DIGITS:.{DIGITS}f}" for points in (opened, high, low, close))
            fields += [text.rstrip("0") if trimmed else text for text in texts]
        rows.append([*fields, draw(st.sampled_from(("7", "123456", "12.5")))])
        time += 300 * draw(st.sampled_from((1, 1, 1, 4)))
    return rows


@st.composite
def spoilt_rows(draw: st.DrawFn, layout: CandleLayout) -> Rows:
    rows = draw(good_rows(layout))
    for _ in range(draw(st.integers(0, 3))):
        row = draw(st.sampled_from(rows))
        at = draw(st.integers(0, len(row) - 1))
        match draw(st.sampled_from(("replace", "edit", "copy", "drop", "duplicate"))):
            case "replace":
                row[at] = draw(st.sampled_from(TIME_SPOILS if at == 0 else SPOILS))
            case "edit":
                place = draw(st.integers(0, len(row[at])))
                inserted = draw(st.text("0159.-+ TZ:/\x00", max_size=2))
                row[at] = row[at][:place] + inserted + row[at][place + draw(st.integers(0, 2)) :]
            case "copy":
                other = draw(st.sampled_from(rows))
                row[at] = other[min(at, len(other) - 1)]
            case "drop" if len(row) > 2:
                del row[at]
            case _:
                rows.insert(draw(st.integers(0, len(rows))), list(row))
    return rows


def good_by_decimals(rows: Rows, layout: CandleLayout) -> list[tuple[int, list[int], float]]:
    """Judge rows one by one with `Decimal` and `datetime`, which is slow and obvious."""
    found: list[tuple[int, list[int], float]] = []
    for row in rows:
        try:
            time, prices, volume = _judged(row, layout)
        except (ValueError, InvalidOperation, OverflowError):
            continue
        if time % 300 == 0 and (not found or time > found[-1][0]):
            found.append((time, prices, volume))
    return found


def _judged(row: list[str], layout: CandleLayout) -> tuple[int, list[int], float]:
    if len(row) != len(layout.price_names) + 2 or "_" in "".join(row):
        raise ValueError
    text = row[0].strip()
    # Python's own reader also takes texts such as 00:000 for a time of day.
    if not re.search(r"[T ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d(:?\d\d)?)$", text):
        raise ValueError
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or text[4:5] != "-" or moment.microsecond:
        raise ValueError
    prices = [Decimal(field.strip()) * 10**DIGITS for field in row[1:-1]]
    volume = Decimal(row[-1].strip())
    if not all(price.is_finite() and price > 0 and price == int(price) for price in prices):
        raise ValueError
    for side in range(0, len(prices), 4):
        opened, high, low, close = prices[side : side + 4]
        if high < max(opened, close) or low > min(opened, close):
            raise ValueError
    if len(prices) == 8 and (prices[4] < prices[0] or prices[7] < prices[3]):
        raise ValueError
    if len(prices) == 4:
        prices = [
            price + shift for shift in (-(SPREAD_POINTS // 2), SPREAD_POINTS - SPREAD_POINTS // 2) for price in prices
        ]
    if min(prices) <= 0 or not volume.is_finite() or volume < 0:
        raise ValueError
    return int(moment.timestamp()), [int(price) for price in prices], float(volume)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("candles")


@settings(max_examples=400, deadline=None)
@given(data=st.data(), layout=st.sampled_from((MID_LAYOUT, BID_ASK_LAYOUT)))
def test_a_spoilt_file_holds_the_candles_that_slow_judgement_finds(
    folder: Path, data: st.DataObject, layout: CandleLayout
) -> None:
    rows = data.draw(spoilt_rows(layout))
    path = folder / "spoilt.csv"
    path.write_bytes("".join(f"{line}\n" for line in (layout.header, *(",".join(row) for row in rows))).encode())
    lines = [line for line in path.read_text().split("\n")[1:] if line.strip()]
    expected = good_by_decimals([line.split(",") for line in lines], layout)
    source = CandleFile(path, instrument("EUR_USD"))
    try:
        series, rejected, _ = read_candle_file(
            source, model_spread_points=SPREAD_POINTS, granularity_seconds=300, skip_bad_rows=True
        )
    except InputError as refusal:
        whole_file = re.search("apart, so they are not M5|sort them by time|sort the rows by time", str(refusal))
        assert expected == [] or whole_file
        return
    prices = zip(*(column.tolist() for column in series[3:-1]), strict=True)
    found = [
        (time, list(points), volume)
        for time, points, volume in zip(series.time.tolist(), prices, series.volume.tolist(), strict=True)
    ]
    assert found == expected
    assert len(found) + len(rejected) == len(lines)
    assert all(row.text == path.read_text().split("\n")[row.line - 1] for row in rejected)


@settings(max_examples=400, deadline=None)
@given(data=st.data(), layout=st.sampled_from((MID_LAYOUT, BID_ASK_LAYOUT)))
def test_rows_that_are_read_at_once_are_those_that_are_read_one_by_one(
    data: st.DataObject, layout: CandleLayout
) -> None:
    block = "".join(f"{','.join(row)}\n" for row in data.draw(spoilt_rows(layout))).encode()
    quick = parse_plain_rows(block, 2, layout, DIGITS)
    if quick is None:
        return
    slow, rejected, times = parse_rows(block, 2, layout, DIGITS)
    assert rejected == []
    np.testing.assert_array_equal(times, slow.time)
    for at_once, one_by_one in zip(quick, slow, strict=True):
        np.testing.assert_array_equal(at_once, one_by_one)


@given(rows=good_rows(BID_ASK_LAYOUT))
def test_good_rows_of_one_kind_of_volume_are_read_at_once(rows: Rows) -> None:
    block = "".join(f"{','.join([*row[:-1], '7'])}\n" for row in rows).encode()
    columns = parse_plain_rows(block, 2, BID_ASK_LAYOUT, DIGITS)
    has_whole_price = any("." not in field or field.endswith(".") for row in rows for field in row[1:-1])
    assert columns is not None or has_whole_price
    assert columns is None or columns.line.tolist() == list(range(2, len(rows) + 2))
