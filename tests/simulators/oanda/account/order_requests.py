"""Orders as clients send them: checked, rejected, left to rest or executed."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

from shared.contracts.decimals import parse_points
from tests.simulators.oanda.account.fills import MarketOrder, execute
from tests.simulators.oanda.account.ledger import Batch, Order
from tests.simulators.oanda.exchange import Exchange
from tests.simulators.oanda.forms import INVALID_PARAMETER, MISSING_DATA, ApiError, Request, Response, failure
from tests.simulators.oanda.moments import Body

_RESTING: Final = ("LIMIT", "STOP", "MARKET_IF_TOUCHED")
_AT_ONCE: Final = ("FOK", "IOC")
_MOST_UNITS: Final = 100_000_000
_LONGEST_CLIENT_ID: Final = 128
_MESSAGES: Final = {
    "UNITS_INVALID": "Order units specified are invalid",
    "UNITS_LIMIT_EXCEEDED": "The units specified exceeds the maximum number of units allowed",
    "UNITS_PRECISION_EXCEEDED": "The units specified contain more precision than is allowed for the Order's instrument",
    "TIME_IN_FORCE_INVALID": "The timeInForce specified is invalid",
    "PRICE_PRECISION_EXCEEDED": ("The price specified contains more precision than is allowed for the instrument"),
    "PRICE_BOUND_PRECISION_EXCEEDED": "The price bound specified contains more precision than is allowed",
    "STOP_LOSS_ON_FILL_PRICE_PRECISION_EXCEEDED": "The Stop Loss on fill specified price has too much precision",
    "TAKE_PROFIT_ON_FILL_PRICE_PRECISION_EXCEEDED": "The Take Profit on fill specified price has too much precision",
    "CLIENT_ORDER_ID_INVALID": "The client Order ID specified is invalid",
    "CLIENT_ORDER_ID_ALREADY_EXISTS": "The client Order ID specified is already assigned to another pending Order",
}


class _RejectedError(Exception):
    """The order is refused for a reason that the account remembers."""


def create_order(exchange: Exchange, request: Request) -> Response:
    """Answer an order: 201 filled, cancelled or resting; 400 rejected or not understood."""
    order = request.json().get("order")
    if not isinstance(order, dict) or "type" not in order or "instrument" not in order or "units" not in order:
        raise failure(400, MISSING_DATA)
    kind = order["type"]
    if kind not in ("MARKET", *_RESTING):
        raise failure(400, "Invalid value specified for 'order.type'", INVALID_PARAMETER)
    if order["instrument"] not in exchange.market.pairs:
        raise failure(400, "Invalid value specified for 'order.instrument'", INVALID_PARAMETER)
    units = _number(order, "units")
    batch = Batch(exchange.ledger, exchange.moment)
    try:
        _check(exchange, order, units)
        if kind != "MARKET":
            return _rest(exchange, batch, order, kind)
        market_order = _market_order(exchange, order, int(units))
    except _RejectedError as rejected:
        raise _rejection(batch, order, str(rejected)) from None
    return Response(201, execute(exchange, batch, market_order).body() | batch.closing())


def _number(order: dict[str, Any], name: str) -> Decimal:
    try:
        value = Decimal(order[name]) if isinstance(order[name], str) else Decimal("nan")
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite():
        raise failure(400, f"Invalid value specified for 'order.{name}'", INVALID_PARAMETER)
    return value


def _check(exchange: Exchange, order: dict[str, Any], units: Decimal) -> None:
    if units != int(units):
        raise _RejectedError("UNITS_PRECISION_EXCEEDED")
    if not units:
        raise _RejectedError("UNITS_INVALID")
    if abs(units) > _MOST_UNITS:
        raise _RejectedError("UNITS_LIMIT_EXCEEDED")
    if order["type"] == "MARKET" and order.get("timeInForce", "FOK") not in _AT_ONCE:
        raise _RejectedError("TIME_IN_FORCE_INVALID")
    client_id = (order.get("clientExtensions") or {}).get("id")
    if client_id is not None and not 0 < len(client_id) <= _LONGEST_CLIENT_ID:
        raise _RejectedError("CLIENT_ORDER_ID_INVALID")
    pending = {each.client_id for each in exchange.ledger.pending_orders()}
    if exchange.faults.refuses_known_client_ids and client_id is not None and client_id in pending:
        raise _RejectedError("CLIENT_ORDER_ID_ALREADY_EXISTS")


def _points(exchange: Exchange, order: dict[str, Any], container: dict[str, Any], name: str, reason: str) -> int | None:
    if container.get(name) is None:
        return None
    _number(container, name)
    try:
        return parse_points(container[name], exchange.pair(order["instrument"]).instrument.digits)
    except ValueError:
        raise _RejectedError(reason) from None


def _market_order(exchange: Exchange, order: dict[str, Any], units: int) -> MarketOrder:
    stop, profit = order.get("stopLossOnFill") or {}, order.get("takeProfitOnFill") or {}
    fill = order.get("positionFill", "DEFAULT")
    reduce_only = fill == "REDUCE_ONLY"
    details = {
        "timeInForce": order.get("timeInForce", "FOK"),
        "priceBound": order.get("priceBound"),
        "positionFill": fill,
        "takeProfitOnFill": _shown(profit),
        "stopLossOnFill": _shown(stop, triggerMode="TOP_OF_BOOK"),
        "reason": "CLIENT_ORDER",
        "tradeClientExtensions": order.get("tradeClientExtensions"),
    }
    return MarketOrder(
        instrument=order["instrument"],
        units=units,
        reason="MARKET_ORDER",
        bound_points=_points(exchange, order, order, "priceBound", "PRICE_BOUND_PRECISION_EXCEEDED"),
        stop_points=_stop_points(exchange, order, stop, units),
        profit_points=_points(exchange, order, profit, "price", "TAKE_PROFIT_ON_FILL_PRICE_PRECISION_EXCEEDED"),
        reduce_only=reduce_only,
        extensions=order.get("clientExtensions"),
        details=details,
    )


def _shown(wanted: dict[str, Any], **added: str) -> dict[str, Any] | None:
    return wanted | {"timeInForce": wanted.get("timeInForce", "GTC")} | added if wanted else None


def _stop_points(exchange: Exchange, order: dict[str, Any], stop: dict[str, Any], units: int) -> int | None:
    """Return the stop's price, which may be given as a distance from the price of the fill."""
    reason = "STOP_LOSS_ON_FILL_PRICE_PRECISION_EXCEEDED"
    distance = _points(exchange, order, stop, "distance", reason)
    if distance is None:
        return _points(exchange, order, stop, "price", reason)
    quote = exchange.quote(order["instrument"])
    price = quote.best_ask if units > 0 else quote.best_bid
    return None if price is None else price - distance * (1 if units > 0 else -1)


def _rest(exchange: Exchange, batch: Batch, order: dict[str, Any], kind: str) -> Response:
    """Let an order rest; it is never triggered."""
    if order.get("price") is None:
        raise failure(400, MISSING_DATA)
    _points(exchange, order, order, "price", "PRICE_PRECISION_EXCEEDED")
    shown = {
        "instrument": order["instrument"],
        "units": order["units"],
        "price": order["price"],
        "timeInForce": order.get("timeInForce", "GTC"),
        "triggerCondition": "DEFAULT",
        "partialFill": "DEFAULT",
        "positionFill": order.get("positionFill", "DEFAULT"),
    }
    extensions = order.get("clientExtensions")
    create = batch.add(f"{kind}_ORDER", **shown, reason="CLIENT_ORDER", clientExtensions=extensions)
    body = {"id": create["id"], "createTime": create["time"], "type": kind} | shown
    body |= {"partialFill": "DEFAULT_FILL", "state": "PENDING"} | (
        {"clientExtensions": extensions} if extensions else {}
    )
    exchange.ledger.orders[create["id"]] = Order(create["id"], body)
    answer: Body = {"orderCreateTransaction": create}
    return Response(201, answer | batch.closing())


def _rejection(batch: Batch, order: dict[str, Any], reason: str) -> ApiError:
    reject = batch.add(
        f"{order['type']}_ORDER_REJECT",
        instrument=order["instrument"],
        units=order["units"],
        price=order.get("price"),
        timeInForce=order.get("timeInForce", "FOK" if order["type"] == "MARKET" else "GTC"),
        positionFill=order.get("positionFill", "DEFAULT"),
        reason="CLIENT_ORDER",
        rejectReason=reason,
        clientExtensions=order.get("clientExtensions"),
    )
    body: Body = {"orderRejectTransaction": reject}
    return ApiError(400, body | batch.closing() | {"errorMessage": _MESSAGES[reason], "errorCode": reason})
