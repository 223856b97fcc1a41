"""The port of the store: market data and what the market said of each candle."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from shared.contracts.facts import CandleAssessed, CandleClosed
from shared.store.rows.listing import NewestCandle
from shared.store.rows.market import CandleGapRow, FunnelRow, GateSnapshotRow, RejectedCandleRow


class MarketReads(Protocol):
    """Read candles, what was refused or is missing, and what the market said of each candle."""

    def last_candle(self) -> CandleClosed | None:
        """Return the candle with the highest seq."""
        ...

    def last_candle_seq(self, stream: str) -> int:
        """Return the highest seq of a stream, 0 when it is empty."""
        ...

    def last_candle_times(self, granularity_seconds: int) -> dict[str, int]:
        """Return the newest open time of every pair that has candles of this granularity."""
        ...

    def newest_candles(self) -> list[NewestCandle]:
        """Return the newest candle of each pair and granularity."""
        ...

    def candles_between(self, pair: str, granularity_seconds: int, start: int, end: int) -> list[CandleClosed]:
        """Return a pair's candles with start <= open time < end, oldest first."""
        ...

    def candles_after(self, stream: str, seq: int, limit: int) -> list[CandleClosed]:
        """Return the next candles of a stream in order, at most `limit`."""
        ...

    def candles_in_order(self, chunk: int = 10_000, after: int = 0) -> Iterator[CandleClosed]:
        """Iterate over all candles in order, reading `chunk` rows at a time, or over those after a place."""
        ...

    def granularities(self) -> dict[str, int]:
        """Return the granularity in seconds of every pair that has candles, by pair name."""
        ...

    def candle_count(self) -> int:
        """Return how many candles were stored so far, those that were pruned since among them."""
        ...

    def rejected_candles(self, limit: int, pair: str | None = None) -> list[RejectedCandleRow]:
        """Return refused input rows, newest first."""
        ...

    def gaps(self, limit: int, pair: str | None = None) -> list[CandleGapRow]:
        """Return gaps, latest first."""
        ...

    def assessments_after(self, seq: int, limit: int) -> list[CandleAssessed]:
        """Return the next assessments of all streams in the order of their candles, at most `limit`."""
        ...

    def gate_snapshots(self, limit: int, pair: str | None = None) -> list[GateSnapshotRow]:
        """Return judged candles, newest first."""
        ...

    def gate_snapshots_at(self, pair: str, time: int) -> list[GateSnapshotRow]:
        """Return what was judged of the pair's candle that opened at a time, or else of the one decided upon then."""
        ...

    def gate_snapshots_after(self, seq: int, limit: int) -> list[GateSnapshotRow]:
        """Return the next judged candles in order, at most `limit`."""
        ...

    def gate_funnel(self, pair: str | None = None) -> list[FunnelRow]:
        """Return how many judged candles had which reason and which failed gates, of one pair or of all."""
        ...


class MarketWrites(Protocol):
    """Write market data and what the market said."""

    def add_candles(self, rows: Sequence[CandleClosed]) -> None:
        """Add candles; one that is stored already is an InvariantError."""
        ...

    def add_rejected(self, rows: Sequence[RejectedCandleRow]) -> None:
        """Add refused input rows, leaving out those that are known."""
        ...

    def add_gaps(self, rows: Sequence[CandleGapRow]) -> None:
        """Add gaps, leaving out those that are known."""
        ...

    def add_assessments(self, facts: Sequence[CandleAssessed]) -> None:
        """Add assessments; a second one of the same seq is an InvariantError."""
        ...

    def add_gate_snapshots(self, rows: Sequence[GateSnapshotRow]) -> None:
        """Add judged candles; a second one of the same seq is an InvariantError.

        Their indicators are those of the assessments, and are not written again.
        """
        ...
