"""Reading candle files that are in order."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from services.ingest.files.candle_file import CandleFile, CandleRead, parse_candle_argument, read_candle_file
from services.ingest.files.layout import BID_ASK_LAYOUT, MID_LAYOUT
from services.ingest.files.writer import candle_lines
from shared.contracts.errors import InputError
from shared.contracts.granularity import granularity_name, parse_granularity
from shared.contracts.instruments import instrument
from shared.contracts.pairs import parse_currency, parse_pair
from shared.core.columns import CandleSeries
from shared.core.types import Candle
from tests.material import shared_material

BID_ASK = BID_ASK_LAYOUT.header
MID = MID_LAYOUT.header
FIRST = "2014-05-01T00:00:00Z,1.38676,1.38690,1.38669,1.38684,1.38686,1.38702,1.38680,1.38693,90"
SECOND = "2014-05-01T00:05:00Z,1.38683,1.38683,1.38666,1.38670,1.38693,1.38693,1.38678,1.38681,57"
FIRST_CANDLE = Candle(1398902400, 138676, 138690, 138669, 138684, 138686, 138702, 138680, 138693, 90.0)


def read(path: Path, pair: str = "EUR_USD", granularity_seconds: int | None = None) -> CandleRead:
    source = CandleFile(path, instrument(pair))
    return read_candle_file(source, model_spread_points=3, granularity_seconds=granularity_seconds)


def written(folder: Path, *lines: str, end: str = "\n") -> Path:
    path = folder / "candles.csv"
    path.write_bytes("".join(f"{line}{end}" for line in lines).encode())
    return path


def candle(series: CandleSeries, at: int) -> Candle:
    return Candle(*(column[at].item() for column in series.columns))


def test_bid_ask_candles_become_points(tmp_path: Path) -> None:
    series, rejected, kind = read(written(tmp_path, BID_ASK, FIRST, SECOND))
    assert (series.instrument.name, series.granularity_seconds, len(series.time)) == ("EUR_USD", 300, 2)
    assert candle(series, 0) == FIRST_CANDLE
    assert (rejected, kind) == ([], "bid/ask")


def test_mid_candles_get_the_model_spread_with_the_smaller_half_below(tmp_path: Path) -> None:
    path = written(tmp_path, MID, "2014-05-01T00:00:00Z,1.38676,1.38690,1.38669,1.38684,90")
    series, _, kind = read(path, granularity_seconds=300)
    assert candle(series, 0).prices == (138675, 138689, 138668, 138683, 138678, 138692, 138671, 138686)
    assert kind == "mid"


def test_yen_prices_have_three_decimals(tmp_path: Path) -> None:
    path = written(tmp_path, MID, "2014-05-01T00:00:00Z,99.999,100.001,99.998,100.000,9")
    series = read(path, "USD_JPY", 60).series
    assert candle(series, 0)[1:5] == (99998, 100000, 99997, 99999)


@pytest.mark.parametrize(
    "time",
    [
        "2014-05-01T00:00:00Z",
        "2014-05-01T02:00:00+02:00",
        "2014-04-30T20:00:00-0400",
        "2014-05-01 05:30:00+05:30",
        "2014-05-01T00:00:00.000000000Z",
        "2014-05-01T00:00Z",
    ],
)
def test_times_with_any_offset_become_utc(tmp_path: Path, time: str) -> None:
    path = written(tmp_path, BID_ASK, FIRST.replace("2014-05-01T00:00:00Z", time))
    assert read(path, granularity_seconds=300).series.time.tolist() == [FIRST_CANDLE.time]


@pytest.mark.parametrize("price", ["1.38680", "1.3868", "1.3868000", "01.3868", "+1.3868", "13868e-4", " 1.3868 "])
def test_prices_may_be_written_in_any_way_that_is_a_whole_number_of_points(tmp_path: Path, price: str) -> None:
    path = written(tmp_path, BID_ASK, FIRST.replace("1.38676", price), SECOND)
    assert candle(read(path).series, 0).bid_open == 138680


@pytest.mark.parametrize(
    ("text", "volume"), [("90.25", 90.25), ("0", 0.0), ("0.1", 0.1), ("1234567890.5", 1234567890.5)]
)
def test_volumes_may_have_decimals(tmp_path: Path, text: str, volume: float) -> None:
    path = written(tmp_path, BID_ASK, FIRST.removesuffix("90") + text)
    assert read(path, granularity_seconds=300).series.volume.tolist() == [volume]


def test_byte_order_mark_carriage_returns_blank_lines_and_a_missing_last_newline_are_tolerated(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    path.write_bytes(f"\ufeff{BID_ASK}\r\n{FIRST}\r\n\r\n{SECOND}".encode())
    assert read(path).series.time.tolist() == [1398902400, 1398902700]


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    path.write_bytes(gzip.compress(f"{BID_ASK}\n{FIRST}\n{SECOND}\n".encode()))
    assert len(read(path).series.time) == 2


def test_granularity_is_the_most_frequent_step(tmp_path: Path) -> None:
    later = [SECOND.replace("00:05:00", clock) for clock in ("00:05:00", "00:10:00", "01:00:00", "01:05:00")]
    assert read(written(tmp_path, BID_ASK, FIRST, *later)).series.granularity_seconds == 300


def test_four_hour_candles_may_begin_at_any_whole_hour(tmp_path: Path) -> None:
    path = written(tmp_path, BID_ASK, FIRST.replace("T00:00", "T21:00"))
    assert read(path, granularity_seconds=14_400).series.time.tolist() == [FIRST_CANDLE.time + 21 * 3600]


def test_files_longer_than_a_block_are_read_whole(tmp_path: Path) -> None:
    count = 20_000
    times = 1398902400 + 60 * np.arange(count)
    points = 138_000 + np.arange(count) % 700
    columns = [points, points + 5, points - 5, points + 1, points + 8, points + 13, points + 3, points + 9]
    series = CandleSeries._make((instrument("EUR_USD"), 60, times, *columns, np.arange(count) / 4))
    path = tmp_path / "long.csv"
    path.write_text("".join(candle_lines(series)))
    for was, became in zip(series.columns, read(path).series.columns, strict=True):
        np.testing.assert_array_equal(was, became)


@pytest.mark.parametrize(
    ("text", "override", "path", "pair"),
    [
        ("EUR_USD=prices.csv", None, "prices.csv", "EUR_USD"),
        ("EUR_USD=USD_JPY_M5.csv", "GBP_USD", "USD_JPY_M5.csv", "EUR_USD"),
        ("USD_JPY_M5.csv", "GBP_USD", "USD_JPY_M5.csv", "GBP_USD"),
        ("folder/GBP_USD/USD_JPY_M5.csv", None, "folder/GBP_USD/USD_JPY_M5.csv", "USD_JPY"),
        ("./run=1/USD_JPY.csv", None, "run=1/USD_JPY.csv", "USD_JPY"),
    ],
)
def test_pair_comes_from_the_argument_the_option_or_the_file_name(
    text: str, override: str | None, path: str, pair: str
) -> None:
    assert parse_candle_argument(text, override) == CandleFile(Path(path), instrument(pair))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("prices.csv", "does not contain its pair; write PAIR=FILE, for instance EUR_USD=./prices.csv"),
        ("ABC_DEF.csv", "does not contain its pair; write PAIR=FILE, for instance EUR_USD=./ABC_DEF.csv"),
        ("eur_usd_m5.csv", "does not contain its pair in capitals, EUR_USD; write EUR_USD=./eur_usd_m5.csv"),
        ("DAT_ASCII_EURUSD_M1.csv", "does not contain its pair as EUR_USD; write EUR_USD=./DAT_ASCII_EURUSD_M1.csv"),
    ],
)
def test_a_file_whose_pair_is_not_told_is_refused_with_what_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as refusal:
        parse_candle_argument(f"./{name}")
    assert str(refusal.value).endswith(said)


@pytest.mark.parametrize("name", ["prices.csv", "my_own.csv", "ABC_DEF.csv"])
def test_a_file_that_is_not_there_is_told_so_and_not_judged_by_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"{name} does not exist; give the path of a candle file"):
        parse_candle_argument(str(tmp_path / name))


def test_pair_is_found_beside_other_capitals_of_the_file_name() -> None:
    assert parse_candle_argument("OANDA_EUR_USD_M5.csv").instrument == instrument("EUR_USD")


def test_a_file_whose_name_holds_an_equals_sign_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "year=2024").mkdir()
    (tmp_path / "year=2024" / "EUR_USD.csv").touch()
    monkeypatch.chdir(tmp_path)
    assert parse_candle_argument("year=2024/EUR_USD.csv").path == Path("year=2024/EUR_USD.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("eur_usd", "write it in capitals, EUR_USD"),
        ("EURUSD", "write it EUR_USD"),
        ("eur/usd", "write it EUR_USD"),
        ("EUR_XYZ", "'XYZ' is not one of the currencies"),
        ("EUR_EUR", "base and quote must be two different currencies"),
    ],
)
def test_a_pair_written_in_another_way_is_refused_with_how_to_write_it(text: str, said: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_pair(text)
    assert str(refusal.value).startswith(f"'{text}' is not a pair: ")
    assert said in str(refusal.value)


def test_a_currency_in_small_letters_is_refused_with_its_capitals() -> None:
    with pytest.raises(InputError, match="'usd' is not a known currency: write it in capitals, USD"):
        parse_currency("usd")


def test_an_argument_without_a_file_is_refused() -> None:
    with pytest.raises(InputError, match="names no file; write PAIR=FILE"):
        parse_candle_argument("EUR_USD=")


def test_an_unknown_pair_is_refused() -> None:
    with pytest.raises(InputError, match="'EUR_XYZ' is not a pair"):
        parse_candle_argument("EUR_XYZ=prices.csv")


def test_granularities_have_names() -> None:
    assert parse_granularity("m15") == 900
    assert granularity_name(86_400) == "D"
    with pytest.raises(InputError, match="granularity 'M3' is unknown; use one of S5, S10"):
        parse_granularity("M3")
    with pytest.raises(InputError, match="no granularity has 7 seconds"):
        granularity_name(7)


@pytest.mark.parametrize(
    ("name", "pair", "granularity", "candles"),
    [
        ("EUR_USD_M1_2014-05.csv", "EUR_USD", 60, None),
        ("EUR_USD_M5_2014-05.csv", "EUR_USD", 300, 3168),
        ("NZD_USD_M5_2014-05.csv", "NZD_USD", 300, None),
        ("EUR_USD_H1_2007-2018.csv.gz", "EUR_USD", 3600, 74_439),
    ],
)
def test_recorded_candles_are_read_without_a_complaint(
    name: str, pair: str, granularity: int, candles: int | None
) -> None:
    source = parse_candle_argument(str(shared_material("data", name)))
    series, rejected, _ = read_candle_file(source, model_spread_points=3)
    assert (series.instrument.name, series.granularity_seconds, rejected) == (pair, granularity, [])
    assert candles is None or len(series.time) == candles
