"""Closing a position exactly once, also when the answer is lost.

OANDA does not recognise a repeated request by its client id. So the number of the last transaction is remembered before
the request; where the answer is lost, all transactions since then are searched for what the request has done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeAlias

from shared.contracts.errors import InfrastructureError, InputError, InvariantError, MessageError
from shared.oanda.account import account_summary
from shared.oanda.connection import OandaAnswer, OandaConnection
from shared.oanda.errors import POSITION_DOES_NOT_EXIST, OandaAmbiguousError, OandaUnavailableError, parse_error_body
from shared.oanda.positions import OandaPosition, position_of
from shared.oanda.retries import TOO_MANY_REQUESTS, UNAUTHORIZED, retry_after_seconds
from shared.oanda.transactions import (
    MARKET_ORDER,
    MARKET_ORDER_REJECT,
    ORDER_CANCEL,
    ORDER_FILL,
    POSITION_CLOSEOUT,
    AccountTransaction,
    parse_transaction,
    transactions_since,
)

SETTLE_SECONDS: Final = 5.0
LONGEST_TAG: Final = 110
_NOT_EXECUTED_PAUSES_SECONDS: Final = (1.0, 2.0, 4.0)
_LONGEST_PAUSE_SECONDS: Final = 30.0
_LONG: Final = "long"
_SHORT: Final = "short"


class CloseIntent(NamedTuple):
    """What is to be remembered before a close is sent: its tag, and the last transaction from before it."""

    tag: str
    pair: str
    last_transaction_id: int


class CloseFill(NamedTuple):
    """The closing of one side: units sold (negative) or bought, price, profit in the account currency."""

    units: Decimal
    price: Decimal
    pl: Decimal
    transaction_id: int


class PositionClosed(NamedTuple):
    """The position was closed: one fill, two on a hedging account that had both sides open."""

    fills: tuple[CloseFill, ...]


@dataclass(frozen=True)
class NothingOpen:
    """There was nothing to close, or somebody else closed it first."""


class Cancelled(NamedTuple):
    """OANDA took the order and cancelled it, for instance with MARKET_HALTED; `fills` is the other side, if any."""

    reason: str
    fills: tuple[CloseFill, ...] = ()


class Rejected(NamedTuple):
    """OANDA did not take the order; the reason is OANDA's word for it."""

    reason: str


CloseResult: TypeAlias = PositionClosed | NothingOpen | Cancelled | Rejected


def close_position(
    connection: OandaConnection,
    pair: str,
    tag: str,
    remember_intent: Callable[[CloseIntent], None],
    *,
    settle_seconds: float = SETTLE_SECONDS,
) -> CloseResult:
    """Close all that is open in a pair and return what came of it.

    `tag` names this close and no other; `remember_intent` must have stored the intent when it returns. A lost answer is
    looked for after `settle_seconds`. Raises OandaAmbiguousError where the outcome stays unknown, and after a kill it
    is unknown too: call `resume_close` with the intent then. Other errors mean that nothing was closed.
    """
    if not tag or len(tag) > LONGEST_TAG:
        raise InvariantError(f"the tag of a close has 1 to {LONGEST_TAG} characters, not {len(tag)}")
    intent = CloseIntent(tag, pair, account_summary(connection).last_transaction_id)
    remember_intent(intent)
    return _Closing(connection, intent, settle_seconds).begin()


def resume_close(connection: OandaConnection, intent: CloseIntent) -> CloseResult:
    """Find out what came of a remembered close, and carry it out if nothing did; errors as of `close_position`."""
    return _Closing(connection, intent, SETTLE_SECONDS).settle(may_send=True)


def parse_close_answer(body: Mapping[str, Any]) -> CloseResult | None:
    """Read what a 200 answer says of a close; None where it says neither that a side was filled nor cancelled."""
    names = [f"{side}Order{what}Transaction" for side in (_LONG, _SHORT) for what in ("Fill", "Cancel")]
    return _result([parse_transaction(body[name]) for name in names if body.get(name) is not None])


def parse_close_rejection(body: Mapping[str, Any]) -> Rejected | None:
    """Read what a 400 or 404 answer says of a close; None where it does not speak of the position or the order."""
    error = parse_error_body(body)
    reasons = list(error.rejections)
    # Of two sides, the one that does exist is the one that is worth a word.
    reasons.sort(key=lambda reason: reason == POSITION_DOES_NOT_EXIST)
    if error.code == POSITION_DOES_NOT_EXIST:
        reasons.append(error.code)
    return Rejected(reasons[0]) if reasons else None


class _Closing:
    """One close on its way."""

    def __init__(self, connection: OandaConnection, intent: CloseIntent, settle_seconds: float) -> None:
        self._connection = connection
        self._intent = intent
        self._settle_seconds = settle_seconds
        self._path = f"/accounts/{{accountID}}/positions/{intent.pair}/close"

    def begin(self) -> CloseResult:
        """Send the close for the first time."""
        position = self._position()
        if position is None:
            return NothingOpen()
        try:
            result = self._send(position)
        except OandaAmbiguousError:
            result = None
        return self.settle(may_send=True) if result is None else self._checked(result)

    def settle(self, *, may_send: bool) -> CloseResult:
        """Find the outcome among the transactions; send once more if all of them were searched in vain."""
        self._connection.wait(self._settle_seconds)
        try:
            found = self._on_record()
            if found is not None:
                return self._checked(found)
            position = self._position()
            if position is None:
                # A late close may have landed between the two questions.
                return self._on_record() or NothingOpen()
            result = self._send(position) if may_send else None
        except OandaAmbiguousError:
            result = None
        except (InfrastructureError, InputError, MessageError) as error:
            raise self._unknown(str(error)) from error
        if result is not None:
            return self._checked(result)
        if may_send:
            return self.settle(may_send=False)
        raise self._unknown("no transaction shows it so far, and the position is still open")

    def _on_record(self) -> CloseResult | None:
        """Return what the transactions since the intent say."""
        since = self._intent.last_transaction_id
        return outcome_among(transactions_since(self._connection, since), self._intent)

    def _checked(self, result: CloseResult) -> CloseResult:
        """Look once more where OANDA found nothing to close: an earlier request may have landed late."""
        if result != Rejected(POSITION_DOES_NOT_EXIST):
            return result
        try:
            found = self._on_record()
            if found is not None and found != result:
                return found
            return NothingOpen() if self._position() is None else result
        except (InfrastructureError, InputError, MessageError) as error:
            raise self._unknown(str(error)) from error

    def _send(self, position: OandaPosition) -> CloseResult | None:
        """Send the close once; 401 and 429 mean that OANDA did not look at it, so those are tried again."""
        body = _request(position, self._intent.tag)
        answer = self._connection.put(self._path, body)
        for pause in _NOT_EXECUTED_PAUSES_SECONDS:
            if answer.status not in {UNAUTHORIZED, TOO_MANY_REQUESTS}:
                break
            asked_for = retry_after_seconds(answer.headers, 0.0) or 0.0
            self._connection.wait(max(pause, min(asked_for, _LONGEST_PAUSE_SECONDS)))
            answer = self._connection.put(self._path, body)
        return self._judged(answer)

    def _judged(self, answer: OandaAnswer) -> CloseResult | None:
        if answer.status < 300:
            try:
                return parse_close_answer(answer.body)
            except MessageError:
                return None
        if answer.status == TOO_MANY_REQUESTS:
            raise OandaUnavailableError(f"PUT {self._path} was not carried out: too many requests (HTTP 429)", 429)
        if answer.status in {400, 404}:
            rejected = parse_close_rejection(answer.body)
            if rejected is not None:
                return rejected
        raise self._connection.refused(answer, self._path)

    def _position(self) -> OandaPosition | None:
        return position_of(self._connection, self._intent.pair)

    def _unknown(self, reason: str) -> OandaAmbiguousError:
        return OandaAmbiguousError(
            f"whether {self._intent.pair} was closed under the tag {self._intent.tag} is unknown: {reason}; it will "
            "not be sent again before that is known"
        )


def outcome_among(transactions: Sequence[AccountTransaction], intent: CloseIntent) -> CloseResult | None:
    """Return what transactions say of a close, None where they do not mention it.

    It is told by its tag; an order that closes this pair's position and has no client id at all counts as well, since
    it is not certain that OANDA repeats the tag there.
    """
    tags = {intent.tag, _second_tag(intent.tag)}
    orders = {one.id for one in transactions if one.kind == MARKET_ORDER and _is_ours(one, intent.pair, tags)}
    outcomes = [
        one
        for one in transactions
        if one.kind in {ORDER_FILL, ORDER_CANCEL} and (one.order_id in orders or one.client_id in tags)
    ]
    if outcomes:
        return _result(outcomes)
    for one in transactions:
        if one.kind == MARKET_ORDER_REJECT and one.client_id in tags and one.reject_reason is not None:
            return Rejected(one.reject_reason)
    if orders:
        raise MessageError(f"OANDA's transactions show an order to close {intent.pair}, but not its outcome")
    return None


def _is_ours(order: AccountTransaction, pair: str, tags: set[str]) -> bool:
    if order.client_id is not None:
        return order.client_id in tags
    return order.reason == POSITION_CLOSEOUT and order.pair == pair


def _second_tag(tag: str) -> str:
    return f"{tag}-{_SHORT}"


def _request(position: OandaPosition, tag: str) -> dict[str, Any]:
    body: dict[str, Any] = {f"{_LONG}Units": "NONE", f"{_SHORT}Units": "NONE"}
    for side, units in ((_LONG, position.long), (_SHORT, position.short)):
        if units:
            body[f"{side}Units"] = "ALL"
            body[f"{side}ClientExtensions"] = {"id": tag}
            tag = _second_tag(tag)
    return body


def _result(transactions: Sequence[AccountTransaction]) -> CloseResult | None:
    fills = tuple(_fill(one) for one in transactions if one.kind == ORDER_FILL)
    for one in transactions:
        if one.kind == ORDER_CANCEL:
            return Cancelled(one.reason or "no reason given", fills)
    return PositionClosed(fills) if fills else None


def _fill(fill: AccountTransaction) -> CloseFill:
    if fill.units is None or fill.price is None or fill.pl is None:
        raise MessageError(f"OANDA's transaction {fill.id} fills an order without units, price or profit")
    return CloseFill(units=fill.units, price=fill.price, pl=fill.pl, transaction_id=fill.id)
