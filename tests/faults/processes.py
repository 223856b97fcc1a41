"""What the operating system tells of a process."""

import os
from pathlib import Path


def processor_seconds(process: int) -> float:
    """Return how long a process has kept processors busy, for itself and in the kernel."""
    fields = _fields(process)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def state_of(process: int) -> str:
    """Return the letter for what a process is doing: T when it was stopped."""
    return _fields(process)[0]


def memory_megabytes(process: int) -> float:
    """Return how much memory a process has that is neither shared away nor swapped out."""
    pages = int((Path("/proc") / str(process) / "statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_048_576


def _fields(process: int) -> list[str]:
    # The name in front of them, in brackets, may hold blanks and brackets.
    return (Path("/proc") / str(process) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
