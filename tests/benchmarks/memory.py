"""How much memory a process has needed at its peak, as Linux counts it."""

from pathlib import Path


def peak_megabytes(process: int | str = "self") -> float:
    """Return the peak resident memory of a process that runs; that of its parent before it does not count."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"process {process} tells nothing of its memory")
