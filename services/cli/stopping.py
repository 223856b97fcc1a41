"""Being asked to stop: by Ctrl-C or SIGTERM, after what is at hand is finished."""

import signal
from types import FrameType
from typing import Self


class Stop:
    """Set once the process was asked to stop, for as long as it is entered."""

    def __init__(self) -> None:
        """Begin unasked."""
        self.asked = False
        self._before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def __enter__(self) -> Self:
        for number in self._before:
            signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
