"""What the token may see: accounts, the instruments of an account, and what the account is worth."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from shared.contracts.errors import InputError
from shared.core.types import Instrument
from shared.oanda.connection import OandaConnection
from shared.oanda.decoding import finite, read, transaction_number

_MOST_DIGITS: Final = 10


class OandaInstrument(NamedTuple):
    """What may be traded and how: a pip is 10**pip_location, prices have at most display_precision decimals.

    `maximum_position_size` None is no limit; `margin_rate` is the part of the value that is held as margin.
    """

    name: str
    kind: str
    pip_location: int
    display_precision: int
    units_precision: int
    minimum_trade_size: Decimal
    maximum_order_units: Decimal
    maximum_position_size: Decimal | None
    margin_rate: Decimal

    def instrument(self) -> Instrument:
        """Return its price grid; InputError where a price step is not a tenth of a pip, which all rules rely on."""
        base, _, quote = self.name.partition("_")
        digits = self.display_precision
        if not base or not quote or digits != 1 - self.pip_location or not 0 < digits <= _MOST_DIGITS:
            raise InputError(
                f"{self.name} cannot be traded here: its prices have {digits} decimals and its pip is "
                f"10^{self.pip_location}, while a price step must be a tenth of a pip; choose another pair"
            )
        return Instrument(name=self.name, base=base, quote=quote, digits=digits, points_per_price=10**digits)


class AccountSummary(NamedTuple):
    """An account's state, in the account currency; `nav` is balance and unrealised profit together."""

    account_id: str
    alias: str | None
    currency: str
    balance: Decimal
    nav: Decimal
    unrealized_pl: Decimal
    margin_used: Decimal
    margin_available: Decimal
    open_trade_count: int
    open_position_count: int
    pending_order_count: int
    hedging_enabled: bool
    last_transaction_id: int


class _Instrument(msgspec.Struct, rename="camel"):
    name: str
    pip_location: int
    display_precision: int
    minimum_trade_size: Decimal
    maximum_order_units: Decimal
    margin_rate: Decimal
    trade_units_precision: int = 0
    maximum_position_size: Decimal = Decimal(0)
    type: str = "CURRENCY"


class _Instruments(msgspec.Struct):
    instruments: list[_Instrument]


class _Account(msgspec.Struct, rename="camel"):
    id: str
    currency: str
    balance: Decimal
    nav: Decimal = msgspec.field(name="NAV")
    last_transaction: str | int = msgspec.field(name="lastTransactionID")
    alias: str | None = None
    unrealized_pl: Decimal = msgspec.field(name="unrealizedPL", default=Decimal(0))
    margin_used: Decimal = Decimal(0)
    margin_available: Decimal = Decimal(0)
    open_trade_count: int = 0
    open_position_count: int = 0
    pending_order_count: int = 0
    hedging_enabled: bool = False


class _Summary(msgspec.Struct):
    account: _Account


class _AccountName(msgspec.Struct):
    id: str


class _Accounts(msgspec.Struct):
    accounts: list[_AccountName]


def account_ids(connection: OandaConnection, *, patience_seconds: float | None = None) -> tuple[str, ...]:
    """Return the ids of all accounts that the token may use."""
    return parse_accounts(connection.get("/accounts", patience_seconds=patience_seconds).body)


def account_instruments(
    connection: OandaConnection, pairs: Sequence[str] = (), *, patience_seconds: float | None = None
) -> dict[str, OandaInstrument]:
    """Return the instruments of the account by name, all or those asked for."""
    params = {"instruments": ",".join(pairs)} if pairs else None
    answer = connection.get("/accounts/{accountID}/instruments", params, patience_seconds=patience_seconds)
    return {instrument.name: instrument for instrument in parse_instruments(answer.body)}


def account_summary(connection: OandaConnection, *, patience_seconds: float | None = None) -> AccountSummary:
    """Return the account's state."""
    return parse_summary(connection.get("/accounts/{accountID}/summary", patience_seconds=patience_seconds).body)


def parse_accounts(body: object) -> tuple[str, ...]:
    """Read a list of accounts; MessageError where the body is none."""
    return tuple(account.id for account in read(body, _Accounts, "list of accounts").accounts)


def parse_instruments(body: object) -> list[OandaInstrument]:
    """Read a list of instruments; MessageError where the body is none."""
    return [_instrument(one) for one in read(body, _Instruments, "list of instruments").instruments]


def parse_summary(body: object) -> AccountSummary:
    """Read an account or its summary; MessageError where the body is neither."""
    account = read(body, _Summary, "account summary").account
    return AccountSummary(
        account_id=account.id,
        alias=account.alias,
        currency=account.currency,
        balance=finite(account.balance, "balance"),
        nav=finite(account.nav, "NAV"),
        unrealized_pl=finite(account.unrealized_pl, "unrealizedPL"),
        margin_used=finite(account.margin_used, "marginUsed"),
        margin_available=finite(account.margin_available, "marginAvailable"),
        open_trade_count=account.open_trade_count,
        open_position_count=account.open_position_count,
        pending_order_count=account.pending_order_count,
        hedging_enabled=account.hedging_enabled,
        last_transaction_id=transaction_number(account.last_transaction),
    )


def _instrument(fields: _Instrument) -> OandaInstrument:
    largest = finite(fields.maximum_position_size, "maximumPositionSize")
    return OandaInstrument(
        name=fields.name,
        kind=fields.type,
        pip_location=fields.pip_location,
        display_precision=fields.display_precision,
        units_precision=fields.trade_units_precision,
        minimum_trade_size=finite(fields.minimum_trade_size, "minimumTradeSize"),
        maximum_order_units=finite(fields.maximum_order_units, "maximumOrderUnits"),
        maximum_position_size=largest or None,
        margin_rate=finite(fields.margin_rate, "marginRate"),
    )
