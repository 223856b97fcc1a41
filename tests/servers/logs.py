"""The log of a private server."""

from pathlib import Path
from typing import Final

_LINES_SHOWN: Final = 60


class LogFile:
    """A file that a server adds to, over all its starts."""

    def __init__(self, path: Path) -> None:
        """Make the empty file."""
        self.path = path
        self._mark = 0
        path.touch()

    def mark(self) -> None:
        """Remember how long the log is now."""
        self._mark = self.path.stat().st_size

    def since_mark(self) -> str:
        """Return what was added since the mark."""
        with self.path.open("rb") as file:
            file.seek(self._mark)
            return file.read().decode(errors="replace")

    def end(self) -> str:
        """Return the last lines."""
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LINES_SHOWN:])
