"""What a command that closed at the broker tells: its result, and an audit record for each position that it closed."""

from decimal import Decimal
from typing import Any, Final

from services.executor.commands.broker_closes import Ended
from services.executor.commands.execution import Answer
from services.executor.commands.oanda_broker import BrokerClose, NotAllowed
from shared.contracts.commands import CommandStatus
from shared.oanda.closing import Cancelled, CloseFill, PositionClosed, Rejected

BROKER_REFUSED: Final = "broker_refused"


def broker_answer(ended: Ended) -> Answer:
    """Return how a command ended; units, prices and profits are exact decimals as text, as OANDA gave them."""
    order = ended.order
    closed = [_closed_detail(pair, fills) for pair, outcome in ended.outcomes.items() if (fills := _fills_of(outcome))]
    refused = [
        {"pair": pair, "reason": outcome.reason}
        for pair, outcome in ended.outcomes.items()
        if isinstance(outcome, Cancelled | Rejected | NotAllowed)
    ]
    total = sum((fill.pl for outcome in ended.outcomes.values() for fill in _fills_of(outcome)), Decimal(0))
    live: dict[str, Any] = {"closed": closed, "pl": _text(total)}
    if refused or ended.refusal is not None:
        why = [ended.refusal] if ended.refusal else [f"{each['pair']}: {each['reason']}" for each in refused]
        result = {
            **order.done,
            "reason": BROKER_REFUSED,
            "detail": f"OANDA did not close everything: {'; '.join(why)}",
            "live": {**live, "refused": refused},
        }
        return Answer(CommandStatus.FAILED, result, closed)
    if closed or order.done:
        return Answer(CommandStatus.SUCCEEDED, {**order.done, "live": live}, closed)
    where = f"in {order.pair}" if order.pair else "at all"
    nothing = {"reason": "nothing_open", "detail": f"no position is open {where} at OANDA"}
    return Answer(CommandStatus.SKIPPED, nothing)


def _fills_of(outcome: BrokerClose) -> tuple[CloseFill, ...]:
    return outcome.fills if isinstance(outcome, PositionClosed | Cancelled) else ()


def _closed_detail(pair: str, fills: tuple[CloseFill, ...]) -> dict[str, Any]:
    return {
        "pair": pair,
        "pl": _text(sum((fill.pl for fill in fills), Decimal(0))),
        "fills": [
            {
                "units": _text(fill.units),
                "price": _text(fill.price),
                "pl": _text(fill.pl),
                "transaction_id": str(fill.transaction_id),
            }
            for fill in fills
        ],
    }


def _text(value: Decimal) -> str:
    return format(value, "f")
