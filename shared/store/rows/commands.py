"""The rows of commands and holds as the rest of the program sees them."""

from typing import NamedTuple


class CommandRow(NamedTuple):
    """Something an operator asked for, and what became of it.

    Its times are text `YYYY-MM-DDTHH:MM:SSZ`, or as somebody wrote them with plain SQL where that cannot be read.
    """

    id: int
    created_ts_utc: str
    actor: str
    type: str
    payload_json: str
    status: str
    idempotency_key: str | None
    result_json: str | None
    expires_ts_utc: str | None
    claimed_by: str | None
    started_ts_utc: str | None
    finished_ts_utc: str | None


class NewCommand(NamedTuple):
    """A command to be added; times in seconds, unclaimed after `expires_time` it is not executed any more."""

    created_time: int
    actor: str
    type: str
    payload_json: str
    idempotency_key: str | None = None
    expires_time: int | None = None


class CommandFilter(NamedTuple):
    """Which commands to list: of one type, of one status, or of any."""

    type: str | None = None
    status: str | None = None


class Backlog(NamedTuple):
    """How many commands wait for an executor, and when the first of them was sent, as its row says."""

    waiting: int
    oldest_ts_utc: str | None


class HoldRow(NamedTuple):
    """A stop of entries, for the candles after `since_seq` up to `ended_seq` (None: still in force).

    `scope` is a pair or `ALL`, `kind` a HoldKind; the commands are those that began and ended it.
    """

    scope: str
    kind: str
    actor: str
    since_time: int
    since_seq: int
    command_id: int | None
    ended_time: int | None = None
    ended_seq: int | None = None
    ended_by: str | None = None
    ended_command_id: int | None = None
