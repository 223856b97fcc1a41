"""The port of the store: old rows, how many there are, and having fewer of them."""

from typing import Protocol

from shared.store.rows.pruning import Old


class PruningReads(Protocol):
    """Find out what is old."""

    def last_seq_before(self, time: int) -> int:
        """Return the highest seq up to which every candle opened before a time, 0 where none did."""
        ...

    def count_old(self, old: Old) -> int:
        """Return how many rows are old; the newest candle of each pair, and what was judged of it, never is."""
        ...


class PruningWrites(Protocol):
    """Delete what is old."""

    def delete_old(self, old: Old, limit: int) -> int:
        """Delete old rows, oldest first and at most `limit`, and return how many."""
        ...
