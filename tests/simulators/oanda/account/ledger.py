"""The simulated account: its transactions, orders and trades; times are nanoseconds, prices points, money Decimal."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from shared.core.types import Instrument
from tests.simulators.oanda.moments import Body, Moment

_FIRST_REQUEST_ID: Final = 24_910_393_117_751_396
MARGIN_RATE: Final = Decimal("0.02")


@dataclass
class Trade:
    """A trade; `units` are what is left of it, negative if it was sold."""

    id: str
    instrument: Instrument
    price_points: int
    opened_at: int
    initial_units: int
    units: int
    realized: Decimal = Decimal(0)
    closing_ids: list[str] = field(default_factory=list)
    closed_at: int | None = None
    closed_units_times_points: int = 0
    order_ids: list[str] = field(default_factory=list)

    @property
    def price(self) -> Decimal:
        """Return the opening price."""
        return Decimal(self.price_points) / self.instrument.points_per_price


@dataclass
class Order:
    """An order as its body shows it; `state` is PENDING, FILLED or CANCELLED."""

    id: str
    body: dict[str, Any]

    @property
    def state(self) -> str:
        """Return what became of the order."""
        return str(self.body["state"])

    @property
    def client_id(self) -> str | None:
        """Return the name that the client gave to the order."""
        found = (self.body.get("clientExtensions") or {}).get("id")
        return None if found is None else str(found)


@dataclass
class Ledger:
    """Everything that the account remembers."""

    account_id: str
    currency: str
    balance: Decimal
    created_at: int
    transactions: list[dict[str, Any]] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    trades: dict[str, Trade] = field(default_factory=dict)
    realized: dict[tuple[str, bool], Decimal] = field(default_factory=dict)  # by instrument, and whether long

    def __post_init__(self) -> None:
        opening = Batch(self, self.created_at)
        opening.add("CREATE", divisionID=1, siteID=101, accountUserID=0, accountNumber=1, homeCurrency=self.currency)
        opening.add(
            "TRANSFER_FUNDS",
            amount=money(self.balance),
            fundingReason="CLIENT_FUNDING",
            accountBalance=money(self.balance),
        )

    @property
    def last_id(self) -> str:
        """Return the id of the newest transaction."""
        return str(len(self.transactions))

    @property
    def known(self) -> list[str]:
        """Return the instruments that were ever traded."""
        return sorted({trade.instrument.name for trade in self.trades.values()})

    def open_trades(self, instrument: str | None = None) -> list[Trade]:
        """Return the open trades, oldest first, of one instrument or of all."""
        return [
            trade
            for trade in self.trades.values()
            if trade.units and (instrument is None or trade.instrument.name == instrument)
        ]

    def units(self, instrument: str, *, long: bool) -> int:
        """Return the units that are open on one side; negative on the short side."""
        return sum(trade.units for trade in self.open_trades(instrument) if (trade.units > 0) is long)

    def pending_orders(self) -> list[Order]:
        """Return the resting orders, newest first."""
        return [order for order in reversed(self.orders.values()) if order.state == "PENDING"]

    def profit(self, instrument: str, *, long: bool) -> Decimal:
        """Return what one side has earned so far."""
        return self.realized.get((instrument, long), Decimal(0))

    def since(self, transaction_id: int) -> list[dict[str, Any]]:
        """Return the transactions after one."""
        return self.transactions[transaction_id:]


class Batch:
    """The transactions of one request: consecutive ids, one batch id, one time."""

    def __init__(self, ledger: Ledger, time: int) -> None:
        """Begin after the newest transaction."""
        self._ledger = ledger
        self.time: Final = time
        self._batch_id = str(len(ledger.transactions) + 1)
        self.ids: list[str] = []

    def add(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Write a transaction and return it; fields that are None are left out."""
        identity = str(len(self._ledger.transactions) + 1)
        transaction: dict[str, Any] = {
            "id": identity,
            "accountID": self._ledger.account_id,
            "userID": 0,
            "batchID": self._batch_id,
            "requestID": str(_FIRST_REQUEST_ID + int(self._batch_id)),
            "time": Moment(self.time),
            "type": kind,
        }
        transaction.update({name: value for name, value in fields.items() if value is not None})
        self._ledger.transactions.append(transaction)
        self.ids.append(identity)
        return transaction

    def closing(self) -> Body:
        """Return what ends every answer that wrote transactions."""
        return {"relatedTransactionIDs": list(self.ids), "lastTransactionID": self._ledger.last_id}


def money(amount: Decimal) -> str:
    """Write money with four decimals."""
    return f"{amount.quantize(Decimal('0.0001')):f}"
