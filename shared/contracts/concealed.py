"""The secrets that this process has read, masked by their value wherever text leaves it, whoever wrote the text.

One register for the process, as it has one environment: what had to be handed from one to the next would be forgotten
somewhere, and one place is enough to give a password away.
"""

import json
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO, cast
from urllib.parse import quote, quote_plus, unquote

MASK: Final = "***"
# What is shorter stands in ordinary words and figures, and masking it would only garble messages.
SHORTEST_SECRET: Final = 6


class Concealment:
    """Texts that must not be shown, in every way of writing them that servers, drivers and logs have."""

    def __init__(self) -> None:
        """Begin knowing none."""
        self._lock = threading.Lock()
        self._forms: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secrets: Iterable[str]) -> None:
        """Mask these from now on, but for those of less than six characters."""
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST_SECRET}
        with self._lock:
            if forms <= self._forms:
                return
            self._forms |= forms
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def hide_in(self, text: str) -> str:
        """Return a text with every secret masked."""
        pattern = self._pattern
        return text if pattern is None else pattern.sub(MASK, text)


_OF_THIS_PROCESS: Final = Concealment()


def conceal(*secrets: str) -> None:
    """Have secrets masked in all that leaves this process, from now on."""
    _OF_THIS_PROCESS.add(secrets)


def concealed(text: str) -> str:
    """Return a text with every secret masked that this process has read."""
    return _OF_THIS_PROCESS.hide_in(text)


class ConcealingStream:
    """A text stream that masks secrets in what is written to it, and is the stream below it in all else."""

    def __init__(self, below: TextIO) -> None:
        """Write to the stream below."""
        self._below = below

    def __getattr__(self, name: str) -> object:
        return getattr(self._below, name)

    def write(self, text: str) -> int:
        """Write a text with its secrets masked; return the length of what was given."""
        self._below.write(concealed(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts with their secrets masked."""
        for line in lines:
            self.write(line)


@contextmanager
def concealing(*streams: tuple[object, str]) -> Iterator[None]:
    """Mask secrets in streams, each the attribute of an object, for as long as the block lasts."""
    before = [(holder, name, getattr(holder, name)) for holder, name in streams]
    for holder, name, stream in before:
        setattr(holder, name, cast("TextIO", ConcealingStream(stream)))
    try:
        yield
    finally:
        for holder, name, stream in before:
            setattr(holder, name, stream)


def _forms(secret: str) -> set[str]:
    plain = {secret, unquote(secret)}
    encoded = {form for each in plain for form in (quote(each, safe=""), quote(each), quote_plus(each))}
    written = {form for each in plain for form in (json.dumps(each)[1:-1], repr(each)[1:-1], ascii(each)[1:-1])}
    return plain | encoded | written
