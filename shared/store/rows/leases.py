"""Leases, and signs of life."""

from typing import NamedTuple


class LeaseRow(NamedTuple):
    """A lease by the database's clock; with `seconds_left` at 0 or below anybody may take it."""

    name: str
    holder: str
    epoch: int
    seconds_left: float


class HeartbeatRow(NamedTuple):
    """The last sign of life of a process, at `seen_at` and `age_seconds` ago by the database's clock."""

    service: str
    instance: str
    seen_at: int
    age_seconds: float
    detail_json: str
