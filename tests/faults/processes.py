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


def _fields(process: int) -> list[str]:
    # The name in front of them, in brackets, may hold blanks and brackets.
    return (Path("/proc") / str(process) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
