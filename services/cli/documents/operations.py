"""Documents of operation: `doctor`, `db`, `config`, `bus` and `dlq`."""

from typing import Any, TypedDict

from services.cli.documents.kinds import Count, Hash, Time


class Check(TypedDict):
    """A check, how it ended, and a sentence that also says how to mend what is wrong."""

    check: str
    verdict: str
    sentence: str


class Examination(TypedDict):
    """Every check of `doctor`; `ok` unless one found a problem."""

    ok: bool
    problems: Count
    warnings: Count
    skipped: Count
    checks: list[Check]


class UpgradedSchema(TypedDict):
    """The schema before, null for an empty database, and now."""

    ok: bool
    before: str | None
    now: str


class SchemaFound(TypedDict):
    """Which schema a database has and which this version wants; `ok` where they are the same."""

    ok: bool
    state: str
    found: str | None
    wanted: str


class AcceptedRestore(TypedDict):
    """What accepting a restored database did."""

    ok: bool
    why: str
    anchors_kept_as: str | None
    commands_skipped: Count
    sessions_ended: Count
    tokens_ended: Count
    kill_switch_was_on: bool
    anchors_begun: bool


class SettingsInForce(TypedDict):
    """Every setting by section, with secrets as `***`."""

    ok: bool
    account: dict[str, Any]
    risk: dict[str, Any]
    gates: dict[str, Any]
    pairs: dict[str, Any]
    strategies: dict[str, Any]
    calendar: dict[str, Any]
    rates: dict[str, Any]
    instruments: dict[str, Any]
    deployment: dict[str, Any]
    live: dict[str, Any]
    retention: dict[str, Any]
    runtime: dict[str, Any]


class CheckedSettings(TypedDict):
    """The settings file that was read, null where there is none, and the digest of what alters trades."""

    ok: bool
    file: str | None
    trading_digest: Hash


class Queue(TypedDict):
    """A queue, and how many messages and consumers it has."""

    queue: str
    state: str
    messages: Count
    consumers: Count


class DeclaredQueues(TypedDict):
    """All queues, each proven to work."""

    ok: bool
    queues: list[Queue]


class CheckedBroker(TypedDict):
    """What the broker lacks, or has otherwise."""

    ok: bool
    differences: list[str]


class DeadLetter(TypedDict):
    """A message that could not be handled; `body_text` is there where its body is not JSON."""

    message_id: str | None
    type: str | None
    pair: str | None
    seq: int | None
    reason: str | None
    died_time: Time | None
    routing_key: str | None
    body: Any
    body_text: str | None


class DeadLetters(TypedDict):
    """The dead letters of a queue, the oldest first."""

    queue: str
    messages: Count
    letters: list[DeadLetter]


class ReplayedLetters(TypedDict):
    """How many dead letters were sent again."""

    ok: bool
    queue: str
    replayed: Count


class DroppedLetters(TypedDict):
    """How many dead letters were thrown away."""

    ok: bool
    queue: str
    dropped: Count
