"""`scalpbot pause`, `resume`, `close` and `kill`: commands with a reason."""

from typing import NamedTuple

from services.cli.commands.job import CommandRequest, Manner, send
from services.cli.options import Where
from shared.contracts.commands import CommandType, TradeMode

__all__ = ["Asked", "Manner", "steer"]


class Asked(NamedTuple):
    """What is asked for: in a pair, None for all."""

    kind: CommandType
    pair: str | None
    mode: str = TradeMode.PAPER


def steer(where: Where, asked: Asked, *, reason: str | None, manner: Manner, as_json: bool) -> int:
    """Send a command with its reason, and return the exit code; raise InputError where pair or reason cannot be."""
    payload = {"mode": asked.mode, "pair": asked.pair, "reason": reason}
    known = {name: value for name, value in payload.items() if value is not None}
    request = CommandRequest(type=asked.kind, payload=known, key=None, expires=None)
    return send(where, request, actor=None, manner=manner, as_json=as_json)
