"""Which faults strike, how often and when: chosen by a seed, a different mixture for each."""

from collections import Counter
from random import Random
from typing import Final

from tests.faults.simulator.trace import Trace


class SimulatedCrash(BaseException):
    """The process ends here, without any clean-up, as far as the services can tell."""


DROPPED: Final = "message lost after its confirm"
DUPLICATED: Final = "message delivered again by a copy"
DELAYED: Final = "message delayed"
POISONED: Final = "message that cannot be read"
REORDERED: Final = "window of 20 messages reordered"
REFUSED: Final = "publication refused"
HALF_DONE: Final = "publication cut off half-way"
UNCONFIRMED: Final = "confirm lost"
ACK_LOST: Final = "ack lost with the connection"
STORE_AWAY: Final = "store away"
COMMIT_FAILED: Final = "commit failed"
COMMIT_UNKNOWN: Final = "commit done, outcome unknown"
CRASHED: Final = "crash"
KILLED: Final = "killed while it waited"
PAUSED: Final = "paused, woken up later"
STOPPED: Final = "stopped and started"
# What faults led to, counted with them.
TAKEN_OVER: Final = "lease taken over"
STALE_REFUSED: Final = "stale writer refused"
DEAD_LETTERED: Final = "message dead-lettered"
PASSED_OVER: Final = "batch with facts handled before"
REPAIRED: Final = "facts read from the store"

# The rates that a fault may have where it is part of a seed's mixture: by message, batch, transaction, crash point
# or step.
_RATES: Final = {
    DROPPED: (0.02, 0.2, 0.6),
    DUPLICATED: (0.05, 0.2, 1.0),
    DELAYED: (0.05, 0.3),
    POISONED: (0.01, 0.05),
    REORDERED: (0.3, 1.0),
    REFUSED: (0.05, 0.3),
    HALF_DONE: (0.05, 0.3),
    UNCONFIRMED: (0.05, 0.3),
    ACK_LOST: (0.05, 0.3),
    STORE_AWAY: (0.02, 0.1),
    COMMIT_FAILED: (0.02, 0.1),
    COMMIT_UNKNOWN: (0.02, 0.1),
    CRASHED: (0.02, 0.08),
    KILLED: (0.005, 0.03),
    PAUSED: (0.02, 0.1),
    STOPPED: (0.005, 0.02),
}
_PART_OF_MIXTURE: Final = 0.5
KINDS: Final = tuple(kind for kind in _RATES if kind != CRASHED)
CONSEQUENCES: Final = (TAKEN_OVER, STALE_REFUSED, DEAD_LETTERED, PASSED_OVER, REPAIRED)
CRASH_PLACES: Final = (
    *(f"ingest.{place}" for place in ("before_commit", "after_commit")),
    *(
        f"{service}.{place}"
        for service in ("strategy", "executor")
        for place in ("before_commit", "after_commit", "before_ack", "after_ack")
    ),
    *(
        f"{service}.{place}"
        for service in ("ingest", "strategy", "executor")
        for place in ("before_publish", "in_publish", "after_confirm", "after_mark")
    ),
)


class Faults:
    """The faults of one simulation; they strike until healed."""

    def __init__(self, random: Random, trace: Trace) -> None:
        """Choose the mixture."""
        self.random = random
        self.counts: Counter[str] = Counter()
        self._trace = trace
        self._active = True
        self._rates = {
            kind: random.choice(rates) if random.random() < _PART_OF_MIXTURE else 0.0 for kind, rates in _RATES.items()
        }

    def strikes(self, kind: str, now: float, where: str, eagerness: float = 1.0) -> bool:
        """Decide whether a fault happens here, so many times as probably as usual, and count it."""
        if not self._active or self.random.random() >= self._rates[kind] * eagerness:
            return False
        self.counts[kind if kind != CRASHED else f"{CRASHED} {where}"] += 1
        self._trace.note(now, "FAULT", f"{kind}: {where}")
        return True

    def heal(self) -> None:
        """Let nothing strike any more."""
        self._active = False
