"""Plainly written candle rows, read many at a time straight from their bytes.

A block is plain when every row has the same fields, its times have one shape and offset, its numbers are unsigned
decimals of at most eight characters, and every candle is sound. Any other block is left to `rows`, which knows
why a row is bad. No binary floats are involved in prices: eight characters are one 64-bit word, and whole columns of
words become integers in a dozen operations.
"""

from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.ingest.files.layout import CandleLayout, ParsedRows, rows_are_sound
from services.ingest.files.rows import BadRowError, parse_time
from shared.core.columns import Floats, Integers
from shared.core.types import SECONDS_PER_DAY

Words = NDArray[np.uint64]

_WORD_BYTES: Final = 8
_LOW_BIT_OF_BYTES: Final = np.uint64(0x0101010101010101)
_HIGH_BIT_OF_BYTES: Final = np.uint64(0x8080808080808080)
_ZERO_DIGITS: Final = np.uint64(0x3030303030303030)
_ABOVE_NINE: Final = np.uint64(0x7676767676767676)
# A dot after the digits' bytes were reduced to their values.
_DOT_BYTES: Final = np.uint64(0x1E1E1E1E1E1E1E1E)
_DATE: Final = 10  # characters of YYYY-MM-DD
_TIME_WITHOUT_ZONE: Final = 19  # characters of YYYY-MM-DDTHH:MM:SS


def parse_plain_rows(block: bytes, first_line: int, layout: CandleLayout, digits: int) -> ParsedRows | None:
    """Return the rows of a block of whole lines ending in `\\n`, or None unless every row is plain and sound.

    `digits` are the decimals of a price's point.
    """
    characters = np.frombuffer(block, np.uint8)
    separators = np.flatnonzero((characters == ord(",")) | (characters == ord("\n")))
    if len(separators) % layout.field_count:
        return None
    ends = np.ascontiguousarray(separators.reshape(-1, layout.field_count).T)
    if not bool((characters[ends[-1]] == ord("\n")).all() and (characters[ends[:-1]] == ord(",")).all()):
        return None
    starts = np.concatenate(([0], ends[-1, :-1] + 1))
    words = np.ndarray(len(block) - _WORD_BYTES + 1, "<u8", block, 0, (1,)) if len(block) > _WORD_BYTES else None
    time = None if words is None else _parse_times(characters, words, starts, ends[0])
    if words is None or time is None:
        return None
    prices = _parse_points(words, ends[:-2], ends[1:-1], digits)
    volume = _parse_volumes(words, ends[-2], ends[-1])
    if prices is None or volume is None or not rows_are_sound(prices, layout):
        return None
    return ParsedRows(line=np.arange(first_line, first_line + len(time)), time=time, prices=prices, volume=volume)


def _parse_times(characters: NDArray[np.uint8], words: Words, starts: Integers, ends: Integers) -> Integers | None:
    """Return epoch seconds of times that all end like the first one after their seconds, else None."""
    length = int(ends[0])
    if length <= _TIME_WITHOUT_ZONE or not bool((ends - starts == length).all()):
        return None
    for offset in (10, *range(_TIME_WITHOUT_ZONE, length)):
        column = characters[starts + offset]
        if not bool((column == column[0]).all()):
            return None
    first = characters[:length].tobytes().decode("latin-1")
    offset_seconds = _offset_seconds(first)
    clock = _parse_clocks(words, starts + 11)
    if offset_seconds is None or clock is None:
        return None
    midnight = _parse_dates(characters, words, starts)
    return None if midnight is None else midnight + clock - offset_seconds


def _offset_seconds(text: str) -> int | None:
    """Return how far a time's zone is ahead of UTC, or None where the time itself is bad."""
    try:
        return parse_time(text[:_TIME_WITHOUT_ZONE] + "Z") - parse_time(text)
    except BadRowError:
        return None


def _parse_clocks(words: Words, starts: Integers) -> Integers | None:
    """Return seconds since midnight of `HH:MM:SS`, or None if one is not a time of day."""
    word = words[starts]
    colons = np.uint64(0x0000FF0000FF0000)
    if not bool(((word & colons) == np.uint64(0x00003A00003A0000)).all()):
        return None
    digits = (word & ~colons | np.uint64(0x0000300000300000)) ^ _ZERO_DIGITS
    if not _are_digits(digits):
        return None
    pairs = (digits * np.uint64(10) + (digits >> np.uint64(8))).view(np.int64)
    hours, minutes, seconds = (pairs >> shift & 0xFF for shift in (0, 24, 48))
    if bool(((hours > 23) | (minutes > 59) | (seconds > 59)).any()):
        return None
    of_day: Integers = hours * 3600 + minutes * 60 + seconds
    return of_day


def _parse_dates(characters: NDArray[np.uint8], words: Words, starts: Integers) -> Integers | None:
    """Return epoch seconds of the midnights of `YYYY-MM-DD`; each run of equal dates is read once."""
    head, tail = words[starts], words[starts + 2]
    changes = np.flatnonzero((head[1:] != head[:-1]) | (tail[1:] != tail[:-1])) + 1
    firsts = np.concatenate(([0], changes))
    epoch = date(1970, 1, 1).toordinal()
    days = []
    for start in starts[firsts].tolist():
        text = characters[start : start + _DATE].tobytes().decode("latin-1")
        if text[4] != "-" or text[7] != "-" or not text.isascii():
            return None
        try:
            days.append(date.fromisoformat(text).toordinal() - epoch)
        except ValueError:
            return None
    lengths = np.diff(np.concatenate((firsts, [len(starts)])))
    return np.repeat(np.asarray(days, np.int64) * SECONDS_PER_DAY, lengths)


def _parse_points(words: Words, befores: Integers, ends: Integers, digits: int) -> Integers | None:
    """Return points of prices that lie between separators, or None if one is not plain or has too many decimals."""
    found = _field_digits(words, befores, ends)
    if found is None:
        return None
    numbers, dots = _without_dots(found)
    if numbers is None or dots is None or bool((dots > digits).any()):
        return None
    return numbers * np.power(10, digits - dots)


def _parse_volumes(words: Words, befores: Integers, ends: Integers) -> Floats | None:
    """Return volumes that lie between separators, or None if one is not plain."""
    found = _field_digits(words, befores, ends)
    if found is None:
        return None
    if _are_digits(found):
        return _numbers(found).astype(np.float64)
    if bool((ends - befores == 2).any()):
        return None  # a single character that is not a digit may be a lone dot
    numbers, dots = _without_dots(found)
    # Both numbers are exact in binary, so the quotient is the nearest double, as if read from the text.
    return None if numbers is None or dots is None else numbers / np.power(10, dots)


def _field_digits(words: Words, befores: Integers, ends: Integers) -> Words | None:
    """Return each field's characters less `0`, its last one in the highest byte, zeros before its first."""
    widths = ends - befores - 1
    narrowest, widest = int(widths.min()), int(widths.max())
    if narrowest < 1 or widest > _WORD_BYTES:
        return None
    word = words[ends - _WORD_BYTES] ^ _ZERO_DIGITS
    padding_bits = (_WORD_BYTES * (_WORD_BYTES - widths)).astype(np.uint64)
    if narrowest == widest:
        padding_bits = padding_bits[..., :1]
    return word >> padding_bits << padding_bits


def _without_dots(digits: Words) -> tuple[Integers | None, Integers | None]:
    """Return the numbers without their dots, and the decimals after these; None unless each has one dot and digits."""
    unlike_dot = digits ^ _DOT_BYTES
    dot = (unlike_dot - _LOW_BIT_OF_BYTES) & ~unlike_dot & _HIGH_BIT_OF_BYTES
    first = dot.flat[0]
    if bool((dot == first).all()):
        dot = dot[..., :1]
    if not bool(dot.all()):
        return None, None
    # A borrow may mark the byte after a dot too, so only the lowest mark counts.
    lowest = dot & (~dot + np.uint64(1))
    before = (lowest >> np.uint64(7)) - np.uint64(1)
    after = ~(before << np.uint64(8) | np.uint64(0xFF))
    bytes_before = ((before & _LOW_BIT_OF_BYTES) * _LOW_BIT_OF_BYTES >> np.uint64(56)).view(np.int64)
    joined = (digits & before) << np.uint64(8) | (digits & after)
    if not _are_digits(joined):
        return None, None
    return _numbers(joined), 7 - bytes_before


def _are_digits(digits: Words) -> bool:
    """Tell whether every byte of every word is 0 to 9."""
    return not bool((((digits + _ABOVE_NINE) | digits) & _HIGH_BIT_OF_BYTES).any())


def _numbers(digits: Words) -> Integers:
    """Return the numbers that eight digits make, joining neighbours to pairs, fours and eights."""
    pairs = (digits * np.uint64(0x0A01) >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    fours = (pairs * np.uint64(0x00640001) >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
    return (fours * np.uint64(0x0000271000000001) >> np.uint64(32)).view(np.int64)
