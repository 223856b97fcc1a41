"""A candle file that is to be continued: what it holds, whether it may be, and rows that are added whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np

from services.ingest.files.layout import BID_ASK_LAYOUT, ParsedRows, RejectedRow, join_rows
from services.ingest.files.plain_rows import parse_plain_rows
from services.ingest.files.rows import parse_rows, shown_text
from services.ingest.granularity import grid_seconds
from shared.contracts.errors import InfrastructureError, InputError
from shared.contracts.granularity import NAME_BY_SECONDS, granularity_name
from shared.contracts.pairs import pair_in_name
from shared.contracts.times import format_time
from shared.core.columns import Integers
from shared.core.types import Candle, Instrument

_HEADER: Final = f"{BID_ASK_LAYOUT.header}\n".encode()
_BLOCK_BYTES: Final = 1 << 20
_OTHER_FILE: Final = "name another file with --out"


class FileSoFar(NamedTuple):
    """What is there already: the bytes of whole lines, those of a torn last line, open times, and the last candle."""

    whole_bytes: int
    torn_bytes: int
    times: Integers
    last: Candle | None


NOTHING_YET: Final = FileSoFar(whole_bytes=0, torn_bytes=0, times=np.empty(0, np.int64), last=None)


def file_so_far(path: Path, instrument: Instrument, granularity_seconds: int) -> FileSoFar:
    """Return what a file holds, changing nothing; one that does not exist, or holds only a torn header, holds nothing.

    Raises InputError where it is no file of bid/ask candles of this pair and granularity, naming the line.
    """
    _check_name(path, instrument)
    try:
        with path.open("rb") as stream:
            return _read(stream, path, instrument, granularity_seconds)
    except FileNotFoundError:
        return NOTHING_YET
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}; {_OTHER_FILE}") from None


class CandleFileEnd:
    """The end of a candle file, at which whole pages of rows are added; nothing is touched before the first one."""

    def __init__(self, path: Path, so_far: FileSoFar) -> None:
        """Continue after the whole lines of what is there."""
        self._path = path
        self._end = so_far.whole_bytes
        self._file: FileIO | None = None

    def __enter__(self) -> "CandleFileEnd":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is None:
            return
        with self._file as file, _faults_named(self._path):
            os.fsync(file.fileno())

    def cut(self) -> None:
        """Cut off a torn last line."""
        with _faults_named(self._path):
            self._opened().truncate(self._end)

    def add(self, rows: list[str]) -> None:
        """Add whole lines in one piece, or none and raise InfrastructureError; InputError where others write too."""
        data = (b"" if self._end else _HEADER) + "".join(rows).encode("ascii")
        with _faults_named(self._path):
            file = self._opened()
            if os.fstat(file.fileno()).st_size != self._end:
                raise InputError(
                    f"{self._path} is being written by another program; let one at a time download into it"
                )
            try:
                if file.write(data) != len(data):
                    raise OSError(None, "only a part could be written, so the disk may be full")
            except OSError:
                with suppress(OSError):
                    file.truncate(self._end)
                raise
        self._end += len(data)

    def _opened(self) -> FileIO:
        if self._file is None:
            # Unbuffered, so that a page is one write and an interruption falls between two of them.
            self._file = FileIO(self._path, "r+" if self._path.exists() else "x+")
            self._file.seek(self._end)
        return self._file


@contextmanager
def _faults_named(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into our errors."""
    try:
        yield
    except (FileNotFoundError, PermissionError, IsADirectoryError) as fault:
        raise InputError(
            f"{path} cannot be written ({fault.strerror}); name a file in a folder that you may write to"
        ) from fault
    except OSError as fault:
        raise InfrastructureError(f"{path} cannot be written now: {fault.strerror or fault}") from fault


def _check_name(path: Path, instrument: Instrument) -> None:
    if path.suffix == ".gz":
        raise InputError(f"{path} would be compressed, and then it could not be continued; leave out .gz")
    found = pair_in_name(path.name)
    if found is not None and found != instrument.name:
        raise InputError(f"{path} is named after {found}, but the candles are of {instrument.name}; {_OTHER_FILE}")


def _read(stream: BinaryIO, path: Path, instrument: Instrument, granularity_seconds: int) -> FileSoFar:
    header = stream.readline(4 * len(_HEADER))
    if header != _HEADER:
        if _HEADER.startswith(header):
            return NOTHING_YET._replace(torn_bytes=len(header))
        shown = shown_text(header.decode("utf-8", "replace"))
        raise InputError(
            f"{path}:1: the header {shown!r} is not that of bid/ask candles, so it is not touched; {_OTHER_FILE}"
        )
    whole = len(_HEADER)
    line = 2
    parts: list[ParsedRows] = []
    for block in _whole_lines(stream):
        rows = parse_plain_rows(block, line, BID_ASK_LAYOUT, instrument.digits)
        if rows is None:
            rows, bad, _ = parse_rows(block, line, BID_ASK_LAYOUT, instrument.digits)
            if bad:
                raise _bad_row(path, bad[0])
        parts.append(rows)
        line += block.count(b"\n")
        whole += len(block)
    rows = join_rows(parts, BID_ASK_LAYOUT)
    _check_times(path, rows, granularity_seconds)
    last = None
    if len(rows.time):
        last = Candle._make((int(rows.time[-1]), *rows.prices[:, -1].tolist(), float(rows.volume[-1])))
    return FileSoFar(whole_bytes=whole, torn_bytes=stream.seek(0, os.SEEK_END) - whole, times=rows.time, last=last)


def _whole_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield blocks of whole lines; a torn line at the end is left out."""
    rest = b""
    while piece := stream.read(_BLOCK_BYTES):
        rest += piece
        end = rest.rfind(b"\n") + 1
        if end:
            yield rest[:end]
            rest = rest[end:]


def _check_times(path: Path, rows: ParsedRows, granularity_seconds: int) -> None:
    name = granularity_name(granularity_seconds)
    off_grid = np.flatnonzero(rows.time % grid_seconds(granularity_seconds))
    if len(off_grid):
        at = int(off_grid[0])
        raise InputError(
            f"{path}:{rows.line[at]}: the time {format_time(int(rows.time[at]))} is off the grid of {name}, so the "
            f"file is not continued with {name} candles; give its own granularity or {_OTHER_FILE}"
        )
    steps = np.diff(rows.time)
    backwards = np.flatnonzero(steps <= 0)
    if len(backwards):
        at = int(backwards[0]) + 1
        raise _bad_row(path, RejectedRow(int(rows.line[at]), "its time does not follow that of the row before", ""))
    shortest = int(steps.min()) if len(steps) else granularity_seconds
    if shortest != granularity_seconds and shortest in NAME_BY_SECONDS:
        raise InputError(
            f"{path} holds {NAME_BY_SECONDS[shortest]} candles, so it is not continued with {name} ones; give its own "
            f"granularity or {_OTHER_FILE}"
        )


def _bad_row(path: Path, row: RejectedRow) -> InputError:
    return InputError(f"{path}:{row.line}: {row.reason}; the file is not continued, so mend it or {_OTHER_FILE}")
