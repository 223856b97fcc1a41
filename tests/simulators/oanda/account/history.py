"""The account's history as its endpoints show it: transactions, and what changed since one."""

from typing import Any, Final

from tests.simulators.oanda.account.views import position_body, price_state, result_of_fills, trade_body
from tests.simulators.oanda.exchange import Exchange
from tests.simulators.oanda.forms import MISSING_DATA, Request, Response, failure, invalid
from tests.simulators.oanda.moments import Body, Moment

_PAGE_SIZE: Final = 100
_MOST_ON_PAGE: Final = 1000


def changes(exchange: Exchange, request: Request) -> Response:
    """Show what the transactions after one have changed, and what prices make of the account."""
    ledger = exchange.ledger
    newer = ledger.since(_known_id(exchange, request, "sinceTransactionID"))
    fills = [each for each in newer if each["type"] == "ORDER_FILL"]
    touched = sorted({fill["instrument"] for fill in fills})
    opened = [fill["tradeOpened"]["tradeID"] for fill in fills if "tradeOpened" in fill]
    reduced = [fill["tradeReduced"]["tradeID"] for fill in fills if "tradeReduced" in fill]
    closed = [each["tradeID"] for fill in fills for each in fill.get("tradesClosed", [])]
    cancelled = [each["orderID"] for each in newer if each["type"] == "ORDER_CANCEL"]
    created = [
        each["id"] for each in newer if each["id"] in ledger.orders and ledger.orders[each["id"]].state == "PENDING"
    ]
    found: Body = {
        "ordersCreated": _orders(exchange, created),
        "ordersCancelled": _orders(exchange, cancelled),
        "ordersFilled": _orders(exchange, [fill["orderID"] for fill in fills]),
        "ordersTriggered": [],
        "tradesOpened": _trades(exchange, opened),
        "tradesReduced": _trades(exchange, reduced),
        "tradesClosed": _trades(exchange, closed),
        "positions": [position_body(exchange, name, priced=False) for name in touched],
        "transactions": newer,
    }
    state = price_state(exchange) | result_of_fills(exchange)
    state |= {
        "orders": [],
        "trades": [_priced_trade(exchange, each.id) for each in ledger.open_trades()],
        "positions": [_priced_position(exchange, name) for name in ledger.known if ledger.open_trades(name)],
    }
    return Response(200, {"changes": found, "state": state, "lastTransactionID": ledger.last_id})


def transactions_since(exchange: Exchange, request: Request) -> Response:
    """List the transactions after one, as many as go into one answer."""
    found = exchange.ledger.since(_known_id(exchange, request, "id"))[: exchange.faults.most_transactions]
    return Response(200, {"transactions": found, "lastTransactionID": exchange.ledger.last_id})


def transactions_between(exchange: Exchange, request: Request) -> Response:
    """List the transactions from one to another."""
    first, last = _known_id(exchange, request, "from"), _known_id(exchange, request, "to")
    if not 0 < first <= last:
        raise _out_of_range()
    found = exchange.ledger.transactions[first - 1 : last]
    return Response(200, {"transactions": found, "lastTransactionID": exchange.ledger.last_id})


def transaction(exchange: Exchange, _request: Request, transaction_id: str) -> Response:
    """Show one transaction."""
    ledger = exchange.ledger
    if not 0 < int(transaction_id) <= len(ledger.transactions):
        raise failure(404, "The transaction ID specified does not exist", "NO_SUCH_TRANSACTION")
    found = ledger.transactions[int(transaction_id) - 1]
    return Response(200, {"transaction": found, "lastTransactionID": ledger.last_id})


def transaction_pages(exchange: Exchange, request: Request, address: str) -> Response:
    """List the addresses of pages that hold the transactions of a time range."""
    ledger = exchange.ledger
    start = request.moment("from") or ledger.created_at
    end = request.moment("to") or exchange.moment
    size = request.count("pageSize", _PAGE_SIZE)
    if not size or size > _MOST_ON_PAGE:
        raise invalid("pageSize")
    ids = [int(each["id"]) for each in ledger.transactions if start <= each["time"].nanoseconds <= end]
    pages = [ids[at : at + size] for at in range(0, len(ids), size)]
    body: Body = {
        "from": Moment(start),
        "to": Moment(end),
        "pageSize": size,
        "count": len(ids),
        "pages": [f"{address}/idrange?from={page[0]}&to={page[-1]}" for page in pages],
        "lastTransactionID": ledger.last_id,
    }
    return Response(200, body)


def _known_id(exchange: Exchange, request: Request, name: str) -> int:
    found = request.count(name)
    if found is None:
        raise failure(400, MISSING_DATA)
    if found > len(exchange.ledger.transactions):
        raise _out_of_range()
    return found


def _out_of_range() -> Exception:
    return failure(416, "The Transaction ID range specified cannot be satisfied")


def _orders(exchange: Exchange, ids: list[str]) -> list[dict[str, Any]]:
    return [exchange.ledger.orders[each].body for each in ids]


def _trades(exchange: Exchange, ids: list[str]) -> list[Body]:
    return [trade_body(exchange, exchange.ledger.trades[each], priced=False) for each in ids]


def _priced_trade(exchange: Exchange, trade_id: str) -> Body:
    body = trade_body(exchange, exchange.ledger.trades[trade_id])
    return {"id": trade_id, "unrealizedPL": body["unrealizedPL"], "marginUsed": body["marginUsed"]}


def _priced_position(exchange: Exchange, name: str) -> Body:
    ledger = exchange.ledger
    body = position_body(exchange, name)
    sides = {side: body[side] for side in ("long", "short")}
    shown = {f"{side}UnrealizedPL": each["unrealizedPL"] for side, each in sides.items() if isinstance(each, dict)}
    assert ledger.open_trades(name)
    return {"instrument": name, "netUnrealizedPL": body["unrealizedPL"], **shown, "marginUsed": body["marginUsed"]}
