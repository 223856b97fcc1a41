"""Commands as they are sent over HTTP and answered: the names are those of the table, as in every other place."""

from typing import Annotated, Any, Final

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from services.api.shapes.audit import AuditRecord
from services.api.shapes.bodies import Body
from services.api.shapes.pages import PageQuery
from services.api.shapes.status import Hold
from shared.contracts.commands import (
    KEY,
    LONGEST_EXPIRY_SECONDS,
    LONGEST_KEY_CHARACTERS,
    LONGEST_REASON_CHARACTERS,
    CommandStatus,
    CommandType,
    TradeMode,
)
from shared.runtime.commands import command_fields
from shared.runtime.overview.trading import Trading
from shared.store.rows.audit import AuditRow
from shared.store.rows.commands import CommandRow

_TIME: Final = "2026-01-05T12:00:00Z"
_KEY: Final = "3f0d8a5e-close-all"
_RESULT: Final = {"changed": True, "holds": [{"kind": "pause", "scope": "EUR_USD", "actor": "ann", "since": _TIME}]}
# JSON has no enumerations, so that strictness would refuse every name.
_Type = Annotated[CommandType, Field(strict=False)]
_Mode = Annotated[TradeMode, Field(strict=False)]


class Payload(Body):
    """What a command is about; what is left out has its default."""

    mode: _Mode | None = Field(
        default=None, description="Positions on paper (PAPER, the default) or at the broker (LIVE).", examples=["PAPER"]
    )
    pair: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{3}_[A-Z]{3}$",
        description="The pair of PAUSE_PAIR, RESUME_PAIR and CLOSE_PAIR; the others name none.",
        examples=["EUR_USD"],
    )
    reason: str | None = Field(
        default=None,
        min_length=1,
        max_length=LONGEST_REASON_CHARACTERS,
        description="Why it is asked, for the audit log: a line of text.",
        examples=["news at noon"],
    )


class CommandOrder(Body):
    """A command to be carried out once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"type": "PAUSE_PAIR", "payload": {"pair": "EUR_USD"}},
                {"type": "CLOSE_ALL", "payload": {"mode": "PAPER"}, "idempotency_key": _KEY, "expires_seconds": 30},
            ]
        }
    )

    type: _Type = Field(examples=["PAUSE_PAIR"])
    payload: Payload = Field(default_factory=Payload)
    idempotency_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=LONGEST_KEY_CHARACTERS,
        description="As the header Idempotency-Key: a command sent again with the same key is not carried out again.",
        json_schema_extra={"pattern": f"^{KEY.pattern}$"},
        examples=[_KEY],
    )
    expires_seconds: int | None = Field(
        default=None,
        ge=1,
        le=LONGEST_EXPIRY_SECONDS,
        description="Skip the command unless an executor takes it within this time.",
        examples=[30],
    )


class Command(BaseModel):
    """What somebody asked for, and what became of it; times and payload are as plain SQL may have written them."""

    id: int = Field(examples=[7])
    created_ts_utc: str = Field(examples=[_TIME])
    actor: str = Field(examples=["ann"])
    type: str = Field(examples=["PAUSE_PAIR"])
    payload_json: str = Field(examples=['{"pair":"EUR_USD"}'])
    status: str = Field(examples=["SUCCEEDED"], description="PENDING, RUNNING, SUCCEEDED, FAILED or SKIPPED.")
    idempotency_key: str | None = Field(examples=[_KEY])
    result_json: Any = Field(examples=[_RESULT], description="Null until it is done.")
    expires_ts_utc: str | None = Field(examples=[None])
    claimed_by: str | None = Field(examples=["executor-1"])
    started_ts_utc: str | None = Field(examples=[_TIME])
    finished_ts_utc: str | None = Field(examples=[_TIME])


class SentCommand(Command):
    """A command as it is stored, whether it was sent before, and whether anybody trades who could carry it out."""

    repeated: bool = Field(
        examples=[False], description="The key was used before: this is the command that was sent then, with its end."
    )
    trading: Trading = Field(
        examples=["now"], description="Where `nobody` trades it waits for whoever does so next, until it expires."
    )


class HoldChange(Hold):
    """A hold that somebody began or ended with a command; `actor` and `since` are those of its beginning."""

    type: str = Field(examples=["hold.set"])
    time: str = Field(examples=[_TIME])
    by: str = Field(examples=["ann"])


class TrailedCommand(Command):
    """A command with every audit record of it; without the role operator `audit` is null."""

    audit: list[AuditRecord] | None


class CommandsQuery(PageQuery):
    """Which page of the commands."""

    type: CommandType | None = Field(default=None, description="Only of this type.")
    status: CommandStatus | None = Field(default=None, description="Only of this status.")


def shown_hold_change(record: AuditRow) -> HoldChange:
    """Return the change of a hold that an audit record tells of."""
    fields = msgspec.json.decode(record.detail_json)
    return HoldChange(type=record.action, time=record.ts_utc, by=record.actor, command_id=record.command_id, **fields)


def shown_command(row: CommandRow) -> Command:
    """Return a command, its payload as it is stored and its result decoded."""
    return Command(**command_fields(row))
