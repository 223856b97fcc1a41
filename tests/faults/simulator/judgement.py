"""What a run has lost, doubled or otherwise got wrong, row by row."""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from tests.faults.simulator.database import LedgerTable

# What tells which effect a row is; every column is its value.
_KEYS: Final = {
    "candles": ("stream", "seq"),
    "assessments": ("seq",),
    "gate_snapshots": ("seq",),
    "trades": ("pair", "signal_time"),
    "positions": ("pair",),
    "account_events": ("cause_stream", "cause_seq", "type"),
    "daily_stats": ("trading_day",),
    "equity": ("seq",),
    "audit_log": ("id",),
    "cursors": ("consumer", "stream"),
    "snapshots": ("service", "key"),
}


class Effects(NamedTuple):
    """How many effects are missing, there more than once, or wrong, and the first of each in words."""

    lost: int
    doubled: int
    violated: int
    words: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Return whether nothing is wrong."""
        return self.lost == self.doubled == self.violated == 0


def judge(found: Mapping[str, LedgerTable], expected: Mapping[str, LedgerTable], violations: list[str]) -> Effects:
    """Compare the ledger with that of the run without faults, and add what was violated on the way."""
    lost, doubled, words = 0, 0, list(violations)
    violated = len(violations)
    for name, table in expected.items():
        if found[name].rows == table.rows:
            continue
        missing, surplus = Counter(table.rows), Counter(found[name].rows)
        missing, surplus = missing - surplus, surplus - missing
        places = [table.columns.index(column) for column in _KEYS[name]]
        missing_keys = Counter(tuple(row[place] for place in places) for row in missing.elements())
        surplus_keys = Counter(tuple(row[place] for place in places) for row in surplus.elements())
        changed = missing_keys & surplus_keys
        for verb, keys in (("lost", missing_keys - changed), ("doubled", surplus_keys - changed), ("changed", changed)):
            if keys:
                words.append(f"{name}: {keys.total()} {verb}, the first is {next(iter(keys))}")
        lost += (missing_keys - changed).total()
        doubled += (surplus_keys - changed).total()
        violated += changed.total()
    return Effects(lost, doubled, violated, tuple(words))
