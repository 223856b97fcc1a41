"""What is said of commands over HTTP."""

from collections.abc import Mapping
from typing import Any, Final

from tests.benchmarks.report import Aim

ACCEPTED: Final = 500
BARE: Final = 500
APPLIED: Final = 150
# Candles that come as fast as they can while commands are sent.
FLOOD: Final = 20_000

COMMANDS_NOTES: Final = (
    """\
Commands: one client sends one after the other over a connection that is kept, to an API process with an executor \
beside it, on PostgreSQL with fsync. Accepted: from the request to the answer, with the session looked up and command \
and audit record committed. Bare route: FastAPI and uvicorn as well, with nothing but one insert into the same \
database, in turns with the API.""",
    """\
Applied: commands sent at odd moments, from the commit of each to that of its end, as the database noted both; the \
executor looks for commands twice a second. In a flood: while candles are replayed as fast as all services go.""",
)


def commands_aims(figures: Mapping[str, Any]) -> list[Aim]:
    """Return what was aimed at; figures that hang on the disk alone cannot fail a run."""
    healthy, bare = figures["healthy"], figures["bare"]
    aims = [Aim("bare route that inserts a row, p50", bare["p50"], 10, "ms", False, False)]
    aims.append(Aim("bare route that inserts a row, p99", bare["p99"], 50, "ms", False, False))
    for name in ("healthy", "broker stopped", "broker killed"):
        found = figures[name]
        aims.append(Aim(f"command accepted, {name}, p50", found["p50"], 50, "ms", False, False))
        aims.append(Aim(f"command accepted, {name}, p99", found["p99"], 300, "ms", False, True))
    aims.append(_longer("command accepted against the bare route, p50", healthy["p50"] / bare["p50"], 8))
    aims += [
        _longer(f"command accepted, {name} against healthy, p50", figures[name]["p50"] / healthy["p50"], 2)
        for name in ("broker stopped", "broker killed")
    ]
    for name in ("applied", "applied in a flood"):
        aims.append(Aim(f"command {name}, p50", figures[name]["p50"], 1_000, "ms", False, False))
        aims.append(Aim(f"command {name}, p99", figures[name]["p99"], 2_000, "ms", False, True))
    return aims


def _longer(name: str, ratio: float, most: float) -> Aim:
    return Aim(name, ratio, most, "times as long", False, False)
