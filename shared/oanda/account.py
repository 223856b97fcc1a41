"""What the token may see: accounts, the instruments of an account, and the account's state."""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from shared.contracts.errors import InputError, MessageError
from shared.contracts.instruments import counted, pip_setting
from shared.core.types import Instrument
from shared.oanda.connection import OandaConnection
from shared.oanda.decoding import read, transaction_number

_MOST_DIGITS: Final = 10


class OandaInstrument(msgspec.Struct, frozen=True, rename="camel"):
    """What may be traded: a pip is 10**pip_location, prices have at most display_precision decimals."""

    name: str
    pip_location: int
    display_precision: int
    minimum_trade_size: str = "1"

    def instrument(self) -> Instrument:
        """Return its price grid; InputError where a price step is not a tenth of a pip, which all rules rely on."""
        base, _, quote = self.name.partition("_")
        digits = self.display_precision
        if not base or not quote or digits != 1 - self.pip_location or not 0 < digits <= _MOST_DIGITS:
            raise InputError(
                f"{self.name} cannot be traded here: its prices have {digits} decimals and its pip is "
                f"10^{self.pip_location}, while a price step must be a tenth of a pip; choose another pair"
            )
        return counted(self.name, digits, self._minimum_units())

    def _minimum_units(self) -> int:
        """Return the smallest order in whole units, in which alone is traded here."""
        try:
            return max(1, math.ceil(Decimal(self.minimum_trade_size)))
        except (ArithmeticError, ValueError):
            raise MessageError(f"OANDA's minimumTradeSize of {self.name} is {self.minimum_trade_size!r}") from None


def unlike_listed(each: Instrument, found: OandaInstrument) -> str | None:
    """Say how OANDA's own list differs from what is known of an instrument and how to mend that, None if it does not.

    Raises InputError where it cannot be traded at all.
    """
    listed = found.instrument()
    if listed.digits != each.digits:
        return (
            f"OANDA quotes {each.name} with {listed.digits} decimals, but here its prices have {each.digits}: say "
            f"{pip_setting(each.name, listed.digits)} in the settings"
        )
    if listed.minimum_units > each.minimum_units:
        return (
            f"OANDA takes no order of less than {listed.minimum_units} units in {each.name}, but here the smallest is "
            f"{each.minimum_units}: say [instruments.{each.name}] minimum = {listed.minimum_units} in the settings"
        )
    return None


class AccountSummary(NamedTuple):
    """An account's state: its currency, and the number of its last transaction."""

    currency: str
    last_transaction_id: int


class _Instruments(msgspec.Struct):
    instruments: list[OandaInstrument]


class _Account(msgspec.Struct):
    currency: str
    last_transaction: str | int = msgspec.field(name="lastTransactionID")


class _Summary(msgspec.Struct):
    account: _Account


class _AccountName(msgspec.Struct):
    id: str


class _Accounts(msgspec.Struct):
    accounts: list[_AccountName]


def account_ids(connection: OandaConnection) -> tuple[str, ...]:
    """Return the ids of all accounts that the token may use."""
    return connection.ask("/accounts", parse_accounts)


def account_instruments(
    connection: OandaConnection, pairs: Sequence[str] = (), *, patience_seconds: float | None = None
) -> dict[str, OandaInstrument]:
    """Return the instruments of the account by name, all or those asked for."""
    params = {"instruments": ",".join(pairs)} if pairs else None
    listed = connection.ask(
        "/accounts/{accountID}/instruments", parse_instruments, params, patience_seconds=patience_seconds
    )
    return {instrument.name: instrument for instrument in listed}


def account_summary(connection: OandaConnection) -> AccountSummary:
    """Return the account's state."""
    return connection.ask("/accounts/{accountID}/summary", parse_summary)


def parse_accounts(body: object) -> tuple[str, ...]:
    """Read a list of accounts; MessageError where the body is none."""
    return tuple(account.id for account in read(body, _Accounts, "list of accounts").accounts)


def parse_instruments(body: object) -> list[OandaInstrument]:
    """Read a list of instruments; MessageError where the body is none."""
    return read(body, _Instruments, "list of instruments").instruments


def parse_summary(body: object) -> AccountSummary:
    """Read an account or its summary; MessageError where the body is neither."""
    account = read(body, _Summary, "account summary").account
    return AccountSummary(account.currency, transaction_number(account.last_transaction))
