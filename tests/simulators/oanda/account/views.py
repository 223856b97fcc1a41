"""The account as its endpoints show it: instruments, summary, positions, trades and orders."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from shared.core.types import Instrument
from tests.simulators.oanda.account.ledger import MARGIN_RATE, Trade, money
from tests.simulators.oanda.exchange import Exchange
from tests.simulators.oanda.forms import ApiError, Request, Response, failure, invalid
from tests.simulators.oanda.moments import Body, Moment
from tests.simulators.oanda.prices import home_conversion, home_rate

_ZERO: Final = "0.0000"
_DAYS: Final = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_DAYS_CHARGED: Final = (1, 1, 3, 1, 1, 0, 0)


def accounts(exchange: Exchange, _request: Request) -> Response:
    """List the accounts of the token."""
    return Response(200, {"accounts": [{"id": exchange.ledger.account_id, "tags": []}]})


def instruments(exchange: Exchange, request: Request) -> Response:
    """List what can be traded, all or those asked for."""
    names = _names(request, "instruments") or list(exchange.market.pairs)
    bodies = [_instrument_body(exchange.pair(name).instrument) for name in names]
    return _ending(exchange, {"instruments": bodies})


def pricing(exchange: Exchange, request: Request) -> Response:
    """Show the current prices, or those that changed since a time."""
    names = _names(request, "instruments")
    if not names:
        raise invalid("instruments")
    since = request.moment("since")
    quotes = [exchange.quote(name) for name in names]
    body: Body = {
        "time": Moment(exchange.moment),
        "prices": [quote.body() for quote in quotes if since is None or quote.time > since],
    }
    if request.flag("includeHomeConversions"):
        home = exchange.ledger.currency
        currencies = sorted({currency for quote in quotes for currency in quote.instrument[1:3]})
        rates = {each: home_rate(exchange.market, each, home, exchange.moment) for each in currencies}
        body["homeConversions"] = [home_conversion(each, rate, home) for each, rate in rates.items()]
    return Response(200, body)


def summary(exchange: Exchange, _request: Request) -> Response:
    """Show the account without its trades, positions and orders."""
    return _ending(exchange, {"account": _account_body(exchange)})


def account(exchange: Exchange, _request: Request) -> Response:
    """Show the whole account."""
    ledger = exchange.ledger
    body = _account_body(exchange) | {
        "trades": [trade_body(exchange, trade) for trade in ledger.open_trades()],
        "positions": [position_body(exchange, name) for name in ledger.known],
        "orders": [order.body for order in ledger.pending_orders()],
    }
    return _ending(exchange, {"account": body})


def positions(exchange: Exchange, _request: Request) -> Response:
    """List the positions of everything that was ever traded."""
    return _ending(exchange, {"positions": [position_body(exchange, name) for name in exchange.ledger.known]})


def open_positions(exchange: Exchange, _request: Request) -> Response:
    """List the positions that are not flat."""
    held = [name for name in exchange.ledger.known if exchange.ledger.open_trades(name)]
    return _ending(exchange, {"positions": [position_body(exchange, name) for name in held]})


def position(exchange: Exchange, _request: Request, instrument: str) -> Response:
    """Show one position, flat or not; 404 if the instrument was never traded."""
    exchange.pair(instrument)
    if instrument not in exchange.ledger.known:
        raise failure(404, "The Position requested does not exist", "NO_SUCH_POSITION")
    return _ending(exchange, {"position": position_body(exchange, instrument)})


def trades(exchange: Exchange, request: Request) -> Response:
    """List trades, newest first: open ones, or those of the state, instrument or ids asked for."""
    state = request.params.get("state", "OPEN")
    ids, instrument = _names(request, "ids"), request.params.get("instrument")
    found = [
        trade
        for trade in reversed(exchange.ledger.trades.values())
        if (trade.id in ids if ids else state == "ALL" or state == _state(trade))
        and (instrument is None or trade.instrument.name == instrument)
    ]
    return _ending(exchange, {"trades": [trade_body(exchange, trade) for trade in found]})


def open_trades(exchange: Exchange, _request: Request) -> Response:
    """List the open trades, newest first."""
    found = reversed(exchange.ledger.open_trades())
    return _ending(exchange, {"trades": [trade_body(exchange, trade) for trade in found]})


def trade(exchange: Exchange, _request: Request, trade_id: str) -> Response:
    """Show one trade."""
    found = exchange.ledger.trades.get(trade_id)
    if found is None:
        raise _absent(exchange, "NO_SUCH_TRADE", "The Trade specified does not exist")
    return _ending(exchange, {"trade": trade_body(exchange, found)})


def pending_orders(exchange: Exchange, _request: Request) -> Response:
    """List the resting orders, newest first."""
    return _ending(exchange, {"orders": [order.body for order in exchange.ledger.pending_orders()]})


def order(exchange: Exchange, _request: Request, specifier: str) -> Response:
    """Show one order by its id, or a resting one by @ and the client's name for it."""
    ledger = exchange.ledger
    found = ledger.orders.get(specifier)
    if specifier.startswith("@"):
        pending = (each for each in ledger.pending_orders() if each.client_id == specifier[1:])
        found = next(pending, None)
    if found is None:
        raise _absent(exchange, "NO_SUCH_ORDER", "The Order specified does not exist")
    return _ending(exchange, {"order": found.body})


def position_body(exchange: Exchange, name: str, *, priced: bool = True) -> Body:
    """Return a position; without prices only what past fills made of it."""
    ledger = exchange.ledger
    held = ledger.open_trades(name)
    sides = {True: [each for each in held if each.units > 0], False: [each for each in held if each.units < 0]}
    profit = money(ledger.profit(name, long=True) + ledger.profit(name, long=False))
    body: Body = {"instrument": name}
    for label, long in (("long", True), ("short", False)):
        body[label] = _side_body(exchange, sides[long], money(ledger.profit(name, long=long)), priced=priced)
    body |= {"pl": profit, "resettablePL": profit, "financing": _ZERO, "commission": _ZERO}
    body["guaranteedExecutionFees"] = _ZERO
    if priced:
        body["unrealizedPL"] = money(_unrealized(exchange, held))
        body["marginUsed"] = money(_margin(exchange, held))
    return body


def trade_body(exchange: Exchange, trade: Trade, *, priced: bool = True) -> Body:
    """Return a trade; without prices only what past fills made of it."""
    margin = _value(exchange, trade, trade.initial_units) * MARGIN_RATE
    body: Body = {
        "id": trade.id,
        "instrument": trade.instrument.name,
        "price": f"{trade.price:.{trade.instrument.digits}f}",
        "openTime": Moment(trade.opened_at),
        "initialUnits": str(trade.initial_units),
        "initialMarginRequired": money(margin),
        "state": _state(trade),
        "currentUnits": str(trade.units),
        "realizedPL": money(trade.realized),
    }
    if trade.closing_ids:
        body["closingTransactionIDs"] = list(trade.closing_ids)
    body["financing"] = _ZERO
    if trade.closed_at is not None:
        points = Decimal(trade.closed_units_times_points) / abs(trade.initial_units)
        body["closeTime"] = Moment(trade.closed_at)
        body["averageClosePrice"] = f"{points / trade.instrument.points_per_price:.{trade.instrument.digits}f}"
    elif priced:
        body["unrealizedPL"] = money(_unrealized(exchange, [trade]))
        body["marginUsed"] = money(_margin(exchange, [trade]))
    return body


def price_state(exchange: Exchange) -> Body:
    """Return what of the account depends on prices."""
    ledger = exchange.ledger
    held = ledger.open_trades()
    unrealized, margin = _unrealized(exchange, held), _margin(exchange, held)
    worth = ledger.balance + unrealized
    value = sum((_value(exchange, each, each.units) for each in held), Decimal(0))
    percent = f"{margin / 2 / worth:.5f}" if worth else "0.00000"
    return {
        "unrealizedPL": money(unrealized),
        "NAV": money(worth),
        "marginUsed": money(margin),
        "marginAvailable": money(max(Decimal(0), worth - margin)),
        "positionValue": money(value),
        "marginCloseoutUnrealizedPL": money(unrealized),
        "marginCloseoutNAV": money(worth),
        "marginCloseoutMarginUsed": money(margin),
        "marginCloseoutPositionValue": money(value),
        "marginCloseoutPercent": percent,
        "withdrawalLimit": money(max(Decimal(0), worth - margin)),
        "marginCallMarginUsed": money(margin),
        "marginCallPercent": percent,
    }


def _account_body(exchange: Exchange) -> Body:
    ledger = exchange.ledger
    held = ledger.open_trades()
    body: Body = {
        "guaranteedStopLossOrderMode": "DISABLED",
        "hedgingEnabled": False,
        "id": ledger.account_id,
        "createdTime": Moment(ledger.created_at),
        "currency": ledger.currency,
        "createdByUserID": 0,
        "alias": "Primary",
        "marginRate": str(MARGIN_RATE),
        "lastTransactionID": ledger.last_id,
        "balance": money(ledger.balance),
        "openTradeCount": len(held),
        "openPositionCount": len({each.instrument.name for each in held}),
        "pendingOrderCount": len(ledger.pending_orders()),
        "resettablePLTime": Moment(ledger.created_at),
        "dividendAdjustment": "0",
    }
    return body | result_of_fills(exchange) | price_state(exchange)


def result_of_fills(exchange: Exchange) -> Body:
    """Return what past fills have brought."""
    profit = money(sum(exchange.ledger.realized.values(), Decimal(0)))
    return {
        "balance": money(exchange.ledger.balance),
        "pl": profit,
        "resettablePL": profit,
        "financing": _ZERO,
        "commission": _ZERO,
        "guaranteedExecutionFees": _ZERO,
    }


def _side_body(exchange: Exchange, held: list[Trade], profit: str, *, priced: bool) -> Body:
    units = sum(each.units for each in held)
    body: Body = {"units": str(units)}
    if held:
        average = sum((each.price * each.units for each in held), Decimal(0)) / units
        body["averagePrice"] = f"{average:.{held[0].instrument.digits}f}"
        body["tradeIDs"] = [each.id for each in held]
    body |= {"pl": profit, "resettablePL": profit, "financing": _ZERO, "guaranteedExecutionFees": _ZERO}
    if priced:
        body["unrealizedPL"] = money(_unrealized(exchange, held))
    return body


def _instrument_body(instrument: Instrument) -> Body:
    three_digits = instrument.digits == 3
    days: list[Body] = [
        {"dayOfWeek": day, "daysCharged": charged} for day, charged in zip(_DAYS, _DAYS_CHARGED, strict=True)
    ]
    return {
        "name": instrument.name,
        "type": "CURRENCY",
        "displayName": instrument.name.replace("_", "/"),
        "pipLocation": 1 - instrument.digits,
        "displayPrecision": instrument.digits,
        "tradeUnitsPrecision": 0,
        "minimumTradeSize": str(instrument.minimum_units),
        "maximumTrailingStopDistance": "100.000" if three_digits else "1.00000",
        "minimumTrailingStopDistance": "0.050" if three_digits else "0.00050",
        "maximumPositionSize": "0",
        "maximumOrderUnits": "100000000",
        "marginRate": str(MARGIN_RATE),
        "guaranteedStopLossOrderMode": "DISABLED",
        "tags": [{"type": "ASSET_CLASS", "name": "CURRENCY"}],
        "financing": {"longRate": "-0.0185", "shortRate": "-0.0021", "financingDaysOfWeek": days},
    }


def _unrealized(exchange: Exchange, held: Iterable[Trade]) -> Decimal:
    """Return what closing trades at the furthest prices would bring."""
    total = Decimal(0)
    for each in held:
        tick = exchange.pair(each.instrument.name).tick_at(exchange.moment)
        assert tick is not None, "a trade cannot be open before the first price"
        points = (tick.bid if each.units > 0 else tick.ask) - each.price_points
        total += Decimal(points * each.units) / each.instrument.points_per_price * _quote_rate(exchange, each)
    return total


def _margin(exchange: Exchange, held: Iterable[Trade]) -> Decimal:
    return sum((_value(exchange, each, each.units) * MARGIN_RATE for each in held), Decimal(0))


def _value(exchange: Exchange, trade: Trade, units: int) -> Decimal:
    return abs(units) * trade.price * _quote_rate(exchange, trade)


def _quote_rate(exchange: Exchange, trade: Trade) -> Decimal:
    return home_rate(exchange.market, trade.instrument.quote, exchange.ledger.currency, exchange.moment)


def _state(trade: Trade) -> str:
    return "OPEN" if trade.units else "CLOSED"


def _names(request: Request, parameter: str) -> list[str]:
    return [name for name in request.params.get(parameter, "").split(",") if name]


def _ending(exchange: Exchange, body: dict[str, Any]) -> Response:
    return Response(200, body | {"lastTransactionID": exchange.ledger.last_id})


def _absent(exchange: Exchange, code: str, message: str) -> ApiError:
    return ApiError(404, {"lastTransactionID": exchange.ledger.last_id, "errorMessage": message, "errorCode": code})
