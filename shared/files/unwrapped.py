"""The text of a file, plain or in gzip or zip, in UTF-8 or UTF-16; anything else is told as what it is."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from shared.contracts.errors import InputError
from shared.files.utf16 import Utf16Error, utf16_as_utf8, utf16_coding

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_GZIP: Final = b"\x1f\x8b"
_ZIPS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_SAVE_AS_CSV: Final = "save its sheet as CSV in UTF-8"
# What a file that cannot be read begins with, what it is, and how to mend it.
_OTHERS: Final = (
    (b"BZh", "compressed by bzip2", "unpack it, or compress it by gzip or zip"),
    (b"\xfd7zXZ\x00", "compressed by xz", "unpack it, or compress it by gzip or zip"),
    (b"\x28\xb5\x2f\xfd", "compressed by Zstandard", "unpack it, or compress it by gzip or zip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it, or compress it by gzip or zip"),
    (b"Rar!", "a RAR archive", "unpack it, or compress it by gzip or zip"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", _SAVE_AS_CSV),
    (b"PAR1", "a Parquet file", "write it as CSV"),
    (b"SQLite format 3\x00", "an SQLite database", "give a text file"),
    (b"%PDF", "a PDF document", "give a text file"),
    (b"\xff\xfe\x00\x00", "text in UTF-32", "save it as UTF-8"),
    (b"\x00\x00\xfe\xff", "text in UTF-32", "save it as UTF-8"),
)
_MEMBERS_NAMED: Final = 5


@contextmanager
def unwrapped(path: Path, what: str) -> Iterator[BinaryIO]:
    """Yield the bytes of a text file in UTF-8, whatever it was written in; `what` names its kind: `candle file`.

    Raises `InputError`, also while it is read, where it is not there, cannot be read, is damaged, or is no text.
    """
    try:
        with path.open("rb") as raw, _unpacked(raw, path) as stream:
            yield _in_utf8(stream, path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; give the path of a {what}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}; give a readable {what}") from None


@contextmanager
def _unpacked(raw: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    head = _head(raw)
    kind = "gzip" if head.startswith(_GZIP) else "zip"
    try:
        if kind == "gzip":
            with gzip.GzipFile(fileobj=raw) as unzipped:
                yield cast("BinaryIO", unzipped)
        elif head.startswith(_ZIPS):
            if not raw.seekable():
                raise InputError(f"{path} is a zip file that comes through a pipe, so it cannot be read; unpack it")
            with zipfile.ZipFile(raw) as archive, _only_member(archive, path) as member:
                yield member
        else:
            yield raw
    except (gzip.BadGzipFile, zipfile.BadZipFile, EOFError, zlib.error):
        raise InputError(f"{path} is a damaged {kind} file; compress or copy it again") from None
    except Utf16Error:
        raise InputError(f"{path} begins as UTF-16 but does not continue so; save it again, as UTF-8") from None


@contextmanager
def _only_member(archive: zipfile.ZipFile, path: Path) -> Iterator[BinaryIO]:
    """Yield the file in an archive; folders, and what macOS puts beside each file, do not count."""
    names = archive.namelist()
    if "[Content_Types].xml" in names or "mimetype" in names:
        raise InputError(f"{path} is a workbook or document of an office program; {_SAVE_AS_CSV}")
    files = [each for each in archive.infolist() if not each.is_dir() and not _is_hidden(each.filename)]
    if len(files) != 1:
        named = ", ".join(each.filename for each in files[:_MEMBERS_NAMED])
        more = f" and {len(files) - _MEMBERS_NAMED} more" if len(files) > _MEMBERS_NAMED else ""
        holds = f"holds {len(files)} files, {named}{more}" if files else "holds no file"
        raise InputError(f"{path} {holds}; unpack it and give one file, or a zip file with one")
    try:
        opened = archive.open(files[0])
    except (RuntimeError, NotImplementedError) as error:
        # zipfile has no errors of its own for a password and for a way of compressing that it does not know.
        why = "is locked with a password" if files[0].flag_bits & 1 else f"cannot be unpacked ({error})"
        raise InputError(f"{path} {why}; unpack it and give the file") from None
    with opened:
        yield cast("BinaryIO", opened)


def _is_hidden(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".")


def _in_utf8(stream: BinaryIO, path: Path) -> BinaryIO:
    head = _head(stream)
    for begin, kind, mend in _OTHERS:
        if head.startswith(begin):
            raise InputError(f"{path} is {kind}, which cannot be read; {mend}")
    coding = utf16_coding(head)
    return stream if coding is None else utf16_as_utf8(stream, coding)


def _head(stream: BinaryIO) -> bytes:
    """Return the first bytes of a stream, which stay in it."""
    return cast("bytes", stream.peek(16))[:16]  # type: ignore[attr-defined]  # all that come here are buffered
