"""Which facts a consumer handles now: the next ones of its stream, in order, each once, none left out."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar


class InStream(Protocol):
    """A fact that knows its place in a stream, and that of the one before it."""

    @property
    def seq(self) -> int:
        """Return the place."""
        ...

    @property
    def previous_seq(self) -> int:
        """Return the place of the fact before it, 0 for the first."""
        ...


Fact = TypeVar("Fact", bound=InStream)


def facts_to_handle(
    announced: Sequence[Fact],
    cursor: int,
    stored_after_cursor: Callable[[], list[Fact]],
    patient: bool = False,
    confirmed: Callable[[list[Fact]], list[Fact]] | None = None,
) -> list[Fact]:
    """Return the facts that follow the cursor without a gap.

    What was announced is used where it continues the cursor; what lies at or below the cursor is a duplicate. Where
    something is missing in front of or within what was announced, or nothing was announced, the producer's table is
    read instead; not so where the caller is patient, and keeps what came too early. `confirmed` is given the announced
    ones that would be used, and returns what is used in their place.
    """
    news = sorted({fact.seq: fact for fact in announced if fact.seq > cursor}.values(), key=lambda fact: fact.seq)
    if announced and not news:
        return []
    if news and (len(next_ones := linked(news, cursor)) == len(news) or patient):
        return next_ones if confirmed is None or not next_ones else confirmed(next_ones)
    return linked(stored_after_cursor(), cursor)


def linked(facts: Sequence[Fact], cursor: int) -> list[Fact]:
    """Return the first facts after the cursor, as long as each follows the one before it."""
    found = []
    for fact in facts:
        if fact.previous_seq != cursor:
            break
        found.append(fact)
        cursor = fact.seq
    return found
