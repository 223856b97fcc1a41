"""The account's transactions, numbered one by one: what really happened, whatever an answer said or failed to say."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from shared.contracts.errors import MessageError
from shared.oanda.connection import OandaConnection
from shared.oanda.decoding import finite, read, transaction_number
from shared.oanda.errors import OandaRefusedError

ORDER_FILL: Final = "ORDER_FILL"
ORDER_CANCEL: Final = "ORDER_CANCEL"
MARKET_ORDER: Final = "MARKET_ORDER"
MARKET_ORDER_REJECT: Final = "MARKET_ORDER_REJECT"
POSITION_CLOSEOUT: Final = "POSITION_CLOSEOUT"
_RANGE_NOT_SATISFIABLE: Final = 416


class AccountTransaction(NamedTuple):
    """One transaction; what its kind does not have is None.

    `client_id` is the id that the client gave to the order itself or to the order that this is about, `order_id` is the
    latter's number. Units are negative for selling; `pl` is in the account currency.
    """

    id: int
    kind: str
    pair: str | None
    reason: str | None
    reject_reason: str | None
    order_id: int | None
    client_id: str | None
    units: Decimal | None
    price: Decimal | None
    pl: Decimal | None


class TransactionPage(NamedTuple):
    """Transactions in the order of their numbers, and the number of the account's last one."""

    transactions: tuple[AccountTransaction, ...]
    last_transaction_id: int


class _Extensions(msgspec.Struct):
    id: str | None = None


class _Transaction(msgspec.Struct):
    id: str | int
    type: str
    instrument: str | None = None
    reason: str | None = None
    reject_reason: str | None = msgspec.field(name="rejectReason", default=None)
    order_id: str | int | None = msgspec.field(name="orderID", default=None)
    client_order_id: str | None = msgspec.field(name="clientOrderID", default=None)
    client_extensions: _Extensions | None = msgspec.field(name="clientExtensions", default=None)
    units: Decimal | None = None
    price: Decimal | None = None
    pl: Decimal | None = None


class _Page(msgspec.Struct):
    transactions: list[Any]
    last: str | int = msgspec.field(name="lastTransactionID")


def transactions_since(connection: OandaConnection, transaction_id: int) -> list[AccountTransaction]:
    """Return ALL transactions after the one with this id, in as many requests as that takes.

    Raises MessageError where OANDA leaves one out, since nothing can be concluded then.
    """
    found: list[AccountTransaction] = []
    newest = transaction_id
    while True:
        page = _page_since(connection, newest)
        fresh = [one for one in page.transactions if one.id > newest]
        _check_unbroken(newest, fresh)
        found += fresh
        newest += len(fresh)
        if newest >= page.last_transaction_id:
            return found
        if not fresh:
            raise MessageError(f"OANDA says that transaction {page.last_transaction_id} exists, but does not send it")


def parse_transactions(body: object) -> TransactionPage:
    """Read a body of transactions; MessageError where it is none."""
    page = read(body, _Page, "transactions")
    transactions = sorted(map(parse_transaction, page.transactions), key=lambda one: one.id)
    return TransactionPage(tuple(transactions), transaction_number(page.last))


def parse_transaction(body: object) -> AccountTransaction:
    """Read one transaction of any kind; MessageError where it lacks number or kind."""
    fields = read(body, _Transaction, "transaction")
    extensions = fields.client_extensions
    return AccountTransaction(
        id=transaction_number(fields.id),
        kind=fields.type,
        pair=fields.instrument,
        reason=fields.reason,
        reject_reason=fields.reject_reason,
        order_id=None if fields.order_id is None else transaction_number(fields.order_id),
        client_id=fields.client_order_id if extensions is None or extensions.id is None else extensions.id,
        units=_amount(fields.units),
        price=_amount(fields.price),
        pl=_amount(fields.pl),
    )


def _page_since(connection: OandaConnection, transaction_id: int) -> TransactionPage:
    try:
        return connection.ask(
            "/accounts/{accountID}/transactions/sinceid", parse_transactions, {"id": str(transaction_id)}
        )
    except OandaRefusedError as refused:
        if refused.status != _RANGE_NOT_SATISFIABLE:
            raise
        # There is nothing after it, or it does not exist; the account's last number tells which.
        page = connection.ask(
            "/accounts/{accountID}/summary", lambda body: parse_transactions({**body, "transactions": []})
        )
        if page.last_transaction_id < transaction_id:
            raise
        return page


def _check_unbroken(newest: int, fresh: Sequence[AccountTransaction]) -> None:
    for expected, transaction in enumerate(fresh, newest + 1):
        if transaction.id != expected:
            raise MessageError(f"OANDA left out transaction {expected}: transaction {transaction.id} came instead")


def _amount(number: Decimal | None) -> Decimal | None:
    return None if number is None else finite(number, "amount of a transaction")
