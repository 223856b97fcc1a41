"""Describe the machine that the figures are from."""

import os
import platform
from pathlib import Path
from typing import NamedTuple


class Machine(NamedTuple):
    """What the figures depend on."""

    processor: str
    cores: int
    system: str
    python: str


def this_machine() -> Machine:
    """Return what this machine says of itself."""
    return Machine(
        _processor(), os.cpu_count() or 1, f"{platform.system()} {platform.release()}", platform.python_version()
    )


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        for line in listed.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
