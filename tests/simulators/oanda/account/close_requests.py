"""Closing trades and positions as clients ask for it."""

from typing import Any, Final, Literal, NamedTuple

from tests.simulators.oanda.account.fills import MarketOrder, execute
from tests.simulators.oanda.account.ledger import Batch
from tests.simulators.oanda.exchange import Exchange
from tests.simulators.oanda.forms import ApiError, Request, Response, invalid
from tests.simulators.oanda.moments import Body

_NONE: Final = "NONE"
_ALL: Final = "ALL"
_MISSING: Final = "CLOSEOUT_POSITION_DOESNT_EXIST"
_MESSAGES: Final = {
    _MISSING: "The Position requested to be closed out does not exist",
    "CLOSEOUT_POSITION_INCOMPLETE_SPECIFICATION": "The request to closeout a Position was specified incompletely",
    "CLOSEOUT_POSITION_UNITS_EXCEED_POSITION_SIZE": (
        "The units specified to close exceed the current size of the Position"
    ),
}


class _Side(NamedTuple):
    """What is asked of one side: `open_units` are signed, `units` are signed as the order has them or None."""

    name: Literal["long", "short"]
    asked: str
    open_units: int
    units: int | None
    fault: str | None


def close_position(exchange: Exchange, request: Request, instrument: str) -> Response:
    """Close one side of a position or both; one side that cannot be closed fails the whole request."""
    exchange.pair(instrument)
    body = request.json() if request.body else {}
    asked = {name: body.get(f"{name}Units", _NONE) for name in ("long", "short")}
    batch = Batch(exchange.ledger, exchange.moment)
    if all(value == _NONE for value in asked.values()):
        code = "CLOSEOUT_POSITION_INCOMPLETE_SPECIFICATION"
        raise ApiError(400, {"errorMessage": _MESSAGES[code], "errorCode": code, "lastTransactionID": _last(exchange)})
    sides = [_side(exchange, instrument, name, asked[name]) for name in ("long", "short") if asked[name] != _NONE]
    fault = next((side.fault for side in sides if side.fault), None)
    if fault is not None:
        raise _rejection(exchange, batch, instrument, sides, fault)
    answer: Body = {}
    for side in sides:
        assert side.units is not None
        details = {
            "timeInForce": "FOK",
            "positionFill": "REDUCE_ONLY",
            "reason": "POSITION_CLOSEOUT",
            f"{side.name}PositionCloseout": {"instrument": instrument, "units": side.asked},
        }
        order = MarketOrder(
            instrument=instrument,
            units=side.units,
            reason="MARKET_ORDER_POSITION_CLOSEOUT",
            reduce_only=True,
            extensions=body.get(f"{side.name}ClientExtensions"),
            details=details,
        )
        answer |= execute(exchange, batch, order).body(f"{side.name}Order")
    return Response(200, answer | batch.closing())


def close_trade(exchange: Exchange, request: Request, trade_id: str) -> Response:
    """Close a trade or a part of it."""
    ledger = exchange.ledger
    asked = str((request.json() if request.body else {}).get("units", _ALL))
    batch = Batch(ledger, exchange.moment)
    trade = ledger.trades.get(trade_id)
    if trade is None or not trade.units:
        raise _trade_rejection(batch, 404, trade_id, asked, "TRADE_DOESNT_EXIST", "The Trade specified does not exist")
    units = abs(trade.units) if asked == _ALL else _whole(asked, "units")
    if units > abs(trade.units):
        message = "The request to close a Trade specified more units than the Trade has"
        raise _trade_rejection(batch, 400, trade_id, asked, "CLOSE_TRADE_UNITS_EXCEED_TRADE_SIZE", message)
    details = {
        "timeInForce": "FOK",
        "positionFill": "REDUCE_ONLY",
        "reason": "TRADE_CLOSE",
        "tradeClose": {"units": asked, "tradeID": trade_id},
    }
    order = MarketOrder(
        instrument=trade.instrument.name,
        units=-units if trade.units > 0 else units,
        reason="MARKET_ORDER_TRADE_CLOSE",
        reduce_only=True,
        closes=(trade_id,),
        details=details,
    )
    return Response(200, execute(exchange, batch, order).body() | batch.closing())


def _side(exchange: Exchange, instrument: str, name: Literal["long", "short"], asked: object) -> _Side:
    text = str(asked)
    open_units = exchange.ledger.units(instrument, long=name == "long")
    sign = -1 if name == "long" else 1
    wanted = abs(open_units) if text == _ALL else _whole(text, f"{name}Units")
    if not open_units:
        return _Side(name, text, 0, None, _MISSING)
    too_many = wanted > abs(open_units)
    fault = "CLOSEOUT_POSITION_UNITS_EXCEED_POSITION_SIZE" if too_many else None
    return _Side(name, text, open_units, sign * wanted, fault)


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise invalid(name)
    return int(text)


def _rejection(exchange: Exchange, batch: Batch, instrument: str, sides: list[_Side], fault: str) -> ApiError:
    body: Body = {}
    for side in sides:
        body[f"{side.name}OrderRejectTransaction"] = batch.add(
            "MARKET_ORDER_REJECT",
            rejectReason=side.fault or "CLOSEOUT_POSITION_REJECT",
            instrument=instrument,
            units=None if side.units is None else str(side.units),
            timeInForce="FOK",
            positionFill="REDUCE_ONLY",
            reason="POSITION_CLOSEOUT",
            **{f"{side.name}PositionCloseout": {"instrument": instrument, "units": side.asked}},
        )
    nothing_open = not exchange.ledger.open_trades(instrument)
    status = 404 if fault == _MISSING and nothing_open else 400
    return ApiError(status, body | batch.closing() | {"errorMessage": _MESSAGES[fault], "errorCode": fault})


def _trade_rejection(batch: Batch, status: int, trade_id: str, asked: str, code: str, message: str) -> ApiError:
    reject: dict[str, Any] = batch.add(
        "MARKET_ORDER_REJECT",
        rejectReason=code,
        timeInForce="FOK",
        positionFill="REDUCE_ONLY",
        reason="TRADE_CLOSE",
        tradeClose={"units": asked, "tradeID": trade_id},
    )
    body: Body = {"orderRejectTransaction": reject}
    return ApiError(status, body | batch.closing() | {"errorMessage": message, "errorCode": code})


def _last(exchange: Exchange) -> str:
    return exchange.ledger.last_id
