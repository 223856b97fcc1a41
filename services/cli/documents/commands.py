"""Documents of commands: `commands send|list|show`, `pause`, `resume`, `close` and `kill`."""

from typing import Any, NotRequired, TypedDict

from services.cli.documents.kinds import Count, StoredTime


class Command(TypedDict):
    """What somebody asked for, and what became of it.

    `payload_text` and `result_text` are there where plain SQL wrote something that is not JSON; else they are null.
    """

    id: Count
    created_time: StoredTime
    actor: str
    type: str
    payload: Any
    payload_text: str | None
    status: str
    idempotency_key: str | None
    result: Any
    result_text: str | None
    expires_time: StoredTime | None
    claimed_by: str | None
    started_time: StoredTime | None
    finished_time: StoredTime | None


class CommandRecord(TypedDict):
    """An audit record of a command."""

    id: Count
    time: StoredTime
    actor: str
    action: str
    detail: Any
    detail_text: str | None


class TrailedCommand(Command):
    """A command with its audit records, which are null for users without the role operator."""

    ok: bool
    audit: list[CommandRecord] | None


class SentCommand(TypedDict):
    """A command that was sent, or why it was not; `ok` where it did what it should, or waits as was asked for."""

    ok: bool
    sent: bool
    reason: NotRequired[str]
    is_new: NotRequired[bool]
    id: NotRequired[Count]
    created_time: NotRequired[StoredTime]
    actor: NotRequired[str]
    type: NotRequired[str]
    payload: NotRequired[Any]
    payload_text: NotRequired[str | None]
    status: NotRequired[str]
    idempotency_key: NotRequired[str | None]
    result: NotRequired[Any]
    result_text: NotRequired[str | None]
    expires_time: NotRequired[StoredTime | None]
    claimed_by: NotRequired[str | None]
    started_time: NotRequired[StoredTime | None]
    finished_time: NotRequired[StoredTime | None]
