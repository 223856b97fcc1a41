"""The program with a clock of the day that steps when it is told to, for fault tests that start it as a process.

The variable `FAKETIME_TIMESTAMP_FILE` names a file with the seconds that it is ahead, as for libfaketime. That library
itself does not suit Python, whose pauses last until a moment of another clock.
"""

import os
import sys
import time
from pathlib import Path


def _step(offset: Path) -> None:
    actual = time.time
    time.time = lambda: actual() + int(offset.read_text(encoding="ascii"))


if __name__ == "__main__":
    # Before anything that keeps the function as a default is loaded.
    _step(Path(os.environ["FAKETIME_TIMESTAMP_FILE"]))
    from services.cli import main

    sys.exit(main())
