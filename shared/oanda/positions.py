"""The positions of an account: units and average price of the long and of the short side."""

from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from shared.oanda.connection import OandaConnection
from shared.oanda.decoding import finite, read, transaction_number
from shared.oanda.errors import NO_SUCH_POSITION, OandaRefusedError

_NOT_FOUND: Final = 404


class PositionSide(NamedTuple):
    """One side: units, negative when short and 0 when flat, average price (None when flat), unrealised profit."""

    units: Decimal
    average_price: Decimal | None
    unrealized_pl: Decimal


class OandaPosition(NamedTuple):
    """What is open in a pair; only hedging accounts can have both sides open."""

    pair: str
    long: PositionSide
    short: PositionSide

    @property
    def is_open(self) -> bool:
        """Return whether any side is open."""
        return bool(self.long.units or self.short.units)


class PositionPage(NamedTuple):
    """Positions, and the number of the account's last transaction when they were read."""

    positions: tuple[OandaPosition, ...]
    last_transaction_id: int


class _Side(msgspec.Struct):
    units: Decimal
    average_price: Decimal | None = msgspec.field(name="averagePrice", default=None)
    unrealized_pl: Decimal = msgspec.field(name="unrealizedPL", default=Decimal(0))


class _Position(msgspec.Struct):
    instrument: str
    long: _Side
    short: _Side


class _Positions(msgspec.Struct):
    positions: list[_Position]
    last: str | int = msgspec.field(name="lastTransactionID")


class _One(msgspec.Struct):
    position: _Position


def open_positions(connection: OandaConnection, *, patience_seconds: float | None = None) -> PositionPage:
    """Return the positions that are open."""
    answer = connection.get("/accounts/{accountID}/openPositions", patience_seconds=patience_seconds)
    page = parse_positions(answer.body)
    return page._replace(positions=tuple(one for one in page.positions if one.is_open))


def position_of(
    connection: OandaConnection, pair: str, *, patience_seconds: float | None = None
) -> OandaPosition | None:
    """Return what is open in a pair, None where it is flat or was never traded."""
    try:
        answer = connection.get(f"/accounts/{{accountID}}/positions/{pair}", patience_seconds=patience_seconds)
    except OandaRefusedError as refused:
        if refused.status == _NOT_FOUND and refused.body.code == NO_SUCH_POSITION:
            return None
        raise
    position = parse_position(answer.body)
    return position if position.is_open else None


def parse_positions(body: object) -> PositionPage:
    """Read a list of positions; MessageError where the body is none."""
    fields = read(body, _Positions, "positions")
    return PositionPage(tuple(map(_position, fields.positions)), transaction_number(fields.last))


def parse_position(body: object) -> OandaPosition:
    """Read one position; MessageError where the body is none."""
    return _position(read(body, _One, "position").position)


def _position(fields: _Position) -> OandaPosition:
    return OandaPosition(fields.instrument, _side(fields.long), _side(fields.short))


def _side(fields: _Side) -> PositionSide:
    price = fields.average_price
    return PositionSide(
        finite(fields.units, "units"),
        None if price is None else finite(price, "averagePrice"),
        finite(fields.unrealized_pl, "unrealizedPL"),
    )
