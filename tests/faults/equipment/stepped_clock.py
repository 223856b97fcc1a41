"""A clock of the day that processes of a test share and that steps when it is told to; other clocks run on."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.servers.programs import faketime_library


class SteppedClock:
    """What processes take for the time: a server that is `preloaded`, and programs that read the file in `environ`."""

    def __init__(self, folder: Path, ahead_seconds: int) -> None:
        """Begin so far ahead of the machine; raises UnavailableError where its time cannot be faked."""
        self._offset: Final = folder / "ahead_seconds"
        self.step_to(ahead_seconds)
        self.environ: Final = {
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.preloaded: Final = {**self.environ, "LD_PRELOAD": str(faketime_library())}

    def step_to(self, ahead_seconds: int) -> None:
        """Put the clock so far ahead of the machine's; it is noticed within two seconds.

        Never behind it: the library shows a process its machine's own time when a signal comes at the wrong moment, and
        PostgreSQL takes the hour between them for a limit that was passed.
        """
        assert ahead_seconds >= 0
        fresh = self._offset.with_suffix(".new")
        fresh.write_text(f"{ahead_seconds:+d}\n", encoding="ascii")
        fresh.chmod(0o644)
        fresh.rename(self._offset)


@contextmanager
def stepped_clock(ahead_seconds: int) -> Iterator[SteppedClock]:
    """Give a clock in a folder that every user may read; raises UnavailableError where there is no such clock."""
    with tempfile.TemporaryDirectory(prefix="scalpbot-clock-") as folder:
        Path(folder).chmod(0o755)
        yield SteppedClock(Path(folder), ahead_seconds)
