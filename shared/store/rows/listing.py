"""What lists and pages of the store are asked for and answer."""

from typing import Generic, NamedTuple, TypeVar

Kind = TypeVar("Kind")


class Span(NamedTuple):
    """At most `limit` rows with start <= time < end, those that come after the place `before`: its time and key."""

    limit: int
    before: tuple[int, int] | None = None
    start: int | None = None
    end: int | None = None


class Listed(NamedTuple, Generic[Kind]):
    """A row at its place: time in seconds (of days: their number), and key."""

    time: int
    key: int
    row: Kind


class NewestCandle(NamedTuple):
    """The open time of the newest candle of a pair and granularity."""

    pair: str
    granularity_seconds: int
    time: int
