"""How the platform and its processes stand, as the API answers it."""

from typing import Final

from pydantic import BaseModel, Field

from services.api.shapes.ledger import Day
from shared.contracts.times import format_time
from shared.runtime.heartbeat import standing_of
from shared.runtime.overview.trading import Trading
from shared.store.rows.commands import HoldRow
from shared.store.rows.leases import HeartbeatRow

_TIME: Final = "2014-05-08T11:45:00Z"
_MONEY: Final = "9902.6898"
_PAIR: Final = "EUR_USD"


class Newest(BaseModel):
    """The newest candle of a pair, and how long ago it closed by the clock of the API."""

    pair: str = Field(examples=[_PAIR])
    granularity: str = Field(examples=["M5"])
    time: str = Field(examples=[_TIME])
    age_seconds: float = Field(examples=[41.2])


class Heartbeat(BaseModel):
    """The last sign of life of a process."""

    service: str = Field(examples=["executor"])
    instance: str = Field(examples=["executor-1"])
    seen_at: str = Field(examples=[_TIME])
    age_seconds: float = Field(examples=[2.1])
    lease: str | None = Field(
        examples=["executor.paper"], description="What only one process may do at a time; null where any may."
    )
    leads: bool | None = Field(description="False while the process waits for another one that does it.")


class Hold(BaseModel):
    """A stop of entries, by an operator or for a restored database, that is in force; exits go on."""

    scope: str = Field(examples=[_PAIR], description="A pair, or ALL.")
    kind: str = Field(examples=["pause"], description="`pause`, `kill_switch` or `restored`.")
    actor: str = Field(examples=["ann"])
    since: str = Field(examples=[_TIME])
    command_id: int | None = Field(examples=[7])


class PendingCommands(BaseModel):
    """The commands that no executor has taken yet."""

    count: int = Field(examples=[1])
    oldest_age_seconds: float | None = Field(examples=[0.4], description="Null while none is waiting.")


class Status(BaseModel):
    """How the platform stands; what is not known yet is null."""

    mode: str | None = Field(examples=["OFFLINE"])
    balance: str | None = Field(examples=[_MONEY])
    equity: str | None = Field(examples=[_MONEY])
    halted: bool = Field(description="No entries until the next trading day.")
    trading_day: Day | None
    holds: list[Hold] = Field(description="What holds entries now.")
    pending_commands: PendingCommands
    open_positions: int = Field(examples=[1])
    trades: int = Field(examples=[7])
    candles_not_traded: int = Field(examples=[0])
    trading: Trading = Field(
        examples=["now"], description="Whether anybody trades: `soon` while an executor lives and none leads."
    )
    feed_age_seconds: float | None = Field(
        examples=[41.2], description="Only in live runs: time since the newest candle closed."
    )
    notes: list[str] = Field(
        examples=[[]], description="What keeps pairs from being traded and can be mended in the settings, in sentences."
    )
    newest_candles: list[Newest]
    heartbeats: list[Heartbeat]


class Alive(BaseModel):
    """Whether the process goes on."""

    alive: bool


class Ready(BaseModel):
    """Whether the API can work, and what it waits for."""

    ready: bool
    waiting_for: dict[str, str]


def shown_hold(row: HoldRow) -> Hold:
    """Return a hold."""
    since = format_time(row.since_time)
    return Hold(scope=row.scope, kind=row.kind, actor=row.actor, since=since, command_id=row.command_id)


def shown_heartbeat(row: HeartbeatRow) -> Heartbeat:
    """Return a sign of life."""
    standing = standing_of(row)
    return Heartbeat(
        service=row.service,
        instance=row.instance,
        seen_at=format_time(row.seen_at),
        age_seconds=round(row.age_seconds, 3),
        lease=None if standing is None else standing.lease,
        leads=None if standing is None else standing.leads,
    )
