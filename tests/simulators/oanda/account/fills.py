"""Market orders that meet the market: filled with all their consequences, or cancelled with a reason."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from tests.simulators.oanda.account.ledger import MARGIN_RATE, Batch, Order, Trade, money
from tests.simulators.oanda.exchange import Exchange
from tests.simulators.oanda.moments import Body, Moment
from tests.simulators.oanda.prices import Quote, home_rate


class MarketOrder(NamedTuple):
    """What is to be bought, or sold with units below zero.

    `details` go into the transaction; `closes` names the trades that alone may be reduced.
    """

    instrument: str
    units: int
    reason: str
    details: Mapping[str, Any]
    bound_points: int | None = None
    stop_points: int | None = None
    profit_points: int | None = None
    reduce_only: bool = False
    closes: Sequence[str] | None = None
    extensions: Mapping[str, Any] | None = None


class Execution(NamedTuple):
    """What became of a market order."""

    create: dict[str, Any]
    fill: dict[str, Any] | None
    cancel: dict[str, Any] | None

    def body(self, prefix: str = "order") -> Body:
        """Return the transactions under the names of an answer."""
        found: Body = {f"{prefix}CreateTransaction": self.create}
        if self.fill is not None:
            found[f"{prefix}FillTransaction"] = self.fill
        if self.cancel is not None:
            found[f"{prefix}CancelTransaction"] = self.cancel
        return found


def execute(exchange: Exchange, batch: Batch, order: MarketOrder) -> Execution:
    """Create a market order, and fill it at the best price or cancel it."""
    ledger = exchange.ledger
    quote = exchange.quote(order.instrument)
    create = batch.add(
        "MARKET_ORDER",
        instrument=order.instrument,
        units=str(order.units),
        **order.details,
        clientExtensions=order.extensions,
    )
    kept = {"instrument", "units", "timeInForce", "positionFill", "clientExtensions"}
    body: dict[str, Any] = {"id": create["id"], "createTime": create["time"], "type": "MARKET"}
    body |= {name: create[name] for name in create if name in kept}
    ledger.orders[create["id"]] = Order(create["id"], body)
    reason = _refusal(exchange, order, quote)
    client_id = (order.extensions or {}).get("id")
    if reason is not None:
        cancel = batch.add("ORDER_CANCEL", orderID=create["id"], clientOrderID=client_id, reason=reason)
        body |= {"state": "CANCELLED", "cancellingTransactionID": cancel["id"], "cancelledTime": cancel["time"]}
        return Execution(create, None, cancel)
    fill = _fill(exchange, batch, order, quote, create)
    body |= {"state": "FILLED", "fillingTransactionID": fill["id"], "filledTime": fill["time"]}
    if "tradeOpened" in fill:
        body["tradeOpenedID"] = fill["tradeOpened"]["tradeID"]
    if "tradesClosed" in fill:
        body["tradeClosedIDs"] = [closed["tradeID"] for closed in fill["tradesClosed"]]
    return Execution(create, fill, None)


def _refusal(exchange: Exchange, order: MarketOrder, quote: Quote) -> str | None:
    """Return why an order cannot be filled, or None."""
    buys = order.units > 0
    if not quote.tradeable:
        return "MARKET_HALTED"
    offered = quote.asks if buys else quote.bids
    if sum(level.liquidity for level in offered) < abs(order.units):
        return "INSUFFICIENT_LIQUIDITY"
    assert quote.best_ask is not None
    assert quote.best_bid is not None
    price, other = (quote.best_ask, quote.best_bid) if buys else (quote.best_bid, quote.best_ask)
    side = 1 if buys else -1
    if order.bound_points is not None and (price - order.bound_points) * side > 0:
        return "BOUNDS_VIOLATION"
    if order.stop_points is not None and (order.stop_points - other) * side >= 0:
        return "STOP_LOSS_ON_FILL_LOSS"
    if order.profit_points is not None and (order.profit_points - price) * side <= 0:
        return "TAKE_PROFIT_ON_FILL_LOSS"
    held = sum(trade.units for trade in exchange.ledger.open_trades(order.instrument))
    if order.reduce_only:
        return None if -held * side >= abs(order.units) else "POSITION_CLOSEOUT_FAILED"
    opens = order.units + held
    is_covered = _margin(exchange, order.instrument, opens) <= exchange.ledger.balance
    return None if is_covered else "INSUFFICIENT_MARGIN"


def _margin(exchange: Exchange, instrument: str, units: int) -> Decimal:
    base = instrument.partition("_")[0]
    return abs(units) * MARGIN_RATE * home_rate(exchange.market, base, exchange.ledger.currency, exchange.moment)


def _fill(exchange: Exchange, batch: Batch, order: MarketOrder, quote: Quote, create: dict[str, Any]) -> dict[str, Any]:
    ledger = exchange.ledger
    points = quote.best_ask if order.units > 0 else quote.best_bid
    assert points is not None
    fill = batch.add("ORDER_FILL", orderID=create["id"], clientOrderID=(order.extensions or {}).get("id"))
    closed, left = _reduced(exchange, order, fill["id"], points)
    profit = sum((Decimal(str(each["realizedPL"])) for each in closed), Decimal(0))
    ledger.balance += profit
    rate = home_rate(exchange.market, quote.instrument.quote, ledger.currency, exchange.moment)
    base_rate = home_rate(exchange.market, quote.instrument.base, ledger.currency, exchange.moment)
    half_spread = abs(order.units) * rate * _half_spread(quote)
    fill |= {
        "instrument": order.instrument,
        "units": str(order.units),
        "requestedUnits": str(order.units),
        "price": quote.price_text(points),
        "pl": money(profit),
        "quotePL": _plain(profit / rate),
        "financing": "0.0000",
        "baseFinancing": "0",
        "commission": "0.0000",
        "accountBalance": money(ledger.balance),
        "gainQuoteHomeConversionFactor": _plain(rate),
        "lossQuoteHomeConversionFactor": _plain(rate),
        "guaranteedExecutionFee": "0.0000",
        "quoteGuaranteedExecutionFee": "0",
        "halfSpreadCost": money(half_spread),
        "fullVWAP": quote.price_text(points),
        "reason": order.reason,
    }
    if left and not order.reduce_only:
        fill["tradeOpened"] = _opened(exchange, fill["id"], order.instrument, left, points, half_spread)
    whole = [each for each in closed if ledger.trades[each["tradeID"]].units == 0]
    partial = [each for each in closed if ledger.trades[each["tradeID"]].units]
    if whole:
        fill["tradesClosed"] = whole
    if partial:
        fill["tradeReduced"] = partial[0]
    fill["fullPrice"] = {
        "closeoutBid": quote.price_text(quote.closeout_bid),
        "closeoutAsk": quote.price_text(quote.closeout_ask),
        "timestamp": Moment(quote.time),
        "bids": quote.depth(quote.bids, as_text=True),
        "asks": quote.depth(quote.asks, as_text=True),
    }
    fill["homeConversionFactors"] = {
        "gainQuoteHome": {"factor": _plain(rate)},
        "lossQuoteHome": {"factor": _plain(rate)},
        "gainBaseHome": {"factor": _plain(base_rate)},
        "lossBaseHome": {"factor": _plain(base_rate)},
    }
    _cancel_linked(exchange, batch, whole)
    if "tradeOpened" in fill:
        _protect(exchange, batch, order, fill)
    return fill


def _reduced(exchange: Exchange, order: MarketOrder, fill_id: str, points: int) -> tuple[list[dict[str, Any]], int]:
    """Close trades of the other side, oldest first; return what was closed and how many units are left."""
    ledger, left = exchange.ledger, order.units
    closed = []
    for trade in ledger.open_trades(order.instrument):
        if not left or (trade.units > 0) == (order.units > 0):
            continue
        if order.closes is not None and trade.id not in order.closes:
            continue
        units = max(left, -trade.units) if left < 0 else min(left, -trade.units)
        closed.append(_close_part(exchange, trade, units, fill_id, points))
        left -= units
    return closed, left


def _close_part(exchange: Exchange, trade: Trade, units: int, fill_id: str, points: int) -> dict[str, Any]:
    ledger, instrument = exchange.ledger, trade.instrument
    rate = home_rate(exchange.market, instrument.quote, ledger.currency, exchange.moment)
    profit = Decimal((points - trade.price_points) * -units) / instrument.points_per_price * rate
    profit = Decimal(money(profit))
    side = (instrument.name, trade.units > 0)
    ledger.realized[side] = ledger.realized.get(side, Decimal(0)) + profit
    trade.units += units
    trade.realized += profit
    trade.closing_ids.append(fill_id)
    trade.closed_units_times_points += abs(units) * points
    if not trade.units:
        trade.closed_at = exchange.moment
    return {
        "tradeID": trade.id,
        "units": str(units),
        "realizedPL": money(profit),
        "financing": "0.0000",
        "price": exchange.quote(instrument.name).price_text(points),
        "guaranteedExecutionFee": "0.0000",
        "halfSpreadCost": "0.0000",
    }


def _opened(
    exchange: Exchange, fill_id: str, instrument: str, units: int, points: int, half_spread: Decimal
) -> dict[str, Any]:
    pair = exchange.pair(instrument).instrument
    trade = Trade(fill_id, pair, points, exchange.moment, units, units)
    exchange.ledger.trades[fill_id] = trade
    return {
        "price": exchange.quote(instrument).price_text(points),
        "tradeID": fill_id,
        "units": str(units),
        "guaranteedExecutionFee": "0.0000",
        "quoteGuaranteedExecutionFee": "0",
        "halfSpreadCost": money(half_spread),
        "initialMarginRequired": money(_margin(exchange, instrument, units)),
    }


def _protect(exchange: Exchange, batch: Batch, order: MarketOrder, fill: dict[str, Any]) -> None:
    """Create the take-profit and the stop-loss of a trade that was opened; they rest and are never triggered."""
    quote = exchange.quote(order.instrument)
    for kind, points in (("TAKE_PROFIT", order.profit_points), ("STOP_LOSS", order.stop_points)):
        if points is None:
            continue
        shared: dict[str, Any] = {
            "tradeID": fill["tradeOpened"]["tradeID"],
            "price": quote.price_text(points),
            "timeInForce": "GTC",
            "triggerCondition": "DEFAULT",
        }
        created = batch.add(f"{kind}_ORDER", **shared, reason="ON_FILL")
        body = {"id": created["id"], "createTime": created["time"], "type": kind} | shared | {"state": "PENDING"}
        exchange.ledger.orders[created["id"]] = Order(created["id"], body)
        exchange.ledger.trades[shared["tradeID"]].order_ids.append(created["id"])


def _cancel_linked(exchange: Exchange, batch: Batch, closed: Sequence[Mapping[str, Any]]) -> None:
    for each in closed:
        for order_id in exchange.ledger.trades[each["tradeID"]].order_ids:
            order = exchange.ledger.orders[order_id]
            if order.state == "PENDING":
                cancel = batch.add("ORDER_CANCEL", orderID=order_id, reason="LINKED_TRADE_CLOSED")
                order.body |= {
                    "state": "CANCELLED",
                    "cancellingTransactionID": cancel["id"],
                    "cancelledTime": cancel["time"],
                }


def _half_spread(quote: Quote) -> Decimal:
    assert quote.best_ask is not None
    assert quote.best_bid is not None
    return Decimal(quote.best_ask - quote.best_bid) / 2 / quote.instrument.points_per_price


def _plain(value: Decimal) -> str:
    return f"{value.quantize(Decimal('0.00000001')).normalize():f}"
