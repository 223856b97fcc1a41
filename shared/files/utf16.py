"""Text in UTF-16, as spreadsheets and some consoles write it, read as UTF-8."""

import codecs
from io import BufferedReader, RawIOBase
from typing import BinaryIO, Final

_BLOCK_BYTES: Final = 1 << 16
_LITTLE: Final = "utf-16-le"
_BIG: Final = "utf-16-be"
_PRINTABLE: Final = range(0x09, 0x7F)


class Utf16Error(ValueError):
    """A text that begins in UTF-16 does not go on so; say which file it is, and how to mend it."""


def utf16_coding(head: bytes) -> str | None:
    """Return which UTF-16 a text begins with, by its mark or by its Latin letters; None for anything else."""
    if head.startswith(codecs.BOM_UTF16_LE):
        return _LITTLE
    if head.startswith(codecs.BOM_UTF16_BE):
        return _BIG
    if len(head) < 4:
        return None
    for coding, letters, zeros in ((_LITTLE, head[0:4:2], head[1:4:2]), (_BIG, head[1:4:2], head[0:4:2])):
        if not any(zeros) and all(letter in _PRINTABLE for letter in letters):
            return coding
    return None


def utf16_as_utf8(stream: BinaryIO, coding: str) -> BinaryIO:
    """Return a stream of the same text in UTF-8 without a mark; reading it raises `Utf16Error` if damaged."""
    return BufferedReader(_Recoded(stream, coding), _BLOCK_BYTES)


class _Recoded(RawIOBase):
    def __init__(self, stream: BinaryIO, coding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(coding)()
        self._ready = b""
        self._begun = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # narrower than any buffer
        while not self._ready:
            piece = self._stream.read(_BLOCK_BYTES)
            try:
                text = self._decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                raise Utf16Error from error
            if text and not self._begun:
                self._begun = True
                text = text.removeprefix("\ufeff")
            self._ready = text.encode("utf-8")
            if not piece:
                break
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count
