"""A file comes out the same whatever it is wrapped in; what cannot be read is told as what it is."""

import gzip
import json
import os
import zipfile
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from services.ingest.files.candle_file import CandleFile, read_candle_file
from shared.calendar.economic import read_calendar
from shared.contracts.errors import InputError
from shared.contracts.instruments import instrument
from shared.files.unwrapped import unwrapped

TEXT = "time,open,high,low,close,volume\n" + "".join(
    f"2024-01-08T{hour:02}:{minute:02}:00Z,1.10000,1.10015,1.09990,1.10010,146\n"
    for hour in range(24)
    for minute in range(0, 60, 5)
)


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def wrapped(folder: Path, how: str, text: str = TEXT) -> Path:
    path = folder / f"EUR_USD {how}"
    plain = text.encode()
    match how:
        case "utf-8":
            path.write_bytes(plain)
        case "utf-8 with a mark":
            path.write_bytes(b"\xef\xbb\xbf" + plain)
        case "gzip":
            path.write_bytes(gzip.compress(plain))
        case "zip":
            zipped(path, {"data/candles.csv": plain, "__MACOSX/data/._candles.csv": b"\0", "data/.DS_Store": b"\0"})
        case "gzip of utf-16":
            path.write_bytes(gzip.compress(text.encode("utf-16")))
        case "zip of utf-16":
            zipped(path, {"candles.csv": text.encode("utf-16")})
        case _:
            mark = b"" if how.endswith("without a mark") else "\ufeff".encode(how)
            path.write_bytes(mark + text.encode(how.removesuffix(" without a mark")))
    return path


WAYS = (
    "utf-8",
    "utf-8 with a mark",
    "utf-16-le",
    "utf-16-be",
    "utf-16-le without a mark",
    "utf-16-be without a mark",
    "gzip",
    "gzip of utf-16",
    "zip",
    "zip of utf-16",
)


@pytest.mark.parametrize("how", WAYS)
def test_candles_are_read_whatever_their_file_is_wrapped_in(tmp_path: Path, how: str) -> None:
    for text in (TEXT, TEXT.replace("\n", "\r\n"), f"\n\r\n{TEXT}"):
        source = CandleFile(wrapped(tmp_path, how, text), instrument("EUR_USD"))
        read = read_candle_file(source, model_spread_points=3)
        assert (len(read.series.time), read.rejected) == (288, [])


@pytest.mark.parametrize("how", WAYS)
def test_bad_row_is_shown_in_its_words_whatever_its_file_is_wrapped_in(tmp_path: Path, how: str) -> None:
    off_grid = "2024-01-09T00:01:00Z,1.10000,1.10015,1.09990,1.10010,146"
    source = CandleFile(wrapped(tmp_path, how, f"{TEXT}{off_grid}\n"), instrument("EUR_USD"))
    read = read_candle_file(source, model_spread_points=3, skip_bad_rows=True)
    assert [(each.line, each.text.removeprefix("\ufeff")) for each in read.rejected] == [(290, off_grid)]


@pytest.mark.parametrize("how", WAYS)
def test_news_calendar_is_read_whatever_its_file_is_wrapped_in(tmp_path: Path, how: str) -> None:
    event = {"title": "Entscheidung für Zürich", "country": "CHF", "date": "2024-01-08T08:30:00Z", "impact": "High"}
    path = wrapped(tmp_path, how, json.dumps([event], ensure_ascii=False))
    assert [each.title for each in read_calendar(path).events] == ["Entscheidung für Zürich"]


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught, unwrapped(path, "candle file") as stream:
        stream.read()
    return str(caught.value).replace(str(path), "FILE")


def test_zip_of_several_files_is_refused_with_their_names(tmp_path: Path) -> None:
    path = zipped(tmp_path / "both.zip", {"EUR_USD.csv": b"", "GBP_USD.csv": b""})
    assert refusal(path) == (
        "FILE holds 2 files, EUR_USD.csv, GBP_USD.csv; unpack it and give one file, or a zip file with one"
    )
    path = zipped(tmp_path / "many.zip", {f"{number}.csv": b"" for number in range(8)})
    assert "holds 8 files, 0.csv, 1.csv, 2.csv, 3.csv, 4.csv and 3 more; unpack" in refusal(path)
    assert "holds no file; unpack" in refusal(zipped(tmp_path / "none.zip", {}))


def test_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = wrapped(tmp_path, "zip")
    content = path.read_bytes()
    path.write_bytes(content[:-30])
    assert refusal(path) == "FILE is a damaged zip file; compress or copy it again"
    path.write_bytes(content[:60] + b"\0\0\0\0" + content[64:])
    assert refusal(path) == "FILE is a damaged zip file; compress or copy it again"
    path.write_bytes(gzip.compress(TEXT.encode())[:-12])
    assert refusal(path) == "FILE is a damaged gzip file; compress or copy it again"


def test_text_that_is_utf_16_at_its_beginning_only_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "torn"
    path.write_bytes("time".encode("utf-16") + b"\x00\xd8\x00\x00")
    assert refusal(path) == "FILE begins as UTF-16 but does not continue so; save it again, as UTF-8"
    path.write_bytes(TEXT.encode("utf-16")[:-1])
    assert refusal(path) == "FILE begins as UTF-16 but does not continue so; save it again, as UTF-8"


@pytest.mark.parametrize(
    ("begin", "said"),
    [
        (b"BZh91AY&SY", "FILE is compressed by bzip2, which cannot be read; unpack it, or compress it by gzip or zip"),
        (b"\xfd7zXZ\x00\x00\x04", "FILE is compressed by xz, which"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "FILE is a 7-Zip archive, which"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1",
            "FILE is an Excel workbook, which cannot be read; save its sheet as CSV in UTF-8",
        ),
        (b"PAR1\x15\x04", "FILE is a Parquet file, which cannot be read; write it as CSV"),
        ("time".encode("utf-32"), "FILE is text in UTF-32, which cannot be read; save it as UTF-8"),
    ],
)
def test_what_cannot_be_read_is_told_as_what_it_is(tmp_path: Path, begin: bytes, said: str) -> None:
    path = tmp_path / "candles.csv"
    path.write_bytes(begin + b"\0" * 20)
    assert refusal(path).startswith(said)


def test_workbook_is_told_as_one_and_not_as_a_zip_file(tmp_path: Path) -> None:
    path = zipped(tmp_path / "book.xlsx", {"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"})
    assert refusal(path) == "FILE is a workbook or document of an office program; save its sheet as CSV in UTF-8"


def test_zip_file_through_a_pipe_is_refused_and_plain_text_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for how, expected in (("zip", None), ("utf-8", TEXT.encode()), ("gzip", TEXT.encode())):
        content = wrapped(tmp_path, how).read_bytes()
        writer = Thread(target=_fill, args=(pipe, content))
        writer.start()
        if expected is None:
            assert refusal(pipe) == "FILE is a zip file that comes through a pipe, so it cannot be read; unpack it"
        else:
            with unwrapped(pipe, "candle file") as stream:
                assert stream.read() == expected
        writer.join()


def _fill(pipe: Path, content: bytes) -> None:
    # A reader that refuses the file does not wait for its end.
    with suppress(BrokenPipeError):
        pipe.write_bytes(content)
