"""The services' own state: versions of settings, and snapshots."""

from typing import NamedTuple


class SettingRow(NamedTuple):
    """One version of a setting; versions count from 1."""

    name: str
    version: int
    body_json: str
    time: int


class SnapshotRow(NamedTuple):
    """The state of a service under a key, after it handled everything up to `seq`."""

    service: str
    key: str
    seq: int
    body_json: str
