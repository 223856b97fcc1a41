"""Threads for each kind of work: however much there is of one kind, the others go on beside it.

Together they are fewer than the connections to the database that a process may open, so that none waits for one.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, ParamSpec, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

# More would not read faster: they take turns at one interpreter, and so does whoever answers.
_READING: Final = 6
_COMMANDING: Final = 3
# Of these two check passwords.
_SIGNING: Final = 3
_STREAMING: Final = 2
_WATCHING: Final = 1

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class Threads:
    """How many threads each kind of work has; what is not named here, such as reading lists, has those of the loop."""

    def __init__(self) -> None:
        """Begin with all of them free."""
        self.commanding = CapacityLimiter(_COMMANDING)
        self.signing = CapacityLimiter(_SIGNING)
        self.streaming = CapacityLimiter(_STREAMING)
        self.watching = CapacityLimiter(_WATCHING)


async def run_in(
    threads: CapacityLimiter | None, call: Callable[_Given, _Result], *arguments: _Given.args, **options: _Given.kwargs
) -> _Result:
    """Return what a call returns in a thread of a kind, None for the loop's own; wait for one that is free."""
    return await anyio.to_thread.run_sync(lambda: call(*arguments, **options), limiter=threads)


@asynccontextmanager
async def bounded_reading(_app: object) -> AsyncIterator[None]:
    """Let so many of the loop's own threads work at once, which answer whatever has none of its own."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = _READING
    yield
