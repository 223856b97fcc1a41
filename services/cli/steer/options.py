"""The verbs `pause`, `resume`, `close` and `kill`: the commands that operators send most, in one word."""

from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import typer

from services.cli.commands.options import Anyway, OnMode, Patience, Reason
from services.cli.groups import with_groups
from services.cli.options import AsJson, Where
from services.cli.steer import job
from shared.contracts.commands import CommandType

_ALL: Final = "all"

PairOrAll: TypeAlias = Annotated[str, typer.Argument(metavar="[PAIR]", help="Pair, such as EUR_USD; all for all.")]
OnePairOrAll: TypeAlias = Annotated[str, typer.Argument(metavar="PAIR|all", help="Pair, such as EUR_USD, or all.")]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask on a terminal whether to go on.")]
Release: TypeAlias = Annotated[bool, typer.Option("--release", help="Release it: let entries through again.")]


@dataclass(frozen=True)
class Steering:
    """Why it is asked, and how it is sent."""

    reason: Reason = None
    timeout: Patience = 30
    anyway: Anyway = False


@with_groups
def pause(*, pair: PairOrAll = _ALL, how: Steering, where: Where, as_json: AsJson = False) -> int:
    """Hold new entries in a pair, or in all; open positions keep their stop loss and take profit."""
    return _steer(where, how, job.Asked(*_about(pair, CommandType.PAUSE_PAIR, CommandType.PAUSE_ALL)), as_json)


@with_groups
def resume(*, pair: PairOrAll = _ALL, how: Steering, where: Where, as_json: AsJson = False) -> int:
    """End the pause of a pair, or every pause; a kill switch that is on stays on."""
    return _steer(where, how, job.Asked(*_about(pair, CommandType.RESUME_PAIR, CommandType.RESUME_ALL)), as_json)


@with_groups
def close(
    *,
    pair: OnePairOrAll,
    mode: OnMode = "PAPER",
    yes: Yes = False,
    how: Steering,
    where: Where,
    as_json: AsJson = False,
) -> int:
    """Close the open position in a pair, or all of them, at the current price; entries go on."""
    kind, named = _about(pair, CommandType.CLOSE_PAIR, CommandType.CLOSE_ALL)
    return _steer(where, how, job.Asked(kind, named, mode), as_json, ask=not yes)


@with_groups
def kill(
    *,
    release: Release = False,
    mode: OnMode = "PAPER",
    yes: Yes = False,
    how: Steering,
    where: Where,
    as_json: AsJson = False,
) -> int:
    """Stop everything now: close every position and enter nothing until the kill switch is released."""
    kind = CommandType.KILL_SWITCH_OFF if release else CommandType.KILL_SWITCH_ON
    # Nobody who pulls the switch is asked whether to go on.
    return _steer(where, how, job.Asked(kind, None, mode), as_json, ask=release and not yes)


def _about(pair: str, of_one: CommandType, of_all: CommandType) -> tuple[CommandType, str | None]:
    return (of_all, None) if pair.lower() == _ALL else (of_one, pair)


def _steer(where: Where, how: Steering, asked: "job.Asked", as_json: bool, *, ask: bool = False) -> int:
    manner = job.Manner(patience=how.timeout, anyway=how.anyway, ask=ask)
    return job.steer(where, asked, reason=how.reason, manner=manner, as_json=as_json)
