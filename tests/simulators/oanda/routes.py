"""Which answer belongs to which path, after it is known who asks."""

import re
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import unquote

from tests.simulators.oanda import candle_requests
from tests.simulators.oanda.account import close_requests, history, order_requests, views
from tests.simulators.oanda.exchange import Exchange
from tests.simulators.oanda.forms import ApiError, Request, Response, failure, invalid

UNAUTHORIZED: Final = "Insufficient authorization to perform request."
FORBIDDEN: Final = "The provided request was forbidden."
UNKNOWN_PATH: Final = "The requested resource could not be found"
_ACCOUNT_ID: Final = re.compile(r"\d{3}-\d{3}-\d{7,9}-\d{3}")
_STREAM: Final = re.compile(r"/v3/accounts/([^/]+)/pricing/stream")

Answer = Callable[..., Response]


class _Route(NamedTuple):
    method: str
    path: re.Pattern[str]
    answer: Answer


def _route(method: str, path: str, answer: Answer) -> _Route:
    return _Route(method, re.compile("/v3" + path.replace("{}", "([^/]+)")), answer)


_ACCOUNT: Final = "/accounts/{}"
_ROUTES: Final = (
    _route("GET", "/accounts", views.accounts),
    _route("GET", "/instruments/{}/candles", candle_requests.candles),
    _route("GET", _ACCOUNT, views.account),
    _route("GET", _ACCOUNT + "/summary", views.summary),
    _route("GET", _ACCOUNT + "/instruments", views.instruments),
    _route("GET", _ACCOUNT + "/instruments/{}/candles", candle_requests.candles),
    _route("GET", _ACCOUNT + "/candles/latest", candle_requests.latest_candles),
    _route("GET", _ACCOUNT + "/pricing", views.pricing),
    _route("GET", _ACCOUNT + "/changes", history.changes),
    _route("GET", _ACCOUNT + "/positions", views.positions),
    _route("GET", _ACCOUNT + "/openPositions", views.open_positions),
    _route("GET", _ACCOUNT + "/positions/{}", views.position),
    _route("PUT", _ACCOUNT + "/positions/{}/close", close_requests.close_position),
    _route("GET", _ACCOUNT + "/trades", views.trades),
    _route("GET", _ACCOUNT + "/openTrades", views.open_trades),
    _route("GET", _ACCOUNT + "/trades/{}", views.trade),
    _route("PUT", _ACCOUNT + "/trades/{}/close", close_requests.close_trade),
    _route("POST", _ACCOUNT + "/orders", order_requests.create_order),
    _route("GET", _ACCOUNT + "/orders", views.pending_orders),
    _route("GET", _ACCOUNT + "/pendingOrders", views.pending_orders),
    _route("GET", _ACCOUNT + "/orders/{}", views.order),
    _route("GET", _ACCOUNT + "/transactions/sinceid", history.transactions_since),
    _route("GET", _ACCOUNT + "/transactions/idrange", history.transactions_between),
    _route("GET", _ACCOUNT + r"/transactions/(\d+)", history.transaction),
)


def answer(exchange: Exchange, request: Request, address: str) -> Response:
    """Return the answer to a request whose token is good; `address` is the server's own."""
    try:
        return _chosen(exchange, request, address)()
    except ApiError as error:
        return error.response


def changes_account(request: Request) -> bool:
    """Return whether carrying out a request twice would differ from once."""
    return request.method != "GET"


def check_stream(exchange: Exchange, request: Request) -> list[str]:
    """Return the instruments that a stream is asked for; raise `ApiError` unless it can be opened."""
    found = _STREAM.fullmatch(request.path)
    if found is None:
        raise _unknown_path()
    _check_account(exchange, found[1])
    names = [name for name in request.params.get("instruments", "").split(",") if name]
    if not names or any(name not in exchange.market.pairs for name in names):
        raise invalid("instruments")
    return names


def _chosen(exchange: Exchange, request: Request, address: str) -> Callable[[], Response]:
    allowed = False
    for route in (*_ROUTES, _pages_route(address + request.path)):
        found = route.path.fullmatch(request.path)
        if found is None:
            continue
        allowed = True
        if route.method != request.method:
            continue
        arguments = [unquote(part) for part in found.groups()]
        if request.path.startswith("/v3/accounts/"):
            _check_account(exchange, arguments.pop(0))
        return partial(route.answer, exchange, request, *arguments)
    if allowed:
        raise failure(405, "The method is not allowed for the requested resource")
    raise _unknown_path()


def _pages_route(address: str) -> _Route:
    return _route("GET", _ACCOUNT + "/transactions", partial(history.transaction_pages, address=address))


def _check_account(exchange: Exchange, account_id: str) -> None:
    if _ACCOUNT_ID.fullmatch(account_id) is None:
        raise invalid("accountID")
    if account_id != exchange.ledger.account_id or exchange.faults.wrong_account:
        raise failure(403, FORBIDDEN)


def _unknown_path() -> ApiError:
    return failure(404, UNKNOWN_PATH)
