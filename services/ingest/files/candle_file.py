"""Candle files: CSV with mid or bid/ask prices, checked strictly before anything is traded."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np

from services.ingest.files.layout import LAYOUTS, MID_LAYOUT, CandleLayout, ParsedRows, RejectedRow, join_rows
from services.ingest.files.plain_rows import parse_plain_rows
from services.ingest.files.rows import parse_rows, shown_text
from services.ingest.files.times import file_granularity, judge_times
from shared.contracts.decimals import format_points
from shared.contracts.errors import InputError
from shared.contracts.instruments import instrument
from shared.contracts.pairs import pair_in_name, pair_meant, parse_pair
from shared.core.columns import CandleSeries, Integers
from shared.core.types import Instrument
from shared.files.unwrapped import BYTE_ORDER_MARK, unwrapped

_KIND: Final = "candle file"
# Blocks of this size and what is made of them stay in the processor's cache.
_BLOCK_BYTES: Final = 1 << 19
_BAD_ROWS_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class CandleFile:
    """A file of candles and the instrument that it is about."""

    path: Path
    instrument: Instrument


class CandleRead(NamedTuple):
    """What a candle file holds: its good candles, the rows that were dropped, and the kind of its header."""

    series: CandleSeries
    rejected: list[RejectedRow]
    header_kind: str


def parse_candle_argument(
    text: str, pair_override: str | None = None, known: Callable[[str], Instrument] = instrument
) -> CandleFile:
    """Return the file and instrument that `PAIR=FILE` or `FILE` names.

    The pair is what stands before `=`, else the override, else the first pair in the file's name; without any of
    them, or if the pair is unknown, raise `InputError`. `known` returns the instrument of a pair, the listed one by
    default, and raises InputError where its price grid is not known.
    """
    before, equals, after = text.partition("=")
    if equals and not re.search(r"[/\\.]", before) and not Path(text).exists():
        if not after:
            raise InputError(f"{text!r} names no file; write PAIR=FILE, for instance EUR_USD=candles.csv")
        return CandleFile(Path(after), known(parse_pair(before)))
    path = Path(text)
    if pair_override is not None:
        return CandleFile(path, known(parse_pair(pair_override)))
    found = pair_in_name(path.name)
    if found is None:
        raise InputError(_no_pair(text, path))
    return CandleFile(path, known(parse_pair(found)))


def _no_pair(text: str, path: Path) -> str:
    """Return what is wrong with a file whose name does not tell its pair; that it is not there comes first."""
    if not path.exists():
        return f"{path} does not exist; give the path of a {_KIND}"
    meant = pair_meant(path.name)
    if meant is not None:
        how = f"in capitals, {meant}" if meant in path.name.upper() else f"as {meant}"
        return f"the name of {text!r} does not contain its pair {how}; write {meant}={text}"
    return f"the name of {text!r} does not contain its pair; write PAIR=FILE, for instance EUR_USD={text}"


def read_candle_file(
    source: CandleFile, *, model_spread_points: int, granularity_seconds: int | None = None, skip_bad_rows: bool = False
) -> CandleRead:
    """Return the candles of a CSV file, plain or in gzip or zip, in UTF-8 or UTF-16.

    Mid prices get the model spread, the smaller half of it below. The granularity is inferred from the times if None.
    A file with bad rows raises `InputError` naming the first ones, unless they are to be skipped; so does a file that
    cannot be read, has another header, or holds no good row.
    """
    digits = source.instrument.digits
    with unwrapped(source.path, _KIND) as stream:
        layout, columns, rejected, times = _read_columns(stream, source.path, digits)
    if layout is MID_LAYOUT:
        columns, dropped = _split(columns, *_check_mid(columns, model_spread_points, digits), source.path)
        rejected += dropped
        columns = columns._replace(prices=_bid_and_ask(columns.prices, model_spread_points))
    if not len(columns.time):
        raise _no_good_rows(source.path, rejected)
    granularity = file_granularity(source.path, times, granularity_seconds)
    columns, dropped = _split(columns, *judge_times(source.path, columns.line, columns.time, granularity), source.path)
    rejected = sorted(rejected + dropped)
    if rejected and not skip_bad_rows:
        raise InputError(_refusal(source.path, rejected))
    if not len(columns.time):
        raise _no_good_rows(source.path, rejected)
    series = CandleSeries._make((source.instrument, granularity, columns.time, *columns.prices, columns.volume))
    return CandleRead(series, rejected, layout.kind)


class _FileRows(NamedTuple):
    layout: CandleLayout
    columns: ParsedRows
    rejected: list[RejectedRow]
    times_of_all: Integers


def _read_columns(stream: BinaryIO, path: Path, digits: int) -> _FileRows:
    """Return the layout, the well-formed rows, the others, and the open times of all."""
    blocks = _blocks(stream)
    header, line, rest = _header(blocks)
    layout = _layout(path, header, line)
    parts: list[ParsedRows] = []
    rejected: list[RejectedRow] = []
    times: list[Integers] = []
    line += 1
    for block in chain([rest] if rest else [], blocks):
        columns = parse_plain_rows(block, line, layout, digits)
        if columns is None:
            columns, bad, times_of_block = parse_rows(block, line, layout, digits)
            rejected += bad
            line += block.count(b"\n")
        else:
            times_of_block = columns.time
            line += len(columns.time)
        parts.append(columns)
        times.append(times_of_block)
    rows = join_rows(parts, layout)
    return _FileRows(
        layout=layout, columns=rows, rejected=rejected, times_of_all=np.concatenate(times) if rejected else rows.time
    )


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the file in blocks of whole lines that end in a single newline character."""
    pieces: list[bytes] = []
    while piece := stream.read(_BLOCK_BYTES):
        end = piece.rfind(b"\n") + 1
        if not end:
            pieces.append(piece)
            continue
        pieces.append(piece[:end])
        block = b"".join(pieces)
        yield block.replace(b"\r\n", b"\n") if b"\r" in block else block
        pieces = [piece[end:]]
    if last := b"".join(pieces):
        yield last.removesuffix(b"\r") + b"\n"


def _header(blocks: Iterator[bytes]) -> tuple[bytes, int, bytes]:
    """Return the first line that is not blank, its number, and what follows it in its block."""
    line = 1
    for place, block in enumerate(blocks):
        rest = block.removeprefix(BYTE_ORDER_MARK) if place == 0 else block
        begin = rest.rfind(b"\n", 0, len(rest) - len(rest.lstrip())) + 1
        line += rest.count(b"\n", 0, begin)
        header, _, rest = rest[begin:].partition(b"\n")
        if header:
            return header, line, rest
    return b"", 1, b""


def _layout(path: Path, header: bytes, line: int) -> CandleLayout:
    text = header.decode("utf-8", "replace")
    for layout in LAYOUTS:
        if text == layout.header:
            return layout
    if not text:
        raise InputError(f"{path}:1: the file is empty; give a file with candles")
    if "\0" in text:
        raise InputError(f"{path} is not a text file; give a CSV file with candles")
    if "\r" in text:
        raise InputError(
            f"{path}:{line}: the lines end in carriage returns alone; save the file with line feeds (LF) or with both"
        )
    accepted = " or ".join(repr(layout.header) for layout in LAYOUTS)
    raise InputError(f"{path}:{line}: the header {shown_text(text)!r} is unknown; it must be {accepted}")


def _check_mid(columns: ParsedRows, spread_points: int, digits: int) -> tuple[Integers, list[str]]:
    """Return the indices of rows that half the spread takes to zero or below, and why they are bad."""
    low = columns.prices[2]
    bad = np.flatnonzero(low <= spread_points // 2)
    return bad, [f"low {format_points(int(low[at]), digits)} is not above half the spread" for at in bad]


def _bid_and_ask(mid: Integers, spread_points: int) -> Integers:
    bid = mid - spread_points // 2
    return np.concatenate((bid, bid + spread_points))


def _split(columns: ParsedRows, bad: Integers, reasons: list[str], path: Path) -> tuple[ParsedRows, list[RejectedRow]]:
    """Return the columns without the bad rows, and those rows."""
    if not len(bad):
        return columns, []
    lines = columns.line[bad].tolist()
    texts = _texts_of_lines(path, set(lines))
    rejected = [RejectedRow(line, reason, texts.get(line, "")) for line, reason in zip(lines, reasons, strict=True)]
    good = np.ones(len(columns.time), np.bool_)
    good[bad] = False
    kept = ParsedRows(
        line=columns.line[good],
        time=columns.time[good],
        prices=np.ascontiguousarray(columns.prices[:, good]),
        volume=columns.volume[good],
    )
    return kept, rejected


def _texts_of_lines(path: Path, lines: set[int]) -> dict[int, str]:
    """Return the texts of some lines by reading the file again; none if it is a pipe, which can be read only once."""
    if not path.is_file():
        return {}
    with unwrapped(path, _KIND) as stream:
        return {
            line: shown_text(text.decode("utf-8", "replace"))
            for line, text in enumerate(stream, start=1)
            if line in lines
        }


def _refusal(path: Path, rejected: list[RejectedRow]) -> str:
    named = [f"{path}:{rejected[0].line}: {rejected[0].reason}"]
    named += [f"line {row.line}: {row.reason}" for row in rejected[1:_BAD_ROWS_NAMED]]
    more = len(rejected) - len(named)
    if more:
        named.append(f"and {more} more bad row{'s' if more > 1 else ''}")
    return f"{'; '.join(named)}; mend {'them' if len(rejected) > 1 else 'it'} or use --skip-bad-rows"


def _no_good_rows(path: Path, rejected: list[RejectedRow]) -> InputError:
    if not rejected:
        return InputError(f"{path}:1: there are no candles after the header; give a file with candles")
    first = rejected[0]
    count = f"none of its {len(rejected)} rows is good" if len(rejected) > 1 else "its only row is bad"
    return InputError(f"{path}:{first.line}: {first.reason}; {count}, so mend the file")
