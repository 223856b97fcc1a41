"""What happened in a simulation, line by line, with a digest by which two runs of a seed are compared."""

import hashlib
from collections.abc import Callable

import structlog

from shared.runtime.logs import Log

_EVERYTHING = 10
_NOTHING = 50


class Trace:
    """Lines of a run; they are only written out where somebody reads them."""

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        """Give every line to `write`, if there is one."""
        self._write = write
        self._digest = hashlib.sha256()

    def note(self, now: float, what: str, detail: str) -> None:
        """Add a line."""
        line = f"{now:10.4f} {what:<10} {detail}"
        self._digest.update(line.encode())
        if self._write is not None:
            self._write(line)

    def digest(self) -> str:
        """Return the digest of all lines so far."""
        return self._digest.hexdigest()

    def log(self, name: str, clock: Callable[[], float]) -> Log:
        """Return the log of a service, whose lines join the trace where somebody reads it."""
        write = self._write

        class Lines:
            def msg(self, line: str) -> None:
                if write is not None:
                    write(f"{clock():10.4f} {'log':<10} {name}: {line}")

            debug = info = warning = error = msg

        def render(_logger: object, method: str, event: structlog.typing.EventDict) -> str:
            return f"{method}: {event.pop('event')} {event}"

        logger: Log = structlog.wrap_logger(
            Lines(),
            processors=[render],
            wrapper_class=structlog.make_filtering_bound_logger(_NOTHING if write is None else _EVERYTHING),
        )
        return logger
