"""What is known of the stored candles of a pair without reading them: span, number, and a hash over them all.

The hash is a chain, so that it goes on with every batch, in the transaction that stores it.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec
import numpy as np

from shared.contracts.facts import CandleClosed
from shared.core.columns import CandleSeries
from shared.core.types import Candle
from shared.store.port import Reader, Transaction
from shared.store.rows.runtime import SnapshotRow

# As whole numbers and a float: time, eight prices, volume.
_PACKED: Final = struct.Struct("<9qd")
_COLUMNS: Final = np.dtype([("numbers", "<i8", (9,)), ("volume", "<f8")])
_PACKED_TOGETHER: Final = 5_000
_KEEPER: Final = "ingest.candles"


class Known(NamedTuple):
    """The stored candles of a pair: open times of the first and the last, how many they are, and their hash."""

    granularity_seconds: int
    first: int
    last: int
    candles: int
    digest: str

    def followed_by(self, candles: Sequence[Candle]) -> "Known":
        """Return what is known once more candles are stored."""
        digest = _chained(bytes.fromhex(self.digest), map(_packed, candles))
        return self._replace(last=candles[-1].time, candles=self.candles + len(candles), digest=digest)


def first_known(granularity_seconds: int, candles: Sequence[Candle]) -> Known:
    """Return what is known of the first candles of a pair."""
    before = Known(granularity_seconds=granularity_seconds, first=candles[0].time, last=0, candles=0, digest="")
    return before.followed_by(candles)


def all_known(reader: Reader) -> dict[str, Known | None]:
    """Return what is known of each pair that has candles; None where some were stored without this being kept."""
    kept = {row.key: msgspec.json.decode(row.body_json, type=Known) for row in reader.snapshots(_KEEPER)}
    found: dict[str, Known | None] = {}
    for pair, step, last in reader.newest_candles():
        known = kept.get(pair)
        agrees = known is not None and (known.granularity_seconds, known.last) == (step, last)
        found[pair] = known if agrees else None
    return found


def keep_known(transaction: Transaction, known: Mapping[str, Known], facts: Iterable[CandleClosed]) -> None:
    """Keep what is known of some pairs once these facts are stored."""
    places = {fact.pair: fact.seq for fact in facts}
    rows = [
        SnapshotRow(service=_KEEPER, key=pair, seq=places[pair], body_json=msgspec.json.encode(each).decode())
        for pair, each in known.items()
    ]
    transaction.save_snapshots(rows)


def known_after(known: Mapping[str, Known | None], facts: Iterable[CandleClosed]) -> dict[str, Known]:
    """Return what is known of the pairs of some facts once they are stored; of others nothing could be said before."""
    added: dict[tuple[str, int], list[Candle]] = {}
    for fact in facts:
        added.setdefault((fact.pair, fact.granularity_seconds), []).append(fact.candle)
    found = {}
    for (pair, step), candles in added.items():
        before = known.get(pair)
        if before is not None:
            found[pair] = before.followed_by(candles)
        elif pair not in known:
            found[pair] = first_known(step, candles)
    return found


def stored_at_the_beginning(series: CandleSeries, known: Known | None) -> int:
    """Return how many candles of a series are all that is stored of its pair; 0 where its hash does not say so."""
    if known is None or known.granularity_seconds != series.granularity_seconds or int(series.time[0]) != known.first:
        return 0
    count = int(np.searchsorted(series.time, known.last, side="right"))
    if count != known.candles:
        return 0
    return count if _chained(b"", _packed_rows(series.part(slice(0, count)))) == known.digest else 0


def _packed(candle: Candle) -> bytes:
    return _PACKED.pack(*candle)


def _packed_rows(series: CandleSeries) -> Iterator[memoryview]:
    for first in range(0, len(series.time), _PACKED_TOGETHER):
        *numbers, volume = series.part(slice(first, first + _PACKED_TOGETHER)).columns
        rows = np.empty(len(volume), _COLUMNS)
        for place, column in enumerate(numbers):
            rows["numbers"][:, place] = column
        rows["volume"] = volume
        text = memoryview(rows.tobytes())
        yield from (text[place : place + _PACKED.size] for place in range(0, len(text), _PACKED.size))


def _chained(before: bytes, packed: Iterable[bytes | memoryview]) -> str:
    digest = before
    for row in packed:
        link = sha256(digest)
        link.update(row)
        digest = link.digest()
    return digest.hex()
